"""Face verification: is it the same person? Judged on a list of pairs, by thresholds chosen on other pairs."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.errors import UserError
from lfw_jax.evaluation import thresholds as exact
from lfw_jax.evaluation.fold_figures import FoldsResult, fold_figures, insightface_figures
from lfw_jax.evaluation.operating_points import true_accept_rates
from lfw_jax.evaluation.thresholds import VerificationScores

_RULES = {"accuracy": exact.best_accuracy, "f1": exact.best_f1}
_PAIRS_A_BLOCK = 65_536


@dataclasses.dataclass(frozen=True)
class ThresholdResult:
    """One threshold and what it does to the judged pairs.

    Attributes:
        rule: what the threshold makes best where it was chosen: "accuracy" or "f1".
        threshold: distances below it are accepted as the same person.
        chosen_on: the pairs it was chosen on.
        scores: what it does to the judged pairs.
        accuracy_interval: the accuracy's 95 % interval (Wilson), as if pairs were independent.
    """

    rule: str
    threshold: float
    chosen_on: str
    scores: VerificationScores
    accuracy_interval: tuple[float, float]

    def summary(self) -> dict[str, Any]:
        """The figures for JSON."""
        return {
            "rule": self.rule,
            "threshold": self.threshold,
            "chosen_on": self.chosen_on,
            "accuracy": self.scores.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "f1": self.scores.f1,
            "precision": self.scores.precision,
            "recall": self.scores.recall,
            "false_accept_rate": self.scores.false_accept_rate,
            "false_reject_rate": self.scores.false_reject_rate,
        }


@dataclasses.dataclass(frozen=True, eq=False)
class VerificationResult:
    """How well distances tell the same person from another, on one list of pairs.

    Attributes:
        name: the list.
        distances: `[pairs]`, float64.
        same: `[pairs]`, true where a pair shows one person.
        auc: the area under the ROC curve.
        thresholds: one result for each rule.
        folds: View 2's figures; None for a list in one piece.
        held_out: what the threshold with the best accuracy on pairs of other people does, who did not train either; None
            where nobody asked for it.
    """

    name: str
    distances: Float[np.ndarray, "pairs"]
    same: Bool[np.ndarray, "pairs"]
    auc: float
    thresholds: tuple[ThresholdResult, ...]
    folds: FoldsResult | None = None
    held_out: ThresholdResult | None = None

    def summary(self) -> dict[str, Any]:
        """The figures for JSON: everything but the arrays."""
        return {
            "list": self.name,
            "pairs": len(self.same),
            "same_pairs": int(self.same.sum()),
            "auc": self.auc,
            "positive_distance_mean": float(self.distances[self.same].mean()),
            "negative_distance_mean": float(self.distances[~self.same].mean()),
            "thresholds": [threshold.summary() for threshold in self.thresholds],
            "held_out_threshold": None if self.held_out is None else self.held_out.summary(),
            "folds": None if self.folds is None else self.folds.summary(),
            "insightface": None if self.folds is None else insightface_figures(self.distances, self.same),
            "true_accept_rates": true_accept_rates(self.distances, self.same),
        }


def verify(
    distances: Float[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    *,
    name: str,
    development_distances: Float[np.ndarray, "development_pairs"],
    development_same: Bool[np.ndarray, "development_pairs"],
    development_name: str,
) -> VerificationResult:
    """Judge pairs by the thresholds with the best accuracy and the best F1 on the development pairs.

    LFW's View 1. Raises UserError for distances that are not finite or pairs of one kind only, and ValueError for
    arrays of unequal length or when the development pairs are the judged pairs.
    """
    distances, same = _checked(distances, same, name)
    development_distances, development_same = _checked(development_distances, development_same, development_name)
    # A collapsed model gives all pairs one distance: only then are equal figures no sign of equal pairs.
    equal_figures = np.array_equal(distances, development_distances) and np.array_equal(same, development_same)
    if name == development_name or (equal_figures and np.ptp(distances) > 0):
        raise ValueError(f"{name}: a threshold must not be chosen on what it is scored on")
    results = []
    for rule, choose in _RULES.items():
        threshold = choose(development_distances, development_same)
        scores = exact.verification_scores(distances, same, threshold)
        results.append(_threshold_result(rule, threshold, development_name, scores))
    return VerificationResult(name, distances, same, exact.roc_auc(distances, same), tuple(results))


def with_held_out_threshold(
    result: VerificationResult,
    held_out_distances: Float[np.ndarray, "held_out_pairs"],
    held_out_same: Bool[np.ndarray, "held_out_pairs"],
    *,
    name: str,
) -> VerificationResult:
    """The same pairs judged once more, by the threshold with the best accuracy on people held out of training.

    Where the people of the development pairs train, as LFW's protocols allow, their images lie closer together, and farther
    from others, than those of strangers; a threshold chosen on them is too strict for strangers.

    Args:
        result: the verification of pairs of strangers.
        held_out_distances: of pairs of people who did not train.
        held_out_same: true where a pair shows one person.
        name: of these pairs.

    Raises:
        UserError: distances that are not finite or pairs of one kind only.
        ValueError: arrays of unequal length, or the name of the judged pairs.
    """
    if name == result.name:
        raise ValueError(f"{name}: a threshold must not be chosen on what it is scored on")
    threshold = exact.best_accuracy(*_checked(held_out_distances, held_out_same, name))
    scores = exact.verification_scores(result.distances, result.same, threshold)
    return dataclasses.replace(result, held_out=_threshold_result("accuracy", threshold, name, scores))


def verify_folds(
    distances: Float[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    folds: Int[np.ndarray, "pairs"],
    *,
    name: str,
) -> VerificationResult:
    """Judge each fold of pairs by the threshold chosen on all other folds.

    LFW's View 2. The folds' figures use the rule "accuracy"; the AUC is over all pairs. The result of each rule counts
    every pair once, judged by its own fold's threshold, and shows the mean of those thresholds. Raises UserError for
    distances that are not finite, pairs of one kind only or fewer than two folds, and ValueError for arrays of unequal
    length.
    """
    distances, same = _checked(distances, same, name)
    folds = np.asarray(folds)
    if folds.shape != same.shape:
        raise ValueError(f"{name}: expected one fold for each of {len(same)} pairs, found shape {folds.shape}")
    labels = np.unique(folds)
    if len(labels) < 2:
        raise UserError(f"{name}: found {len(labels)} fold, expected at least 2. Use a list whose first line is `F N`.")
    results = {}
    for rule, choose in _RULES.items():
        chosen = np.asarray([choose(distances[folds != label], same[folds != label]) for label in labels])
        accepted = distances < chosen[np.searchsorted(labels, folds)]
        scores = exact.decision_scores(accepted, same)
        chosen_on = f"the other folds of {name} (mean of {len(labels)} thresholds)"
        accuracies = np.asarray([np.mean((accepted == same)[folds == label]) for label in labels])
        results[rule] = _threshold_result(rule, float(chosen.mean()), chosen_on, scores), chosen, accuracies
    _, chosen, accuracies = results["accuracy"]
    figures = fold_figures("accuracy", accuracies, chosen)
    by_rule = tuple(result for result, _, _ in results.values())
    return VerificationResult(name, distances, same, exact.roc_auc(distances, same), by_rule, figures)


def pair_distances(
    embeddings: Float[np.ndarray, "n d"],
    first_index: Int[np.ndarray, "pairs"],
    second_index: Int[np.ndarray, "pairs"],
) -> Float[np.ndarray, "pairs"]:
    """The Euclidean distances of pairs of L2-normalised embeddings, from 0 to 2, in float64.

    An embedding of zeros has no direction and stays zero: at distance 1 from every other, 0 from its like. Embeddings
    that are not finite give distances that are not.
    """
    embeddings = np.asarray(embeddings)
    first_index, second_index = np.asarray(first_index), np.asarray(second_index)
    if embeddings.ndim != 2 or first_index.ndim != 1 or first_index.shape != second_index.shape:
        raise ValueError(
            "expected embeddings [n, d] and two index arrays [pairs], found shapes "
            f"{embeddings.shape}, {first_index.shape} and {second_index.shape}"
        )
    distances = np.empty(len(first_index), dtype=np.float64)
    for start in range(0, len(distances), _PAIRS_A_BLOCK):  # blocks bound the memory of long lists
        block = slice(start, start + _PAIRS_A_BLOCK)
        difference = _normalised(embeddings[first_index[block]]) - _normalised(embeddings[second_index[block]])
        distances[block] = np.sqrt(np.sum(difference**2, axis=1))
    return distances


def _normalised(embeddings: np.ndarray) -> Float[np.ndarray, "n d"]:
    embeddings = embeddings.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity / infinity: the caller finds the NaN it leaves
        # Divided by the largest entry first, so that the squares neither overflow nor vanish.
        largest = np.max(np.abs(embeddings), axis=1, keepdims=True, initial=0.0)
        embeddings = embeddings / np.where(largest == 0, 1.0, largest)
        norms = np.sqrt(np.sum(embeddings**2, axis=1, keepdims=True))
        return embeddings / np.where(norms == 0, 1.0, norms)


def _checked(distances, same, name: str) -> tuple[Float[np.ndarray, "pairs"], Bool[np.ndarray, "pairs"]]:
    distances, same = np.asarray(distances, dtype=np.float64), np.asarray(same, dtype=bool)
    if distances.ndim != 1 or distances.shape != same.shape:
        raise ValueError(f"{name}: expected two arrays [pairs], found shapes {distances.shape} and {same.shape}")
    broken = np.flatnonzero(~np.isfinite(distances))
    if len(broken):
        raise UserError(
            f"{name}: {len(broken)} of {len(distances)} distances are not finite, the first at pair {broken[0] + 1}; "
            "expected numbers. The embeddings hold NaN or infinity: the model has diverged. Use an earlier checkpoint, "
            "or train again with a lower learning rate."
        )
    if same.all() or not same.any():
        raise UserError(
            f"{name}: found {same.sum()} pairs of the same person and {(~same).sum()} of different people; expected at "
            "least one of each. Use a list that holds both."
        )
    return distances, same


def _threshold_result(rule: str, threshold: float, chosen_on: str, scores: VerificationScores) -> ThresholdResult:
    return ThresholdResult(rule, threshold, chosen_on, scores, exact.wilson_interval(scores.correct, scores.pairs))
