"""What an inspection found, on the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lfw_jax.report.inspection.facts import bars, facts, pair_in_words

_WIDTH = 80
_LABELS = 28
_BAR = 24
_PAIRS = 8


def print_inspection(summary: Mapping[str, Any], *, console: Console | None = None) -> None:
    """Print an `inspection.json` in groups, at most 80 columns wide: the facts, then what is wrong.

    Args:
      summary: the facts.
      console: where to; standard output by default.
    """
    console = console or Console()
    width = min(_WIDTH, console.width)
    console.print(Text(f"{summary['config']}: what is in this data set", style="bold"), width=width)
    for group in facts(summary):
        console.print()
        console.print(Text(group.title, style="bold"), width=width)
        console.print(_grid(group.rows), width=width)
        if group.title == "Images a person":
            console.print(_histogram(summary), width=width)
        if group.title == "The same picture twice":
            _list(console, [pair_in_words(pair) for pair in summary["duplicates"]["pairs"]], width, "  ")
    for title, sentences, style in (
        ("Training cannot begin", summary["faults"], "bold red"),
        ("What to look at", [text[:1].upper() + text[1:] for text in summary["concerns"]], "bold yellow"),
    ):
        if sentences:
            console.print()
            console.print(Text(title, style=style), width=width)
            _list(console, sentences, width, "! ", most=None)
    if not summary["faults"] and not summary["concerns"]:
        console.print()
        console.print(Text("Nothing was found that training would trip over.", style="bold green"), width=width)


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
    for label, bar, counts in bars(summary["images_per_person"]["histogram"], _BAR):
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
