"""Parts of a chart around its values as SVG elements: texts, axes with ticks, and the legend."""

from collections.abc import Sequence
from html import escape

from lfw_jax.report.chart import Chart, Series
from lfw_jax.report.charts.layout import SWATCH, Layout, line_height, text_width
from lfw_jax.report.charts.marks import marker, path
from lfw_jax.report.charts.scales import Scale

DASHES = 4
"""The number of line styles of vertical lines."""


def text_lines(lines: Sequence[str], x: float, y: float, font: float, kind: str) -> str:
    """Return lines of text.

    Args:
      lines: the lines, which may contain anything.
      x: their left end.
      y: the baseline of the first one.
      font: the font size.
      kind: the class of the elements.
    """
    return "".join(
        f'<text class="{kind}" x="{x:.1f}" y="{y + index * line_height(font):.1f}" font-size="{font:g}">{escape(line)}</text>'
        for index, line in enumerate(lines)
    )


def axes_elements(chart: Chart, layout: Layout, x: Scale, y: Scale) -> str:
    """Return both axes: grid lines, ticks and labels. Ticks whose texts would touch are omitted.

    Args:
      chart: the chart.
      layout: its layout.
      x: the scale of the abscissas.
      y: the scale of the ordinates.
    """
    return _horizontal_axis(chart, layout, x) + _vertical_axis(chart, layout, y)


def _vertical_axis(chart: Chart, layout: Layout, scale: Scale) -> str:
    font = layout.size.font
    right, bottom = layout.left + layout.width, layout.top + layout.height
    parts = [f'<text class="label" x="0" y="{layout.label_y:.1f}">{escape(chart.y.label)}</text>']
    free = bottom + font
    for tick in scale.ticks(layout.size.ticks[1]):
        level = bottom - layout.height * scale.position(tick)
        if free - level >= line_height(font):
            free = level
            parts.append(f'<path class="grid" d="{path([(layout.left, level), (right, level)])}"/>')
            parts.append(_tick(layout.left - 10, level + 0.35 * font, scale.text(tick), "end"))
    return "".join(parts)


def _horizontal_axis(chart: Chart, layout: Layout, scale: Scale) -> str:
    font, line = layout.size.font, line_height(layout.size.font)
    right, bottom = layout.left + layout.width, layout.top + layout.height
    ticks = [(value, scale.text(value)) for value in scale.ticks(layout.size.ticks[0])]
    if chart.x.names:
        ticks = [(index + 0.5, name) for index, name in enumerate(chart.x.names)]
    parts, free = [], 0.0
    for value, text in ticks:
        place, half = layout.left + layout.width * scale.position(value), text_width(text, font) / 2
        centre = min(place, layout.size.width - half)
        if centre - half < free:
            continue
        free = centre + half + 0.6 * font
        if not chart.x.names:
            parts.append(f'<path class="grid" d="{path([(place, layout.top), (place, bottom + 4)])}"/>')
        parts.append(_tick(centre, bottom + 0.35 * font + line, text, "middle"))
    parts.append(f'<path class="axis" d="{path([(layout.left, bottom), (right, bottom)])}"/>')
    label_y = bottom + 0.45 * font + 2 * line
    parts.append(
        f'<text class="label" x="{right:.1f}" y="{label_y:.1f}" text-anchor="end">{escape(chart.x.label)}</text>'
    )
    return "".join(parts)


def _tick(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def legend_elements(chart: Chart, layout: Layout, hatch: str) -> str:
    """Return the legend: a swatch and a text for each series and each vertical line.

    Args:
      chart: the chart.
      layout: its layout.
      hatch: the id of the pattern that fills the bars of different pairs.
    """
    parts = []
    for entry in layout.legend:
        y = entry.y - 0.35 * layout.size.font
        if entry.item < len(chart.series):
            parts.append(_swatch(chart.series[entry.item], entry.x, y, hatch))
        else:
            dash = (entry.item - len(chart.series)) % DASHES
            parts.append(f'<path class="vertical dash{dash}" d="M{entry.x:.1f} {y:.1f}h{SWATCH:g}"/>')
        parts.append(text_lines(entry.lines, entry.x + SWATCH + 6, entry.y, layout.size.font, "entry"))
    return "".join(parts)


def _swatch(series: Series, x: float, y: float, hatch: str) -> str:
    if series.kind == "bars":
        box = f'd="M{x:.1f} {y - 5:.1f}h{SWATCH:g}v10h-{SWATCH:g}Z"'
        hatched = f'<path class="hatched" fill="url(#{hatch})" {box}/>' if series.role == "different" else ""
        return f'<path class="bars {series.role}" {box}/>{hatched}'
    if series.kind == "points":
        return marker(series.role, x + SWATCH / 2, y)
    return f'<path class="line {series.role}" d="M{x:.1f} {y:.1f}h{SWATCH:g}"/>'
