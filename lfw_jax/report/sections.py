"""Sections of the page of a run: its metrics in words, tables and plots."""

from collections.abc import Sequence

from lfw_jax.evaluation.decision_counts import decision_counts
from lfw_jax.evaluation.distance_range import are_unit_distances
from lfw_jax.evaluation.intervals.interval import Interval
from lfw_jax.evaluation.results import FoldsResult, ListResult
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.explorer import Explorer
from lfw_jax.report.formatting import (
    interval,
    list_title,
    mean_and_error,
    number,
    percent,
    rule_name,
    threshold_lines,
    threshold_rows,
    values_interval,
)
from lfw_jax.report.page import Section
from lfw_jax.report.run_charts import (
    EUCLIDEAN,
    OTHER_SCORES,
    distance_chart,
    distance_edges,
    roc_chart,
    training_charts,
)
from lfw_jax.report.thumbnails import Thumbnails
from lfw_jax.training.history import HistoryRow

# An area under the ROC curve below this is near chance; 1,000 pairs just suffice to distinguish 0.5 from 0.55.
_NEAR_CHANCE = 0.55
_TRAINING_CAPTIONS = {
    "training-loss": "The loss of the training batches.",
    "validation-accuracy": "The accuracy on pairs of identities held out of training, which chooses the best checkpoint.",
    "learning-rate": "The learning rate of the optimiser.",
}

_INTERVALS_IN_WORDS = (
    "Intervals have a level of 95 % and count identities, not pairs: pairs that share an identity err together, so that they "
    "carry less information than as many independent pairs. Where identities are unknown, the method of the interval says so."
)


def verification_headline(result: ListResult) -> list[tuple[str, str, str]]:
    """Return the metrics to read first as (label, value, note): accuracy, F1, AUC and threshold."""
    best, f1 = result.by_rule("accuracy"), result.by_rule("f1")
    if folds := result.folds:
        note = f"± {percent(folds.standard_error, 2)}, standard error of {len(folds.accuracies)} folds"
        if folds.mean_interval:
            note += f"; 95 % interval {interval(folds.mean_interval.ends)}"
        cards = [(f"Accuracy on {result.name}", percent(folds.mean, 2), note)]
    else:
        note = f"95 % interval {interval(best.accuracy_bounds)}"
        cards = [(f"Accuracy on {result.name}", percent(best.accuracy), note)]
    if held_out := result.held_out_threshold:
        note = f"95 % interval {interval(held_out.accuracy_bounds)}; threshold {number(held_out.threshold)}"
        cards.append((f"At the threshold of {held_out.chosen_on}", percent(held_out.accuracy), note))
    return [
        *cards,
        ("F1", number(f1.f1), f"at threshold {number(f1.threshold)}, {rule_name(f1.rule)}"),
        ("AUC", number(result.auc), _with_interval(result.auc_interval, "0.5 is guessing, 1 is perfect")),
        (
            "Threshold",
            number(best.threshold),
            _with_interval(best.intervals and best.intervals.threshold, f"chosen on {best.chosen_on}"),
        ),
    ]


def _with_interval(bounds: Interval | None, note: str) -> str:
    return f"95 % interval {values_interval(bounds)}; {note}" if bounds else note


def verification_section(result: ListResult, pairs: ScoredPairs, thumbnails: Thumbnails | None = None) -> Section:
    """Return the section of one list: words, explorer, histogram, ROC curve, table of thresholds.

    Args:
      result: the metrics of the list.
      pairs: the scored pairs of the list.
      thumbnails: thumbnails of images of the pairs, for the explorer.
    """
    name = result.name
    label = EUCLIDEAN if are_unit_distances(pairs.distances) else OTHER_SCORES
    paragraphs = [_protocol_in_words(result, label), _separation_in_words(result)]
    if result.folds:
        paragraphs.append(_folds_in_words(result.folds))
    if any(threshold.intervals for threshold in result.thresholds):
        paragraphs.append(_INTERVALS_IN_WORDS)
    lines = threshold_lines(result)
    figures = [
        (
            f"{name}: {label}. The less the two distributions overlap, the better. "
            "A threshold accepts the pairs to its left.",
            distance_chart(pairs, lines, follows=True, label=label),
        ),
        (
            f"{name}: true match rate against false match rate over all thresholds. The dotted line is guessing.",
            roc_chart(pairs, follows=True),
        ),
    ]
    explorer = Explorer(pairs, decision_counts(pairs, list(lines.values())), lines, distance_edges(pairs), thumbnails)
    return Section(
        f"Verification on {name}", "\n\n".join(paragraphs), threshold_rows(result, meanings=True), figures, explorer
    )


