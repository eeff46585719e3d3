"""Charts as SVG elements whose colours come from the style sheet of the page."""

from html import escape

from lfw_jax.report.chart import Chart
from lfw_jax.report.charts.elements import DASHES, axes_elements, legend_elements, text_lines
from lfw_jax.report.charts.layout import NARROW, SQUARE, WIDE, Layout, Size, layout_of, legend_text, line_height
from lfw_jax.report.charts.marks import Place, path, series_elements
from lfw_jax.report.charts.scales import Scale, horizontal_scale, vertical_scale

_OVERHANG = 5.0  # marks on the edge of the frame are drawn completely
_DIAGONAL_POINTS = 100


def sizes_of(chart: Chart) -> tuple[Size, ...]:
    """Return the sizes in which a chart is drawn: one for a page and one for a phone, or a square."""
    return (SQUARE,) if chart.is_square else (WIDE, NARROW)


def chart_svg(chart: Chart, size: Size, name: str) -> str:
    """Return a chart as an SVG element.

    Args:
      chart: the chart. Its texts may contain anything.
      size: the size in which it is drawn.
      name: the prefix of the ids in the element, unique in the page.
    """
    x, y = horizontal_scale(chart), vertical_scale(chart)
    layout = layout_of(chart, size, y)

    def place(abscissa: float, ordinate: float) -> tuple[float, float]:
        return (
            layout.left + layout.width * x.position(abscissa),
            layout.top + layout.height * (1 - y.position(ordinate)),
        )

    frame = " ".join(f"{value:.1f}" for value in (layout.left, layout.top, layout.width, layout.height))
    ids = f"{name}-{size.name}"
    title_font = 1.08 * size.font
    return "".join(
        (
            f'<svg class="chart {size.name}" viewBox="0 0 {size.width:g} {layout.total:.1f}" role="img" ',
            f'aria-labelledby="{ids}-title {ids}-text" data-frame="{frame}" font-size="{size.font:g}">',
            f'<title id="{ids}-title">{escape(chart.title)}</title><desc id="{ids}-text">{escape(describe(chart))}</desc>',
            _hatch(f"{ids}-hatch") if any(s.role == "different" and s.kind == "bars" for s in chart.series) else "",
            text_lines(layout.title, 0, line_height(size.font), title_font, "title"),
            legend_elements(chart, layout, f"{ids}-hatch"),
            axes_elements(chart, layout, x, y),
            _clipped(layout, _content(chart, place, x, y, f"{ids}-hatch")),
            "</svg>",
        )
    )


def describe(chart: Chart) -> str:
    """Return a description of a chart for readers who do not see it."""
    axes = f"Horizontal axis: {chart.x.label}. Vertical axis: {chart.y.label}."
    names = "; ".join(series.name for series in chart.series if series.name)
    lines = "; ".join(legend_text(*vertical) for vertical in chart.verticals)
    return " ".join(
        [axes, *([f"Series: {names}."] if names else []), *([f"Vertical lines: {lines}."] if lines else [])]
    )


def _content(chart: Chart, place: Place, x: Scale, y: Scale, hatch: str) -> str:
    parts = []
    if chart.diagonal:
        # A line from corner to corner, which is curved where the scales differ.
        shares = [x.low + (x.high - x.low) * index / _DIAGONAL_POINTS for index in range(_DIAGONAL_POINTS + 1)]
        ends = shares[::_DIAGONAL_POINTS] if x.axis.scale == y.axis.scale else shares
        parts.append(f'<path class="diagonal" d="{path([place(share, share) for share in ends])}"/>')
    parts += [series_elements(series, place, hatch) for series in chart.series]
    for index, (_, value) in enumerate(chart.verticals):
        line = path([place(value, y.low), place(value, y.high)])
        parts.append(f'<path class="vertical dash{index % DASHES}" d="{line}"/>')
    return "".join(parts)


def _clipped(layout: Layout, content: str) -> str:
    left, top = layout.left - _OVERHANG, layout.top - _OVERHANG
    width, height = layout.width + 2 * _OVERHANG, layout.height + 2 * _OVERHANG
    box = f"{left:.1f} {top:.1f} {width:.1f} {height:.1f}"
    return (
        f'<svg class="content" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" viewBox="{box}">'
        f"{content}</svg>"
    )


def _hatch(name: str) -> str:
    return (
        f'<defs><pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path class="hatch" d="M0 0V6"/></pattern></defs>'
    )
