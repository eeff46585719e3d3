"""The values of a chart: as JSON for the script of the page, and as rows for readers without it."""

import json
import math
from collections.abc import Sequence

from lfw_jax.report.chart import Chart, Series
from lfw_jax.report.charts.scales import Scale, horizontal_scale, vertical_scale
from lfw_jax.report.charts.thinning import thinned
from lfw_jax.report.formatting import MISSING

_DIGITS = 7  # significant digits of a value in the page
_STEPS = 200  # of the table from which the script interpolates positions on a scale of normal deviates
_SHOWN = 40  # rows of the table of a series


def chart_json(chart: Chart) -> str:
    """Return what the script of a page needs to know of a chart: its scales and its series.

    The text may stand inside a `script` element: it contains no `<`.

    Args:
      chart: the chart.
    """
    return embedded_json(
        {
            "title": chart.title,
            "key": chart.key,
            "follows": chart.follows,
            "x": _axis(horizontal_scale(chart)),
            "y": _axis(vertical_scale(chart)),
            "series": [_series(series) for series in chart.series],
            "verticals": [[label, rounded(value)] for label, value in chart.verticals],
        }
    )


def embedded_json(value: object) -> str:
    """Return compact JSON that may stand inside a `script` element of any content."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def rounded(value: float) -> float | int | None:
    """Return a value with seven significant digits as JSON has it: None if it is not finite."""
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{_DIGITS}g}")
    return int(short) if short == int(short) else short


def chart_rows(chart: Chart) -> list[list[str]]:
    """Return the values of a chart as a table, head first: at most 40 rows per series, evenly spread.

    Args:
      chart: the chart.
    """
    x, y = horizontal_scale(chart), vertical_scale(chart)
    with_intervals = any(series.low is not None for series in chart.series)
    rows = [["Series", chart.x.label, chart.y.label, *(["95 % interval"] if with_intervals else [])]]
    for series in chart.series:
        bars = series.kind == "bars"
        kept = [i for i, value in enumerate(series.y) if value or not bars] or list(range(len(series.y)))
        if len(kept) > _SHOWN:
            kept = [kept[round(i * (len(kept) - 1) / (_SHOWN - 1))] for i in range(_SHOWN)]
        for i in kept:
            row = [series.name, _place(chart, series, i, x), _text(y, series.y[i])]
            if with_intervals:
                row.append(_interval(series, i, y))
            rows.append(row)
    return rows


def _place(chart: Chart, series: Series, index: int, x: Scale) -> str:
    if series.kind != "bars":
        return _text(x, series.x[index])
    if chart.x.names:
        return chart.x.names[index]
    return f"{_text(x, series.x[index])}–{_text(x, series.x[index + 1])}"


def _interval(series: Series, index: int, y: Scale) -> str:
    if series.low is None or series.high is None:
        return MISSING
    return f"{_text(y, series.low[index])}–{_text(y, series.high[index])}"


def _text(scale: Scale, value: float) -> str:
    if not math.isfinite(value):
        return MISSING
    return scale.text(float(f"{value:.4g}") if not float(value).is_integer() else value)


def _axis(scale: Scale) -> dict[str, object]:
    axis = scale.axis
    table = [rounded(value) for value in scale.values_at_equal_steps(_STEPS)] if axis.scale == "normal" else []
    return {
        "table": table,
        "label": axis.label,
        "scale": axis.scale,
        "low": scale.low,
        "high": scale.high,
        "percent": axis.percent,
        "names": list(axis.names),
    }


def _series(series: Series) -> dict[str, object]:
    kept = thinned(series)
    values: dict[str, object] = {"name": series.name, "kind": series.kind, "role": series.role}
    if len(kept.y) < len(series.y):
        values["of"] = len(series.y)
    for name, numbers in (("x", kept.x), ("y", kept.y), ("low", kept.low), ("high", kept.high)):
        if numbers is not None:
            values[name] = _rounded_all(numbers)
    return values


def _rounded_all(numbers: Sequence[float]) -> list[float | int | None]:
    return [rounded(float(number)) for number in numbers]
