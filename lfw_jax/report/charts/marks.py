"""Series of a chart as SVG elements: lines, bars and points, with their intervals."""

import math
from collections.abc import Callable, Sequence

from lfw_jax.report.chart import Role, Series

Place = Callable[[float, float], tuple[float, float]]
"""Maps an abscissa and an ordinate to a position in the SVG image."""

_RADIUS = 4.0
_MARKED = 30  # lines of at most so many points have a marker at each
_RESOLUTION = 0.3  # of a path; nearer points are omitted unless they turn


def series_elements(series: Series, place: Place, hatch: str) -> str:
    """Return the SVG elements of a series.

    Args:
      series: the series.
      place: the mapping of values to positions.
      hatch: the id of the pattern that fills the bars of different pairs.
    """
    if series.kind == "bars":
        return _bars(series, place, hatch)
    parts = []
    if series.low is not None and series.high is not None:
        parts.append(_intervals(series, place))
    points = [place(x, y) for x, y in zip(series.x, series.y, strict=True)]
    if series.kind == "line":
        parts.append(f'<path class="line {series.role}" d="{path(points)}"/>')
        if len(points) > _MARKED:
            return "".join(parts)
    return "".join(parts) + "".join(marker(series.role, *point) for point in points if _is_finite(point))


def marker(role: Role, x: float, y: float) -> str:
    """Return a marker whose shape, like its colour, depends on the role of its series."""
    r = _RADIUS
    corners = {
        "different": ((-r, -r), (r, -r), (r, r), (-r, r)),
        "second": ((-r, -r), (r, -r), (r, r), (-r, r)),
        "third": ((0, -1.3 * r), (1.2 * r, r), (-1.2 * r, r)),
        "fourth": ((0, -1.4 * r), (1.4 * r, 0), (0, 1.4 * r), (-1.4 * r, 0)),
    }.get(role)
    if corners is None:
        return f'<circle class="marker {role}" cx="{x:.1f}" cy="{y:.1f}" r="{r:g}"/>'
    return f'<path class="marker {role}" d="{path([(x + dx, y + dy) for dx, dy in corners])}Z"/>'


def path(points: Sequence[tuple[float, float]]) -> str:
    """Return the `d` attribute of a line through points. Points that are not finite interrupt it."""
    commands, pen, last = [], False, (math.inf, math.inf)
    for index, point in enumerate(points):
        if not _is_finite(point):
            pen = False
            continue
        end = index + 1 == len(points) or not _is_finite(points[index + 1])
        if pen and not end and math.dist(point, last) < _RESOLUTION:
            continue
        commands.append(f"{'L' if pen else 'M'}{point[0]:.1f} {point[1]:.1f}")
        pen, last = True, point
    return "".join(commands)


def _bars(series: Series, place: Place, hatch: str) -> str:
    base = place(series.x[0], 0.0)[1]
    outline: list[tuple[float, float]] = []
    for left, right, value in zip(series.x, series.x[1:], series.y, strict=False):
        (start, top), (end, _) = place(left, value), place(right, value)
        if value:
            outline += [(start, base), (start, top), (end, top), (end, base)]
    if not outline:
        return ""
    shape = _runs(outline)
    parts = [f'<path class="bars {series.role}" d="{shape}"/>']
    if series.role == "different":
        parts.append(f'<path class="hatched" fill="url(#{hatch})" d="{shape}"/>')
    if series.low is not None and series.high is not None:
        centres = [(left + right) / 2 for left, right in zip(series.x, series.x[1:], strict=False)]
        parts.append(_whiskers(series, centres, place))
    return "".join(parts)


def _runs(outline: Sequence[tuple[float, float]]) -> str:
    """Return closed outlines of adjacent bars, given the four corners of each bar."""
    runs: list[list[tuple[float, float]]] = []
    for index in range(0, len(outline), 4):
        corners = list(outline[index : index + 4])
        if runs and abs(runs[-1][-1][0] - corners[0][0]) < 1e-6:
            runs[-1][-1:] = corners[1:]
        else:
            runs.append(corners)
    return "".join("".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(run)) + "Z" for run in runs)


def _intervals(series: Series, place: Place) -> str:
    """Return a band around a line, or a whisker at each point."""
    if series.kind == "points":
        return _whiskers(series, series.x, place)
    assert series.low is not None
    assert series.high is not None
    upper = [place(x, y) for x, y in zip(series.x, series.high, strict=True)]
    lower = [place(x, y) for x, y in zip(series.x, series.low, strict=True)]
    both = [point for point in [*upper, *reversed(lower)] if _is_finite(point)]
    return f'<path class="band {series.role}" d="{path(both)}Z"/>' if both else ""


def _whiskers(series: Series, xs: Sequence[float], place: Place) -> str:
    assert series.low is not None
    assert series.high is not None
    parts = []
    for x, low, high in zip(xs, series.low, series.high, strict=True):
        bottom, top = place(x, low), place(x, high)
        if _is_finite(bottom) and _is_finite(top):
            (centre, y1), (_, y2) = bottom, top
            parts.append(f"M{centre:.1f} {y1:.1f}V{y2:.1f}M{centre - 4:.1f} {y1:.1f}h8M{centre - 4:.1f} {y2:.1f}h8")
    return f'<path class="whisker {series.role}" d="{"".join(parts)}"/>' if parts else ""


def _is_finite(point: tuple[float, float]) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])
