"""Metrics over folds: the mean accuracy with its standard error, and InsightFace's accuracy."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.results import FoldsResult, InsightFaceResult

_INSIGHTFACE_FOLDS = 10
_INSIGHTFACE_THRESHOLDS = np.arange(0, 4, 0.01)  # on squared distances


def fold_figures(
    rule: str, accuracies: Sequence[float] | np.ndarray, thresholds: Sequence[float] | np.ndarray
) -> FoldsResult:
    """Return the metrics over at least two folds, evaluated with one model or with one model each.

    Args:
      rule: the metric that the thresholds maximise on the pairs they were chosen on: "accuracy" or "f1".
      accuracies: `[folds]`, accuracy of each fold.
      thresholds: `[folds]`, threshold at which each fold was evaluated.

    Raises:
      ValueError: fewer than two folds, or not one threshold per fold.
    """
    values = np.asarray(accuracies, np.float64)
    if values.ndim != 1 or len(values) < 2 or len(values) != len(thresholds):
        raise ValueError(f"expected two folds or more with a threshold each, found {len(values)} and {len(thresholds)}")
    return FoldsResult(
        rule=rule,
        accuracies=tuple(values.tolist()),
        thresholds=tuple(float(threshold) for threshold in thresholds),
        mean=float(values.mean()),
        standard_error=float(values.std(ddof=1)) / math.sqrt(len(values)),
        population_std=float(values.std(ddof=0)),
    )


def fold_thresholds(
    distances: Float[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    folds: Int[np.ndarray, "pairs"],
    choose: Callable[[np.ndarray, np.ndarray], float],
) -> tuple[Float[np.ndarray, "folds"], Bool[np.ndarray, "pairs"]]:
    """Return the threshold of each fold, chosen on all others, and the pairs that are accepted.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.
      folds: fold of each pair.
      choose: a function of distances and labels that returns a threshold, such as `thresholds.best_accuracy`.
    """
    labels, index = np.unique(folds, return_inverse=True)
    chosen = np.asarray([choose(distances[index != i], same[index != i]) for i in range(len(labels))])
    return chosen, distances < chosen[index]


def insightface_figures(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]
) -> InsightFaceResult | None:
    """Return the accuracy by InsightFace's protocol, for comparison with its tables.

    The protocol has ten folds of consecutive, unshuffled pairs, whatever folds the list itself has, and thresholds 0, 0.01, …
    3.99 on squared distances, of which the first of equally good ones is chosen.

    Source: InsightFace, `recognition/arcface_torch/eval/verification.py`.

    Args:
      distances: distance of each pair, in the order of the list.
      same: true where both images show one identity.

    Returns:
      The accuracy; None for fewer than ten pairs.
    """
    if len(same) < _INSIGHTFACE_FOLDS:
        return None
    parts = np.array_split(np.arange(len(same)), _INSIGHTFACE_FOLDS)
    right = np.stack([_right(distances[part] ** 2, same[part]) for part in parts])
    best = np.argmax(right.sum(axis=0) - right, axis=1)
    accuracies = [right[fold, best[fold]] / len(part) for fold, part in enumerate(parts)]
    return InsightFaceResult(mean=float(np.mean(accuracies)), population_std=float(np.std(accuracies)))


def _right(squares: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> Int[np.ndarray, "thresholds"]:
    """Return the number of pairs that each of InsightFace's thresholds classifies correctly."""
    below = [np.searchsorted(np.sort(squares[kind]), _INSIGHTFACE_THRESHOLDS) for kind in (same, ~same)]
    return below[0] + int(np.sum(~same)) - below[1]
