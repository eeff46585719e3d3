"""Figures of a page: charts as inline SVG with their values, plots and pictures as images."""

import base64
import re

from matplotlib.figure import Figure

from lfw_jax.report.chart import Chart
from lfw_jax.report.charts.svg import chart_svg, sizes_of
from lfw_jax.report.charts.values import chart_json, chart_rows
from lfw_jax.report.gallery import Gallery, rendered_gallery
from lfw_jax.report.heat_table import HeatTable, rendered_heat_table
from lfw_jax.report.style import figure_png, figure_svg

Content = Figure | bytes | Chart | Gallery | HeatTable
"""The content of a figure: a chart, a gallery, a shaded table, a plot, or the content of a JPEG file."""


class FigureNames:
    """Names of the figures of one page, each of them unique in it."""

    def __init__(self):
        self._taken: set[str] = set()

    def unique(self, chart: Chart) -> str:
        """Return a name for a chart: its key, or one that is derived from its title."""
        name = re.sub(r"[^a-z0-9]+", "-", (chart.key or chart.title).lower()).strip("-") or "chart"
        number, unique = 1, name
        while unique in self._taken:
            number += 1
            unique = f"{name}-{number}"
        self._taken.add(unique)
        return unique


def rendered_figure(caption: str, figure: Content, names: FigureNames) -> dict[str, object]:
    """Return what the template needs of a figure.

    Args:
      caption: its caption.
      figure: its content.
      names: the names of the figures of the page so far.
    """
    rendered: dict[str, object] = {"caption": caption, "source": None, "chart": None, "gallery": None, "heat": None}
    if isinstance(figure, Gallery):
        return rendered | {"gallery": rendered_gallery(figure)}
    if isinstance(figure, HeatTable):
        return rendered | {"heat": rendered_heat_table(figure)}
    if not isinstance(figure, Chart):
        return rendered | {"source": _data_uri(figure)}
    name = names.unique(figure)
    chart = {
        "name": name,
        "title": figure.title,
        "square": figure.is_square,
        "drawings": [chart_svg(figure, size, f"chart-{name}") for size in sizes_of(figure)],
        "json": chart_json(figure),
        "rows": chart_rows(figure),
    }
    return rendered | {"chart": chart}


def _data_uri(figure: Figure | bytes) -> str:
    """Return a data URI of a JPEG file, or of a plot as PNG if it has images, else as SVG; `img` runs no scripts in it."""
    if isinstance(figure, bytes):
        kind, content = "jpeg", figure
    elif any(axes.images for axes in figure.axes):
        kind, content = "png", figure_png(figure)
    else:
        kind, content = "svg+xml", figure_svg(figure)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
