"""The results of a run on the terminal."""

import textwrap

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lfw_jax.evaluation.intervals.interval import WILSON_BY_IDENTITIES
from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.report.calibration_section import calibration_lines
from lfw_jax.report.error_rates_table import error_rates_table
from lfw_jax.report.evaluation_sets import sets_table
from lfw_jax.report.formatting import interval, mean_and_error, number, percent, threshold_rows, values_interval
from lfw_jax.report.identification_section import identification_table
from lfw_jax.report.members_section import members_table
from lfw_jax.report.terminal_text import WIDTH, print_lines, printable


def print_results(metrics: RunMetrics) -> None:
    """Print the results of a run: the test list, members of a fusion, raw pixels, sets, identification."""
    print_table(verification_table(metrics.test))
    if metrics.members:
        print()
        print_table(members_table(metrics.members))
    if rates := error_rates_table(metrics):
        print()
        print_table(rates)
    baseline = metrics.baseline
    print()
    accuracy = percent(baseline.by_rule("accuracy").accuracy)
    print(f"baseline of raw pixels: accuracy {accuracy}, AUC {baseline.auc:.4f}")
    if lines := calibration_lines(metrics.calibration, metrics.score_normalisation):
        print_lines(*lines)
    if metrics.sets:
        print()
        print_table(sets_table(list(metrics.sets.values())))
    if metrics.identified:
        print()
        print_table(identification_table(metrics.identified))
    for name, reason in metrics.failed_sets.items():
        print(f"evaluation set {name} could not be evaluated: {reason}")
    if metrics.diagnosis:
        print()
        print(textwrap.fill(printable(metrics.diagnosis.paragraph), WIDTH, break_on_hyphens=False))


def verification_table(result: ListResult) -> Table:
    """Return the table of one list for the terminal: one row per quantity, one column per threshold."""
    same = result.same_pairs
    head, *rows = threshold_rows(result, meanings=False)
    table = Table(
        title=Text(f"{printable(result.name)}: {same:,} same, {result.pairs - same:,} different pairs", "bold"),
        caption=Text(_caption(result)),
        title_justify="left",
        caption_justify="left",
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
    console.print(table, width=min(WIDTH, console.width))


def _caption(result: ListResult) -> str:
    near, far = number(result.positive_distance_mean), number(result.negative_distance_mean)
    auc = f"AUC {number(result.auc, 4)}"
    if result.auc_interval:
        auc += f", 95 % interval {values_interval(result.auc_interval, 4)}"
    lines = [auc, f"mean distance: same {near}, different {far}"]
    if folds := result.folds:
        lines.append(f"{len(folds.accuracies)} folds: {mean_and_error(folds)} (standard error)")
        if folds.mean_interval:
            lines.append(f"95 % interval of that mean: {interval(folds.mean_interval.ends)}")
        lines.append(f"population standard deviation: {percent(folds.population_std, 2)}")
    if any(threshold.intervals for threshold in result.thresholds):
        lines.append(
            "intervals count identities, not pairs" if _known(result) else "intervals: as if pairs were independent"
        )
    return "\n".join(lines)


def _known(result: ListResult) -> bool:
    """Return true if the identities of the pairs are known, so that the intervals respect them."""
    return any(one.intervals and one.intervals.accuracy.method == WILSON_BY_IDENTITIES for one in result.thresholds)
