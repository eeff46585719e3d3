"""The results of a run on the terminal."""

import textwrap

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.report.evaluation_sets import sets_table
from lfw_jax.report.formatting import mean_and_error, number, percent, threshold_rows
from lfw_jax.report.terminal_text import printable

_WIDTH = 80


def print_results(metrics: RunMetrics) -> None:
    """Print the results of a run: the test list, the raw pixels, and the evaluation sets if any."""
    print_table(verification_table(metrics.test))
    baseline = metrics.baseline
    accuracy = percent(baseline.by_rule("accuracy").accuracy)
    print(f"baseline of raw pixels: accuracy {accuracy}, AUC {baseline.auc:.4f}")
    if metrics.sets:
        print_table(sets_table(list(metrics.sets.values())))
    for name, reason in metrics.failed_sets.items():
        print(f"evaluation set {name} could not be evaluated: {reason}")
    if metrics.diagnosis:
        print(textwrap.fill(printable(metrics.diagnosis.paragraph), _WIDTH, break_on_hyphens=False))


def verification_table(result: ListResult) -> Table:
    """Return the table of one list for the terminal: one row per quantity, one column per threshold."""
    same = result.same_pairs
    head, *rows = threshold_rows(result, meanings=False)
    table = Table(
        title=Text(f"{printable(result.name)}: {same:,} same, {result.pairs - same:,} different pairs"),
        caption=Text(_caption(result)),
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
    """Print a table, at most 80 columns wide.

    Args:
      table: the table.
      console: where to print; standard output by default.
    """
    console = console or Console()
    console.print(table, width=min(_WIDTH, console.width))


def _caption(result: ListResult) -> str:
    near, far = number(result.positive_distance_mean), number(result.negative_distance_mean)
    lines = [f"AUC {number(result.auc, 4)}", f"mean distance: same {near}, different {far}"]
    if folds := result.folds:
        lines.append(f"{len(folds.accuracies)} folds: {mean_and_error(folds)} (standard error)")
        lines.append(f"population standard deviation: {percent(folds.population_std, 2)}")
    return "\n".join(lines)
