"""Tables of a comparison of runs, for the page and for the terminal."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from lfw_jax.evaluation.comparison.results import ComparedRun, ComparisonMetrics, Estimate, PairedDifference
from lfw_jax.report.comparison.differences import difference, difference_interval, p_value
from lfw_jax.report.formatting import MISSING, number, percent
from lfw_jax.report.tables import print_table
from lfw_jax.report.terminal_text import print_lines, printable

SIGNIFICANT = 0.05
_LABELS = {
    "accuracy": "Accuracy",
    "accuracy at the held-out threshold": "Accuracy, held-out threshold",
    "auc": "AUC",
}


def run_rows(metrics: ComparisonMetrics) -> list[list[str]]:
    """Return the table of the results for the page, head first: one row per run."""
    rates = sorted({point.false_accept_rate for run in metrics.runs for point in run.true_accept_rates}, reverse=True)
    head = ["Run", "Accuracy", "At held-out threshold", "AUC", "EER"]
    rows = [[*head, *(f"FNMR at FMR {100 * rate:g} %" for rate in rates)]]
    for run in metrics.runs:
        misses = {point.false_accept_rate: 1 - point.true_accept_rate for point in run.true_accept_rates}
        held_out = run.accuracy_at_held_out_threshold
        rows.append(
            [
                run.name,
                _share(run.accuracy),
                _share(held_out) if held_out else MISSING,
                "{:.4f} ({:.4f}–{:.4f})".format(run.auc.value, *run.auc.interval),
                _share(run.equal_error_rate),
                *(percent(misses.get(rate)) for rate in rates),
            ]
        )
    return rows


def separation_rows(runs: Sequence[ComparedRun]) -> list[list[str]]:
    """Return the table of separation, embedding space and end of the training, head first."""
    head = ["Run", "F1", "d′", "Overlap", "TAR at FAR 1 %", "Effective rank", "Training loss", "Training accuracy"]
    return [
        [*head, "On development pairs", "Minutes"],
        *([run.name, *_behind(run), _cost(run)[0]] for run in runs),
    ]


def cost_rows(runs: Sequence[ComparedRun]) -> list[list[str]]:
    """Return the table of the cost of each run, head first."""
    return [
        ["Run", "Training in minutes", "Images per second", "Parameters"],
        *([run.name, *_cost(run)] for run in runs),
    ]


def difference_rows(metrics: ComparisonMetrics) -> list[list[str]]:
    """Return the table of the paired tests for the page, head first: one row per comparison."""
    head = ["Measure", "Comparison", "Difference", "95 % interval", "p", "Verdict", "McNemar p", "Only one is correct"]
    rows = [head]
    for one in metrics.differences:
        test = one.mcnemar
        rows.append(
            [
                _LABELS[one.measure],
                f"{one.run} − {one.reference}",
                difference(one),
                difference_interval(one),
                _p_values(one.p_value, one.adjusted_p_value),
                verdict(one),
                _p_values(test.p_value, test.adjusted_p_value) if test else MISSING,
                f"{test.only_run} : {test.only_reference}" if test else MISSING,
            ]
        )
    return rows


def settings_rows(runs: Sequence[ComparedRun]) -> list[list[str]]:
    """Return the table of what the runs are, head first: one row per setting, one column per run."""
    rows = [["", *(run.name for run in runs)]]
    rows.append(["configuration", *(run.config for run in runs)])
    rows.append(["checkpoint", *(f"{run.checkpoint}, step {run.step:,}" for run in runs)])
    rows.append(["test-time augmentation", *(run.views for run in runs)])
    rows.append(["threshold", *(f"{number(run.threshold)} ({run.chosen_on})" for run in runs)])
    keys = sorted({key for run in runs for key in run.settings})
    return rows + [[key, *(run.settings.get(key, MISSING) for run in runs)] for key in keys]


def print_comparison(metrics: ComparisonMetrics) -> None:
    """Print the runs and their significant differences, in at most 80 columns."""
    print_table(_run_table(metrics))
    print_table(_separation_table(metrics.runs))
    for folder, reason in metrics.skipped.items():
        print_lines(f"skipped: {folder} {reason}")
    for sentence, details in verdicts(metrics):
        print_lines(sentence, *(f"  {detail}" for detail in details))


def verdict(one: PairedDifference) -> str:
    """Return the direction of a significant difference, "above" or "below", or "within noise"."""
    if one.adjusted_p_value >= SIGNIFICANT:
        return "within noise"
    return "above" if one.difference > 0 else "below"


def verdicts(metrics: ComparisonMetrics) -> list[tuple[str, list[str]]]:
    """Return a sentence per measure, with its significant comparisons and then those within noise.

    A comparison is significant if its corrected p-value is below `SIGNIFICANT`.
    """
    found = []
    for measure in dict.fromkeys(one.measure for one in metrics.differences):
        compared = [one for one in metrics.differences if one.measure == measure]
        clear = [one for one in compared if one.adjusted_p_value < SIGNIFICANT]
        text = f"{_LABELS[measure]}: {len(clear)} of {len(compared)} differences are significant (p < {SIGNIFICANT})."
        details = [f"{one.run} {verdict(one)} {one.reference} by {difference(one).lstrip('+−')}" for one in clear]
        if noise := [one for one in compared if one not in clear]:
            common = len({one.reference for one in compared}) == 1
            names = (one.run if common else f"{one.run} and {one.reference}" for one in noise)
            details.append(f"within noise: {', '.join(names)}")
        found.append((text, details))
    return found


def _run_table(metrics: ComparisonMetrics) -> Table:
    unit = f"a bootstrap over {metrics.units:,} {metrics.resampled}"
    same = metrics.same_pairs
    table = Table(
        title=Text(printable(f"{metrics.list}: {same:,} same, {metrics.pairs - same:,} different pairs"), "bold"),
        caption=Text(f"Intervals of 95 %: {unit}, {metrics.resamples:,} resamples."),
        title_justify="left",
        caption_justify="left",
        caption_style="",
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
    )
    table.add_column("Run", overflow="fold", ratio=1)
    for name in ("Accuracy", "Held out", "AUC", "EER", "Min.", "Params"):
        table.add_column(Text(name), justify="right", no_wrap=True)
    for run in metrics.runs:
        held_out = run.accuracy_at_held_out_threshold
        minutes, _, parameters = _cost(run)
        cells = [
            printable(run.name),
            f"{percent(run.accuracy.value)} {_bounds(run.accuracy)}",
            percent(held_out.value) if held_out else MISSING,
            number(run.auc.value, 4),
            percent(run.equal_error_rate.value),
            minutes,
            parameters,
        ]
        table.add_row(*map(Text, cells))
    return table


def _separation_table(runs: Sequence[ComparedRun]) -> Table:
    table = Table(
        title=Text("Separation of the pairs, and the end of the training", "bold"),
        caption=Text("TAR at FAR 1 %; rank: dimensions in use; accuracy on training batches and development pairs."),
        title_justify="left",
        caption_justify="left",
        caption_style="",
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
    )
    table.add_column("Run", overflow="fold", ratio=1)
    for name in ("F1", "d′", "Overlap", "TAR", "Rank", "Loss", "Batch", "Dev."):
        table.add_column(Text(printable(name)), justify="right", no_wrap=True)
    for run in runs:
        table.add_row(*map(Text, [printable(run.name), *_behind(run)]))
    return table


def _behind(run: ComparedRun) -> list[str]:
    return [
        percent(run.f1),
        number(run.d_prime, 2),
        percent(run.overlap),
        percent(run.true_accept_rate(0.01)),
        number(run.effective_rank, 1),
        MISSING if run.training_loss is None else f"{run.training_loss:.3g}",
        percent(run.training_accuracy),
        percent(run.development_accuracy),
    ]


def _cost(run: ComparedRun) -> list[str]:
    parameters = MISSING if run.parameters is None else _short(run.parameters)
    speed = MISSING if run.images_per_second is None else f"{run.images_per_second:,.0f}"
    return [f"{run.training_minutes:,.1f}", speed, parameters]


def _short(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count:,}"


def _bounds(estimate: Estimate) -> str:
    low, high = estimate.interval
    return f"({100 * low:.1f}–{100 * high:.1f})"


def _share(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} {_bounds(estimate)}"


def _p_values(raw: float, adjusted: float) -> str:
    return f"{p_value(adjusted)} ({p_value(raw)})"
