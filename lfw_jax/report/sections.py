"""The page's sections, made from what evaluation and training measured, with the meaning of each number in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.report.figures import distance_histograms, roc_curve, training_curves
from lfw_jax.report.formatting import (
    interval,
    list_title,
    mean_and_error,
    number,
    percent,
    rule_name,
    threshold_lines,
    threshold_rows,
)
from lfw_jax.report.page import Section

# Below this area under the curve a ranking is next to chance; 1,000 pairs tell 0.5 from 0.55 only just.
_NEXT_TO_CHANCE = 0.55


def verification_headline(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Give the figures to read first, as (label, value, note): accuracy, F1, AUC and the threshold."""
    cards = []
    thresholds = {t["rule"]: t for t in summary["thresholds"]}
    best = thresholds.get("accuracy") or next(iter(thresholds.values()), None)
    if folds := summary.get("folds"):
        note = f"± {percent(folds['standard_error'], 2)}, standard error of {len(folds['accuracies'])} folds"
        cards.append((f"Accuracy on {summary['list']}", percent(folds["mean"], 2), note))
    elif best:
        note = f"95 % interval {interval(best['accuracy_interval'])}"
        cards.append((f"Accuracy on {summary['list']}", percent(best["accuracy"]), note))
    if held_out := summary.get("held_out_threshold"):
        note = f"95 % interval {interval(held_out['accuracy_interval'])}; threshold {number(held_out['threshold'])}"
        cards.append((f"By the threshold of {held_out['chosen_on']}", percent(held_out["accuracy"]), note))
    if f1 := thresholds.get("f1") or best:
        cards.append(("F1", number(f1["f1"]), f"at threshold {number(f1['threshold'])}, {rule_name(f1['rule'])}"))
    cards.append(("AUC", number(summary["auc"]), "0.5 is guessing, 1 is perfect"))
    if best:
        cards.append(("Threshold", number(best["threshold"]), f"chosen on {best['chosen_on']}"))
    return cards


def verification_section(
    summary: Mapping[str, Any], distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]
) -> Section:
    """Tell one list's result in words, a table and two figures, from its `metrics.json` entry and its distances."""
    name = summary["list"]
    paragraphs = [_how_judged(summary), _how_separated(summary)]
    if summary.get("folds"):
        paragraphs.append(_folds_in_words(summary["folds"]))
    figures = [
        (
            f"{name}: distances between the two embeddings of a pair. The less the two humps overlap, the better; "
            "a threshold calls all pairs to its left the same person.",
            distance_histograms(distances, same, threshold_lines(summary)),
        ),
        (
            f"{name}: true accepts bought with false accepts, over all thresholds. Right, the strict end on a "
            "logarithmic axis, with the true accept rate at round false accept rates.",
            roc_curve(distances, same),
        ),
    ]
    table = threshold_rows(summary, meanings=True) if summary["thresholds"] else None
    return Section(f"Verification on {name}", "\n\n".join(paragraphs), table, figures)


def training_section(history: Sequence[Mapping[str, float]]) -> Section:
    """Show how training went; the entries are those of `figures.training_curves`."""
    steps = max(row["step"] for row in history)
    losses = [row["loss"] for row in history if "loss" in row]
    text = f"{steps:,.0f} steps"
    epochs = max((row["epoch"] for row in history if "epoch" in row), default=None)
    if epochs is not None:
        text += f", {epochs:g} epochs"
    if losses:
        text += f"; the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"
    caption = "Loss, learning rate and validation accuracy, as far as they were recorded."
    return Section("Training", f"{text}.", None, [(caption, training_curves(history))])


def _how_judged(summary: Mapping[str, Any]) -> str:
    text = (
        f"{list_title(summary)}. A pair counts as the same person when the Euclidean distance between the two unit "
        "embeddings, 0 to 2, is below a threshold."
    )
    sources = sorted({t["chosen_on"] for t in summary["thresholds"]})
    chosen = "thresholds were chosen" if len(summary["thresholds"]) > 1 else "threshold was chosen"
    if summary["list"] in sources:
        text += f" The {chosen} on {summary['list']} itself, so these figures flatter the model."
    elif sources:
        text += f" The {chosen} on {' and '.join(sources)}, so the pairs judged here had no say in that."
    if held_out := summary.get("held_out_threshold"):
        text += (
            f" Where people of {' and '.join(sources)} trained, their distances say little of strangers', and a threshold "
            f"chosen on them is too strict. The last column has the threshold of {held_out['chosen_on']}, who did not train: "
            "for people whom the model has not seen, take that one."
        )
    return text


def _how_separated(summary: Mapping[str, Any]) -> str:
    auc = summary["auc"]
    text = (
        f"Two photographs of one person are {number(summary['positive_distance_mean'])} apart on average, those of two "
        f"people {number(summary['negative_distance_mean'])}. The area under the ROC curve, {number(auc)}, is the "
        "chance that a random pair of one person is nearer than a random pair of two."
    )
    if auc < _NEXT_TO_CHANCE:
        text += (
            " That is next to guessing: the embedding does not tell people apart. Where both means are nearly equal, "
            "it has collapsed or only learnt its training people by heart."
        )
    return text


def _folds_in_words(folds: Mapping[str, Any]) -> str:
    each = ", ".join(f"{100 * accuracy:.1f}" for accuracy in folds["accuracies"])
    count = len(folds["accuracies"])
    return (
        f"Over {count} folds, each judged with the threshold of the other {count - 1}, the mean accuracy is "
        f"{mean_and_error(folds)}: the figure behind ± is the standard error of the mean, as LFW's results page prints "
        f"it. The population standard deviation, which other projects print in its place, is "
        f"{percent(folds['population_std'], 2)}. The folds in order: {each} %."
    )
