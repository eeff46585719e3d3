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
from lfw_jax.report.terminal_text import print_lines


def print_view2(metrics: View2Metrics) -> None:
    """Print the metrics over the folds to standard output."""
    console = Console()
    folds = metrics.preliminary or f"{len(metrics.folders)} folds"
    console.print(
        f"View 2, {folds}, one model per fold: [bold]{mean_and_error(metrics.accuracy)}[/bold] (standard error), at the "
        "thresholds with the best accuracy on the other folds"
    )
    if by_held_out := metrics.accuracy_at_held_out_threshold:
        console.print(f"at the thresholds of the identities held out of each training: {mean_and_error(by_held_out)}")
    console.print(f"InsightFace's convention, population standard deviation: {_insightface(metrics)}")
    console.print(f"mean AUC: {metrics.auc_mean:.4f}")
    if metrics.category:
        console.print(f"LFW's category: {metrics.category}")


def print_fold(run: FinishedRun) -> None:
    """Print the metrics of one fold to standard output.

    Args:
      run: the run of the fold.
    """
    test = run.test
    text = f"fold {run.fold} of {run.metrics.protocol.folds}: accuracy {percent(test.by_rule('accuracy').accuracy, 2)}"
    if test.held_out_threshold:
        text += f", at the threshold of held-out identities {percent(test.held_out_threshold.accuracy, 2)}"
    print_lines(f"{text}; AUC {test.auc:.4f}")


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
        subtitle=", ".join(filter(None, (f"{len(runs)} folds, one model per fold", metrics.category))),
        headline=[
            ("Accuracy", percent(accuracy.mean, 2), error),
            ("Population std", percent(accuracy.population_std, 2), "InsightFace's convention after ±"),
            ("AUC", number(metrics.auc_mean, 4), "mean of the folds"),
        ],
        sections=[Section("Folds", _in_words(metrics), _rows(runs), [_fold_chart(runs)])],
        reproduction=Reproduction(metrics.command, json.dumps(runs[0].config, indent=2)),
        notice=metrics.preliminary,
    )


def _rows(runs: Sequence[FinishedRun]) -> list[list[str]]:
    rows = [["Fold", "Accuracy", "Threshold", "By held-out identities", "AUC", "Checkpoint", "Folder"]]
    for run in runs:
        best, held_out = run.test.by_rule("accuracy"), run.test.held_out_threshold
        rows.append(
            [
                str(run.fold),
                percent(best.accuracy, 2),
                number(best.threshold),
                percent(held_out.accuracy if held_out else None, 2),
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
        f"which InsightFace and other projects print in its place, is {percent(accuracy.population_std, 2)}: by their convention "
        f"the result reads {_insightface(metrics)}. At the thresholds with the "
        f"best F1, the mean accuracy is {mean_and_error(metrics.accuracy_at_best_f1)}."
    )
    if by_held_out := metrics.accuracy_at_held_out_threshold:
        text += (
            f" Identities of the other folds are used for training, so a threshold chosen on them is too strict for unseen "
            f"identities. At the thresholds of the identities held out of each training it is {mean_and_error(by_held_out)}."
        )
    if metrics.category:
        text += f"\n\nLFW's category of this result: {metrics.category}."
    return text


def _insightface(metrics: View2Metrics) -> str:
    return f"{100 * metrics.accuracy.mean:.2f} ± {percent(metrics.accuracy.population_std, 2)}"
