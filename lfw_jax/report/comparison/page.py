"""The page of a comparison of runs, `compare.html`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lfw_jax.evaluation.comparison.compare import ALL_PAIRS_UP_TO
from lfw_jax.evaluation.comparison.results import ComparisonMetrics
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.comparison.charts import det_chart, distance_charts, roc_chart, training_charts
from lfw_jax.report.comparison.tables import (
    SIGNIFICANT,
    cost_rows,
    difference_rows,
    run_rows,
    separation_rows,
    settings_rows,
    verdicts,
)
from lfw_jax.report.formatting import counted, number, percent
from lfw_jax.report.page import Reproduction, Section, write_page
from lfw_jax.training.history import HistoryRow

_SEPARATION = (
    "F1 at the threshold with the best F1 on the development pairs. d′ is the difference of the mean distances in units of the "
    "pooled standard deviation, and the overlap that of the two histograms as densities: 100 % if same and different pairs have "
    "equal distances. The effective rank is the number of dimensions that the embeddings of the test images use. The training "
    "loss and, for losses with prototypes, the share of a batch that is nearest to its own prototype are medians of the last "
    "quarter of the logs up to the evaluated checkpoint; losses of different kinds cannot be compared. A high accuracy in "
    "training, or on development pairs of identities that are trained on, beside a low one on the test pairs is overfitting."
)
_COST = (
    "Duration and median throughput of each training, on the machine of its run, and the parameters of its network. A dash "
    "stands for what a run did not record; --mode=evaluate counts the parameters again."
)


def write_comparison_page(
    path: Path,
    metrics: ComparisonMetrics,
    pairs: Mapping[str, ScoredPairs],
    histories: Mapping[str, Sequence[HistoryRow]],
    results: Mapping[str, RunMetrics],
) -> None:
    """Write the page of a comparison atomically.

    Args:
      path: the file; its folder must exist.
      metrics: the comparison.
      pairs: the scored test pairs by the name of their run.
      histories: the training history by the name of their run.
      results: the content of `metrics.json` by the name of the run.
    """
    sections = [
        Section("Results", _results_in_words(metrics), run_rows(metrics)),
        Section("Separation and training", _SEPARATION, separation_rows(metrics.runs)),
        *([_differences_section(metrics)] if metrics.differences else []),
        _curves_section(pairs),
        _distances_section(metrics, pairs),
        Section("Cost", _COST, cost_rows(metrics.runs)),
        _settings_section(metrics),
        *_training_sections(histories),
        *_sets_sections(results),
    ]
    write_page(
        path,
        title=f"Comparison of {counted(len(metrics.runs), 'run')}",
        subtitle=f"{metrics.list}: {metrics.pairs:,} pairs, the same for all runs",
        headline=_headline(metrics),
        sections=sections,
        reproduction=Reproduction(
            metrics.command, "\n".join(f"{name}: {result.command}" for name, result in results.items())
        ),
    )


def _headline(metrics: ComparisonMetrics) -> list[tuple[str, str, str]]:
    accurate = max(metrics.runs, key=lambda run: run.accuracy.value)
    separating = max(metrics.runs, key=lambda run: run.auc.value)
    cards = [
        ("Highest accuracy", percent(accurate.accuracy.value), accurate.name),
        ("Highest AUC", number(separating.auc.value, 4), separating.name),
    ]
    if differences := [one for one in metrics.differences if one.measure == "accuracy"]:
        clear = sum(one.adjusted_p_value < SIGNIFICANT for one in differences)
        note = f"differences of accuracy are significant (corrected p < {SIGNIFICANT})"
        cards.append(("Significant", f"{clear} of {len(differences)}", note))
    minutes = sum(run.training_minutes for run in metrics.runs)
    return [*cards, ("Training", f"{minutes:,.0f} min", f"of {counted(len(metrics.runs), 'run')} together")]


def _results_in_words(metrics: ComparisonMetrics) -> str:
    text = (
        f"All runs are evaluated on the same {metrics.pairs:,} pairs of {metrics.list}, of which {metrics.same_pairs:,} show "
        "one identity. The accuracy is that of the threshold of each run's protocol, which is chosen on other pairs; the next "
        "column has the accuracy at the threshold of identities held out of training, where a run has one. AUC, EER and FNMR at "
        "FMR need no chosen threshold."
    )
    text += f"\n\n95 % intervals, in brackets, are percentiles of a bootstrap: {metrics.resamples:,} resamples of "
    if metrics.resampled == "identities":
        text += (
            f"the {metrics.units:,} identities, so that they respect that one identity occurs in many pairs. They do not contain "
            "the variation between trainings with different seeds."
        )
    else:
        text += "the pairs, because the list names no identities. If identities occur in several pairs, they are too narrow."
    for folder, reason in metrics.skipped.items():
        text += f"\n\nSkipped: {folder} {reason}."
    return text


def _differences_section(metrics: ComparisonMetrics) -> Section:
    others = "every other" if len(metrics.runs) <= ALL_PAIRS_UP_TO else f"the first, {metrics.runs[0].name}"
    text = (
        f"Every run is compared with {others}. Each resample gives both runs the same weights of pairs, so that the interval of "
        "the difference leaves out what both runs have in common: it may exclude zero where the intervals of the runs overlap. "
        f"p is the two-sided p-value of this bootstrap over {metrics.resampled}, with Holm's correction over the comparisons of "
        "one measure; in brackets it is uncorrected. McNemar's exact test compares the pairs that only one of the two runs "
        "classifies correctly. It treats pairs as independent; where an identity occurs in many pairs, its p-values tend to be "
        "too small."
    )
    for sentence, details in verdicts(metrics):
        text += f"\n\n{sentence}" + (f" {'; '.join(details)}." if details else "")
    return Section("Paired tests", text, difference_rows(metrics))


def _curves_section(pairs: Mapping[str, ScoredPairs]) -> Section:
    text = "Every point of a curve is one threshold. Higher is better for the ROC curve, lower for the DET curve."
    charts = [
        ("True match rate against false match rate over all thresholds.", roc_chart(pairs)),
        ("The two error rates on axes of normal deviates, on which equal Gaussians give a line.", det_chart(pairs)),
    ]
    return Section("Curves", text, figures=charts)


def _distances_section(metrics: ComparisonMetrics, pairs: Mapping[str, ScoredPairs]) -> Section:
    thresholds = {run.name: run.threshold for run in metrics.runs}
    charts = [(chart.title, chart) for chart in distance_charts(pairs, thresholds)]
    text = (
        "Distances of same and of different pairs of each run, as shares of the pairs of each kind, with its threshold."
    )
    return Section("Distances", text, figures=charts)


def _settings_section(metrics: ComparisonMetrics) -> Section:
    keys = {key for run in metrics.runs for key in run.settings}
    text = (
        "The runs and the keys of their configurations that differ; a dash stands for a key that a run does not have."
    )
    if len(metrics.runs) > 1 and not keys:
        text += " The configurations describe the same experiment."
    return Section("What differs", text, settings_rows(metrics.runs))


def _training_sections(histories: Mapping[str, Sequence[HistoryRow]]) -> list[Section]:
    charts = training_charts(histories)
    text = (
        "Validation accuracy on held-out identities, and training loss, over the epochs. Losses of different kinds or with "
        "different options have different scales and cannot be compared."
    )
    return [Section("Training", text, figures=[(chart.title, chart) for chart in charts])] if charts else []


def _sets_sections(results: Mapping[str, RunMetrics]) -> list[Section]:
    names = sorted({name for result in results.values() for name in result.sets})
    if not names:
        return []
    rows = [["Run", *names]]
    for run, result in results.items():
        found = [result.sets.get(name) for name in names]
        rows.append([run, *(percent(one.by_rule("accuracy").accuracy if one else None, 2) for one in found)])
    text = (
        "Accuracy on the evaluation sets, each pair at the threshold of its protocol; a dash where a run was not evaluated on a "
        "set. These accuracies are as the runs report them, without paired tests."
    )
    for run, result in results.items():
        for name, count in result.leaking.items():
            text += (
                f"\n\n{count} identities of {name} are in the training set of {run}, so its accuracy is too optimistic."
            )
    return [Section("Evaluation sets", text, rows)]
