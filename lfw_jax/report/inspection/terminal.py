"""The report of an inspection on the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lfw_jax.report.inspection.facts import DUPLICATES, PER_IDENTITY, facts
from lfw_jax.report.inspection.values import bars, pair_in_words

_WIDTH = 80
_LABELS = 28
_BAR = 24
_PAIRS = 8


def print_inspection(summary: Mapping[str, Any], *, console: Console | None = None) -> None:
    """Print the facts of an inspection in groups, then its problems, in at most 80 columns.

    Args:
      summary: the content of an `inspection.json`.
      console: the console to print to; standard output by default.
    """
    console = console or Console()
    width = min(_WIDTH, console.width)
    console.print(Text(f"Inspection of the data of {summary['config']}", style="bold"), width=width)
    for group in facts(summary):
        console.print()
        console.print(Text(group.title, style="bold"), width=width)
        console.print(_grid(group.rows), width=width)
        if group.title == PER_IDENTITY:
            console.print(_histogram(summary), width=width)
        if group.title == DUPLICATES:
            _list(console, [pair_in_words(pair) for pair in summary["duplicates"]["pairs"]], width, "  ")
    for title, sentences, style in (
        ("Training cannot begin", summary["faults"], "bold red"),
        ("Problems", [text[:1].upper() + text[1:] for text in summary["concerns"]], "bold yellow"),
    ):
        if sentences:
            console.print()
            console.print(Text(title, style=style), width=width)
            _list(console, sentences, width, "! ", most=None)
    if not summary["faults"] and not summary["concerns"]:
        console.print()
        console.print(Text("No problem was found.", style="bold green"), width=width)


def _grid(rows: list[tuple[str, str]]) -> Padding:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=_LABELS, overflow="fold")
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(Text(label), Text(value))
    return Padding(table, (0, 0, 0, 2))


def _histogram(summary: Mapping[str, Any]) -> Padding:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(width=_BAR, no_wrap=True)
    table.add_column(overflow="fold")
    for label, bar, counts in bars(summary["images_per_identity"]["histogram"], _BAR):
        table.add_row(Text(label), Text(bar), Text(counts))
    return Padding(table, (1, 0, 0, 2))


def _list(console: Console, lines: list[str], width: int, mark: str, *, most: int | None = _PAIRS) -> None:
    table = Table.grid()
    table.add_column(width=2, no_wrap=True)
    table.add_column(overflow="fold")
    for line in lines[:most]:
        table.add_row(Text(mark), Text(line))
    if most is not None and len(lines) > most:
        table.add_row(Text(mark), Text(f"… and {len(lines) - most} more in inspection.json"))
    console.print(table, width=width)
