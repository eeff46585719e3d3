"""One HTML file that holds a whole report: no script, no outside file, nothing to install to read it."""

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
    """A part of the page: words, then a table, then figures.

    Attributes:
        title: the heading.
        text: plain text; an empty line starts a new paragraph.
        table: rows of cells, the first row the head; None for no table.
        figures: (caption, figure or the bytes of a JPEG file).
    """

    title: str
    text: str
    table: list[list[str]] | None = None
    figures: Sequence[tuple[str, Figure | bytes]] = field(default_factory=list)


def write_page(
    path: str | Path,
    *,
    title: str,
    subtitle: str,
    command: str,
    headline: Sequence[tuple[str, str, str]],
    sections: Sequence[Section],
    config: str,
    environment: Mapping[str, str],
    notice: str = "",
) -> Path:
    """Write the report, whole or not at all, and return its path.

    Args:
        path: the file to write; its folder must exist.
        title: what was run.
        subtitle: one line below it.
        command: the command line that makes this run again.
        headline: the figures to read first, as (label, value, note).
        sections: the parts, in order.
        config: the whole configuration, shown as it is.
        environment: names and values that describe machine and versions.
        notice: a warning shown above everything, for example that the training people leak into the test.
    """
    path = Path(path)
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
        resources.files("lfw_jax.report").joinpath("page.html").read_text(encoding="utf-8")
    )
    html = template.render(
        title=title,
        subtitle=subtitle,
        command=command,
        headline=headline,
        sections=[_rendered(section) for section in sections],
        config=config,
        environment=environment,
        notice=notice,
    )
    # Beside the target, so that the rename stays on one disk and a reader sees the old page or the new one.
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
    """A column with mostly numbers is set to the right as a whole."""
    return 2 * sum(bool(_NUMBER.fullmatch(cell)) for cell in column) > len(column)


def _data_uri(figure: Figure | bytes) -> str:
    """Photographs go in as PNG or JPEG; drawings as SVG, sharp at any size. Inside `img` none can load or run anything."""
    if isinstance(figure, bytes):
        kind, content = "jpeg", figure
    elif any(axes.images for axes in figure.axes):
        kind, content = "png", figure_png(figure)
    else:
        kind, content = "svg+xml", figure_svg(figure)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
