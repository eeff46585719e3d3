"""Reports as one self-contained HTML file, complete without its script and without a network."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.report.explorer import Explorer, rendered_explorer
from lfw_jax.report.page_assets import asset, content_security_policy, script
from lfw_jax.report.page_figures import Content, FigureNames, rendered_figure
from lfw_jax.report.typesetting import typeset

# "–", "0.907", "9.0 %", "0.83 M", "21.2 ± 4.6", "86.0–90.8 %", "88.6 % (86.2–90.7)", "+0.1 to +0.4 points", "3 : 5"
_ONE = r"[+\-−]?[\d.,]*\d"
_NUMBER = re.compile(
    rf"–|{_ONE}(?:(?: ?[–±:] ?| to | % to | of ){_ONE})?(?: ?(?:%|M|points))?(?: \({_ONE}(?:–{_ONE})?\))?"
)


@dataclass(frozen=True)
class Section:
    """A section of the page: text, then a table, then figures.

    Attributes:
      title: the heading.
      text: plain text; an empty line separates paragraphs.
      table: the rows of a table, of which the first is the header; None for no table. Readers can sort a table whose first
        heading is not empty.
      figures: pairs of a caption and a chart, a gallery, a shaded table, a plot, or the content of a JPEG file. The script of the
        page makes charts interactive.
      explorer: a slider that moves the threshold in the figures of the page; at most one section of a page has one.
    """

    title: str
    text: str
    table: list[list[str]] | None = None
    figures: Sequence[tuple[str, Content]] = field(default_factory=list)
    explorer: Explorer | None = None


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
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, loader=jinja2.FunctionLoader(asset)
    )
    environment.filters["typeset"] = typeset
    names = FigureNames()
    html = environment.get_template("page.html").render(
        title=title,
        subtitle=subtitle,
        headline=headline,
        sections=[_rendered(section, names) for section in sections],
        reproduction=reproduction,
        notice=notice,
        policy=content_security_policy(),
        page_style=asset("page.css"),
        chart_style=asset("chart.css"),
        script=script(),
    )
    with replaced_atomically(path) as unfinished:
        unfinished.write_text(html, encoding="utf-8")
    return path


def _rendered(section: Section, names: FigureNames) -> dict[str, object]:
    return {
        "title": section.title,
        "paragraphs": [" ".join(p.split()) for p in re.split(r"\n\s*\n", section.text) if p.strip()],
        "table": rendered_table(section.table or []),
        "explorer": rendered_explorer(section.explorer) if section.explorer else None,
        "figures": [rendered_figure(caption, figure, names) for caption, figure in section.figures],
    }


def rendered_table(table: list[list[str]]) -> dict[str, object]:
    """Return what the template needs of a table.

    Args:
      table: its rows, of which the first is the header; all of one length.
    """
    head = table[0] if table else []
    return {
        "head": head,
        "rows": table[1:],
        "numeric": [_is_numeric(column) for column in zip(*table[1:], strict=True)] or [False] * len(head),
        "sortable": bool(head and head[0] and len(table) > 2),
    }


def _is_numeric(column: Sequence[str]) -> bool:
    """Return true if most cells of a column are numbers, so that it is aligned right."""
    return 2 * sum(bool(_NUMBER.fullmatch(cell)) for cell in column) > len(column)
