"""Reports as one self-contained HTML file, without scripts and external files."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import jinja2
from matplotlib.figure import Figure

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.report.style import figure_png, figure_svg

_NUMBER = re.compile(r"[+\-–−]?[\d.,]*\d(\s?[–±]\s?[\d.,]+)?(\s?%)?|–")


@dataclass(frozen=True)
class Section:
    """A section of the page: text, then a table, then figures.

    Attributes:
      title: the heading.
      text: plain text; an empty line separates paragraphs.
      table: the rows of a table, of which the first is the header; None for no table.
      figures: pairs of a caption and a plot or the content of a JPEG file.
    """

    title: str
    text: str
    table: list[list[str]] | None = None
    figures: Sequence[tuple[str, Figure | bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class Reproduction:
    """The data to reproduce a result, shown in the last section of a page.

    Attributes:
      command: the command line.
      config: the whole configuration as text.
      environment: names and values that describe the machine and versions; empty for no table.
    """

    command: str
    config: str
    environment: Mapping[str, str] = field(default_factory=dict)


def write_page(
    path: str | Path,
    *,
    title: str,
    subtitle: str,
    headline: Sequence[tuple[str, str, str]],
    sections: Sequence[Section],
    reproduction: Reproduction,
    notice: str = "",
) -> Path:
    """Write a report, atomically.

    Args:
      path: the file to write; its folder must exist.
      title: the title of the page.
      subtitle: one line below the title.
      headline: the most important results, as (label, value, note).
      sections: the sections, in order.
      reproduction: the data of the last section.
      notice: a warning at the top, for example that training identities are in the test set; "" for none.

    Returns:
      `path`.
    """
    path = Path(path)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
        resources.files("lfw_jax.report").joinpath("page.html").read_text(encoding="utf-8")
    )
    html = template.render(
        title=title,
        subtitle=subtitle,
        headline=headline,
        sections=[_rendered(section) for section in sections],
        reproduction=reproduction,
        notice=notice,
    )
    with replaced_atomically(path) as unfinished:
        unfinished.write_text(html, encoding="utf-8")
    return path


def _rendered(section: Section) -> dict[str, object]:
    table = section.table or []
    return {
        "title": section.title,
        "paragraphs": [" ".join(p.split()) for p in re.split(r"\n\s*\n", section.text) if p.strip()],
        "head": table[0] if table else [],
        "rows": table[1:],
        "numeric": [_is_numeric(column) for column in zip(*table[1:], strict=True)]
        or [False] * len(table[0] if table else []),
        "figures": [(caption, _data_uri(figure)) for caption, figure in section.figures],
    }


def _is_numeric(column: Sequence[str]) -> bool:
    """Return true if most cells of a column are numbers, so that it is aligned right."""
    return 2 * sum(bool(_NUMBER.fullmatch(cell)) for cell in column) > len(column)


def _data_uri(figure: Figure | bytes) -> str:
    """Return a data URI of a JPEG file, or of a plot as PNG if it has images, else as SVG; `img` runs no scripts in it."""
    if isinstance(figure, bytes):
        kind, content = "jpeg", figure
    elif any(axes.images for axes in figure.axes):
        kind, content = "png", figure_png(figure)
    else:
        kind, content = "svg+xml", figure_svg(figure)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
