"""The result in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lfw_jax.report.formatting import mean_and_error, number, percent, threshold_rows

_WIDTH = 80


def verification_table(summary: Mapping[str, Any]) -> Table:
    """Make the table of one list's `metrics.json` entry: a row a quantity, a column a threshold."""
    same = summary["same_pairs"]
    head, *rows = threshold_rows(summary, meanings=False)
    table = Table(
        title=Text(f"{summary['list']}: {same:,} same, {summary['pairs'] - same:,} different pairs"),
        caption=Text(_caption(summary)),
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        caption_style="",
        box=box.SIMPLE_HEAD,
        min_width=50,
    )
    for i, name in enumerate(head):
        table.add_column(Text(name), justify="right" if i else "left", overflow="fold")
    for row in rows if len(head) > 1 else []:
        is_result = row[0] == "Accuracy"
        table.add_row(*(Text(cell) for cell in row), style="bold" if is_result else "")
    return table


def print_table(table: Table, *, console: Console | None = None) -> None:
    """Print a table to standard output, at most 80 columns wide."""
    console = console or Console()
    console.print(table, width=min(_WIDTH, console.width))


def _caption(summary: Mapping[str, Any]) -> str:
    near, far = number(summary["positive_distance_mean"]), number(summary["negative_distance_mean"])
    lines = [f"AUC {number(summary['auc'], 4)}", f"mean distance: same {near}, different {far}"]
    if folds := summary.get("folds"):
        lines.append(f"{len(folds['accuracies'])} folds: {mean_and_error(folds)} (standard error)")
        lines.append(f"population standard deviation: {percent(folds['population_std'], 2)}")
    return "\n".join(lines)
