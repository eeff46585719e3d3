"""What ten folds say together: the mean with its standard error, beside what other projects print."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

_INSIGHTFACE_FOLDS = 10
_INSIGHTFACE_THRESHOLDS = np.arange(0, 4, 0.01)  # on squared distances


@dataclasses.dataclass(frozen=True)
class FoldsResult:
    """View 2's figures: each fold judged by the threshold chosen on all other folds.

    Attributes:
        rule: what the thresholds make best where they were chosen.
        accuracies: the accuracy of each fold.
        thresholds: the threshold each fold was judged by.
        mean: the mean of the accuracies.
        standard_error: the standard error of that mean, std(ddof=1) / sqrt(folds): what LFW asks for.
        population_std: std(ddof=0) of the accuracies: what InsightFace and facenet print after their "±".
    """

    rule: str
    accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]
    mean: float
    standard_error: float
    population_std: float

    def summary(self) -> dict[str, Any]:
        """The figures for JSON."""
        return dataclasses.asdict(self) | {"accuracies": list(self.accuracies), "thresholds": list(self.thresholds)}


def fold_figures(
    rule: str, accuracies: Sequence[float] | np.ndarray, thresholds: Sequence[float] | np.ndarray
) -> FoldsResult:
    """Put the figures of at least two folds together, whether one model was judged on all or each fold had a model of its own.

    Args:
        rule: what the thresholds make best where they were chosen.
        accuracies: `[folds]`, of each fold.
        thresholds: `[folds]`, that each fold was judged by.
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


def insightface_figures(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]
) -> dict[str, float] | None:
    """The accuracy by InsightFace's own recipe, so that figures can be laid beside its tables.

    Ten folds of pairs one after another, unshuffled; thresholds 0, 0.01, … 3.99 on squared distances; of equally good ones the
    first; `mean` and `population_std`, which it prints after its "±" (`recognition/arcface_torch/eval/verification.py`). Its
    folds are those of the list's order, whatever folds the list itself states. None for fewer than ten pairs.
    """
    if len(same) < _INSIGHTFACE_FOLDS:
        return None
    parts = np.array_split(np.arange(len(same)), _INSIGHTFACE_FOLDS)
    right = np.stack([_right(distances[part] ** 2, same[part]) for part in parts])
    best = np.argmax(right.sum(axis=0) - right, axis=1)
    accuracies = [right[fold, best[fold]] / len(part) for fold, part in enumerate(parts)]
    return {"mean": float(np.mean(accuracies)), "population_std": float(np.std(accuracies))}


def _right(squares: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> Int[np.ndarray, "thresholds"]:
    """How many pairs each of InsightFace's thresholds judges rightly."""
    below = [np.searchsorted(np.sort(squares[kind]), _INSIGHTFACE_THRESHOLDS) for kind in (same, ~same)]
    return below[0] + int(np.sum(~same)) - below[1]