def baseline_section(result: ListResult, raw_pixels: ListResult) -> Section:
    """Return the section that compares the embeddings with the raw pixels on the same pairs."""
    text = (
        "As a baseline, the same pairs are evaluated with distances between raw pixels (each image normalised to mean 0 and "
        "length 1), at a threshold chosen in the same way. The difference is the benefit of the learned embedding."
    )
    rows = [["", "Accuracy", "AUC"]]
    for name, one in (("Embeddings", result), ("Raw pixels", raw_pixels)):
        rows.append([name, percent(one.by_rule("accuracy").accuracy), number(one.auc)])
    return Section("Comparison with raw pixels", text, rows)


def training_section(history: Sequence[HistoryRow]) -> Section:
    """Return the section of the training: its length, its loss, and its curves.

    Args:
      history: the rows of the history, at least one of them with a loss, a learning rate or a validation.
    """
    text = f"{max(row.step for row in history):,.0f} steps"
    epochs = [row.epoch for row in history if row.epoch is not None]
    if epochs:
        text += f", {max(epochs):g} epochs"
    losses = [row.loss for row in history if row.loss is not None]
    if losses:
        text += f"; the training loss went from {losses[0]:.3f} to {losses[-1]:.3f}"
    figures = [(_TRAINING_CAPTIONS[chart.key], chart) for chart in training_charts(history)]
    return Section("Training", f"{text}.", None, figures)


def _protocol_in_words(result: ListResult, label: str) -> str:
    text = f"{list_title(result)}. A pair is accepted as one identity if "
    if label == EUCLIDEAN:
        text += "the Euclidean distance between its two unit embeddings, in [0, 2], is below a threshold."
    else:
        text += "its score, written as a distance (smaller is more similar), is below a threshold."
    sources = sorted({threshold.chosen_on for threshold in result.thresholds})
    chosen = "thresholds were chosen" if len(result.thresholds) > 1 else "threshold was chosen"
    if result.name in sources:
        text += f" The {chosen} on {result.name} itself, so these metrics are too optimistic."
    elif sources:
        text += f" The {chosen} on {' and '.join(sources)}, not on the pairs evaluated here."
    if held_out := result.held_out_threshold:
        text += (
            f" If identities of {' and '.join(sources)} are in the training set, a threshold chosen on them is too strict for "
            f"unseen identities. The last column has the threshold chosen on {held_out.chosen_on}, which are not used for "
            "training: prefer it for unseen identities."
        )
    return text


def _separation_in_words(result: ListResult) -> str:
    text = (
        f"The mean distance is {number(result.positive_distance_mean)} for same pairs and "
        f"{number(result.negative_distance_mean)} for different pairs. The area under the ROC curve, {number(result.auc)}, is "
        "the probability that the distance of a random same pair is smaller than that of a random different pair."
    )
    if result.auc < _NEAR_CHANCE:
        text += (
            " This is near chance: the embedding does not separate identities. If both means are nearly equal, it has "
            "collapsed or memorised the training identities."
        )
    return text


def _folds_in_words(folds: FoldsResult) -> str:
    each = ", ".join(f"{100 * accuracy:.1f}" for accuracy in folds.accuracies)
    count = len(folds.accuracies)
    return (
        f"Over {count} folds, each evaluated at the threshold of the other {count - 1}, the mean accuracy is "
        f"{mean_and_error(folds)}: the number after ± is the standard error of the mean, as LFW's results page prints "
        f"it. The population standard deviation, which other projects print in its place, is "
        f"{percent(folds.population_std, 2)}. The folds in order: {each} %."
    )
