"""The layout of a chart: sizes of text, lines of the legend, and the frame in which values are drawn."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from lfw_jax.report.chart import Chart
from lfw_jax.report.charts.scales import Scale
from lfw_jax.report.typesetting import joined

_LETTER, _BOLD_LETTER = 0.58, 0.62  # mean widths of a letter, relative to the font size
SWATCH = 22.0
_GAP = 16.0


@dataclass(frozen=True)
class Size:
    """A size in which charts are drawn.

    Attributes:
      name: the name of the size, a class of its SVG element.
      width: the width, in units of which the font size is a multiple.
      frame_height: the height of the frame around the values.
      font: the font size.
      ticks: the desired numbers of ticks on both axes.
    """

    name: str
    width: float
    frame_height: float
    font: float
    ticks: tuple[int, int]


WIDE = Size("wide", 760, 280, 13.5, (9, 6))
NARROW = Size("narrow", 340, 230, 12.5, (4, 5))
SQUARE = Size("square", 360, 290, 13, (4, 6))


@dataclass(frozen=True)
class Entry:
    """An entry of the legend.

    Attributes:
      item: what it explains: the index of a series, or of a vertical line after all series.
      lines: its text in lines.
      x: the left end of its swatch.
      y: the baseline of its first line.
    """

    item: int
    lines: Sequence[str]
    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """Positions of the parts of a chart.

    Attributes:
      size: the size.
      title: the lines of the title.
      legend: the entries of the legend.
      label_y: the baseline of the label of the vertical axis, above the frame.
      left: the left end of the frame.
      top: the upper end of the frame.
      width: the width of the frame.
      height: the height of the frame.
      total: the height of the whole chart.
      names: the lines of each named bar; empty for an axis of numbers.
    """

    size: Size
    title: Sequence[str]
    legend: Sequence[Entry]
    label_y: float
    left: float
    top: float
    width: float
    height: float
    total: float


def text_width(text: str, font: float, *, bold: bool = False) -> float:
    """Return the estimated width of a line of text."""
    return len(text) * font * (_BOLD_LETTER if bold else _LETTER)


def line_height(font: float) -> float:
    """Return the distance of two lines of text."""
    return 1.35 * font


def layout_of(chart: Chart, size: Size, y: Scale) -> Layout:
    """Return the positions of the parts of a chart.

    Args:
      chart: the chart.
      size: the size in which it is drawn.
      y: the scale of its vertical axis.
    """
    font, line = size.font, line_height(size.font)
    title = _wrapped(chart.title, size.width, font * 1.08, bold=True)
    below = 1.15 * line * len(title)
    legend, below = _legend(chart, size, below)
    label_y = below + line
    top = label_y + 1.0 * font
    labels = [text_width(y.text(tick), font) for tick in y.ticks(size.ticks[1])]
    left = max(labels, default=0.0) + 14
    right = 1.6 * font
    total = top + size.frame_height + 2 * line + 0.9 * font
    return Layout(size, title, legend, label_y, left, top, size.width - left - right, size.frame_height, total)


def _legend(chart: Chart, size: Size, above: float) -> tuple[list[Entry], float]:
    texts = [series.name for series in chart.series] + [legend_text(*vertical) for vertical in chart.verticals]
    if len(texts) < 2:
        return [], above
    line, entries = line_height(size.font), []
    x, y, rows = 0.0, above + line, 1
    for item, text in enumerate(texts):
        lines = _wrapped(text, size.width - SWATCH - 8, size.font)
        width = SWATCH + 6 + max((text_width(part, size.font) for part in lines), default=0.0)
        if x and x + width > size.width:
            x, y, rows = 0.0, y + rows * line, 1
        entries.append(Entry(item, lines, x, y))
        x, rows = x + width + _GAP, max(rows, len(lines))
    return entries, y + (rows - 1) * line + 0.3 * line


def legend_text(label: str, value: float) -> str:
    """Return the text of a vertical line in the legend."""
    return f"{label}: {value:.4g}"


def _wrapped(text: str, width: float, font: float, *, bold: bool = False) -> list[str]:
    letters = max(8, int(width / (font * (_BOLD_LETTER if bold else _LETTER))))
    return textwrap.wrap(joined(text), letters) if text else []
