"""View 2 with one model per fold, in the terminal and as a page."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from lfw_jax.evaluation.finished_runs import FinishedRun
from lfw_jax.evaluation.view2 import View2Metrics
from lfw_jax.report.chart import Axis, Chart, Series
from lfw_jax.report.formatting import mean_and_error, number, percent
from lfw_jax.report.page import Reproduction, Section, write_page


def print_view2(metrics: View2Metrics) -> None:
    """Print the metrics over the folds to standard output."""
    console = Console()
    count = len(metrics.folders)
    console.print(
        f"View 2, {count} folds, one model per fold: [bold]{mean_and_error(metrics.accuracy)}[/bold] (standard error)"
    )
    console.print(
        f"population standard deviation: {percent(metrics.accuracy.population_std, 2)}; mean AUC {metrics.auc_mean:.4f}"
    )
    if by_held_out := metrics.accuracy_at_held_out_threshold:
        console.print(f"at the thresholds of the identities held out of each training: {mean_and_error(by_held_out)}")


def write_view2_page(path: Path, runs: Sequence[FinishedRun], metrics: View2Metrics) -> None:
    """Write the page of View 2 atomically.

    Args:
      path: the file; its folder must exist.
      runs: one run per fold, in the order of the folds.
      metrics: the metrics over the folds.
    """
    accuracy = metrics.accuracy
    error = f"± {percent(accuracy.standard_error, 2)}, standard error of {len(runs)} folds"
    write_page(
        path,
        title=f"Face verification, View 2: {runs[0].metrics.config}",
        subtitle=f"{len(runs)} folds, one model per fold",
        headline=[
            ("Accuracy", percent(accuracy.mean, 2), error),
            ("Population std", percent(accuracy.population_std, 2), "printed after ± by other projects"),
            ("AUC", number(metrics.auc_mean, 4), "mean of the folds"),
        ],
        sections=[Section("Folds", _in_words(metrics), _rows(runs), [_fold_chart(runs)])],
        reproduction=Reproduction(metrics.command, json.dumps(runs[0].config, indent=2)),
    )


def _rows(runs: Sequence[FinishedRun]) -> list[list[str]]:
    rows = [["Fold", "Accuracy", "Threshold", "AUC", "Checkpoint", "Folder"]]
    for run in runs:
        best = run.test.by_rule("accuracy")
        rows.append(
            [
                str(run.fold),
                percent(best.accuracy, 2),
                number(best.threshold),
                number(run.test.auc, 4),
                f"{run.metrics.checkpoint}, step {run.metrics.step:,}",
                str(run.folder),
            ]
        )
    return rows


def _fold_chart(runs: Sequence[FinishedRun]) -> tuple[str, Chart]:
    best = [run.test.by_rule("accuracy") for run in runs]
    low, high = zip(*(result.accuracy_bounds for result in best), strict=True)
    folds = [run.fold for run in runs]
    chart = Chart(
        title="Accuracy of each fold",
        x=Axis("fold"),
        y=Axis("accuracy", percent=True),
        series=[Series("accuracy", folds, [result.accuracy for result in best], "points", "first", low, high)],
        key="folds",
    )
    return "The accuracy of each fold with its 95 % interval (Wilson).", chart


def _in_words(metrics: View2Metrics) -> str:
    accuracy, count = metrics.accuracy, len(metrics.folders)
    text = (
        f"LFW's View 2: {count} folds, each evaluated with a model that was trained on identities of the other folds, at the "
        f"threshold chosen on their pairs. Mean accuracy {mean_and_error(accuracy)}; the number after ± is the standard error "
        f"of the mean, std(ddof=1)/√{count}, as LFW's results page prints it. The population standard deviation, "
        f"which other projects print in its place, is {percent(accuracy.population_std, 2)}. At the thresholds with the "
        f"best F1, the mean accuracy is {mean_and_error(metrics.accuracy_at_best_f1)}."
    )
    if by_held_out := metrics.accuracy_at_held_out_threshold:
        text += (
            f" Identities of the other folds are used for training, so a threshold chosen on them is too strict for unseen "
            f"identities. At the thresholds of the identities held out of each training it is {mean_and_error(by_held_out)}."
        )
    return text
