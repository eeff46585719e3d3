"""Exact thresholds on the distances of pairs, and the scores of a threshold.

A pair is accepted as one identity when its distance is **below** the threshold. All thresholds between two successive
distances accept the same pairs, so trying one threshold per gap finds the best of all thresholds.
"""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.intervals.wilson import wilson_of_share
from lfw_jax.evaluation.pair_arrays import counts_by_distance, validated


@dataclasses.dataclass(frozen=True)
class VerificationScores:
    """The scores of one threshold on one list of pairs.

    A ratio with denominator 0, such as the precision of no accepted pairs, is 0.

    Attributes:
      pairs: number of pairs.
      correct: number of pairs that are classified correctly.
      accuracy: share of the pairs that are classified correctly.
      f1: harmonic mean of precision and recall.
      precision: share of the accepted pairs that show one identity.
      recall: share of the same pairs that are accepted.
      false_accept_rate: share of the different pairs that are accepted (FMR).
      false_reject_rate: share of the same pairs that are rejected (FNMR).
    """

    pairs: int
    correct: int
    accuracy: float
    f1: float
    precision: float
    recall: float
    false_accept_rate: float
    false_reject_rate: float


def best_accuracy(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """Return the threshold with the greatest accuracy. Exact, in O(n log n).

    Among equally good thresholds, it is the middle of the widest gap; among equally wide gaps, of the smallest.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite.
    """
    values, same_counts, different_counts = counts_by_distance(distances, same)
    return middle_of_widest(values, _accepted(same_counts) - _accepted(different_counts))


def best_f1(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """Return the threshold with the greatest F1 of the same pairs. Exact, in O(n log n).

    Among equally good thresholds, it is the middle of the widest gap; among equally wide gaps, of the smallest.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite.
    """
    values, same_counts, different_counts = counts_by_distance(distances, same)
    accepted_same = _accepted(same_counts)
    # 2·TP / (2·TP + FP + FN), where TP + FN is the number of same pairs. Equal fractions divide to equal floats.
    total = accepted_same + _accepted(different_counts) + same_counts.sum()
    return middle_of_widest(values, 2 * accepted_same / np.maximum(total, 1))


RULES = {"accuracy": best_accuracy, "f1": best_f1}
"""The rules by which thresholds are chosen, by the metric that they maximise."""


def verification_scores(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"], threshold: float
) -> VerificationScores:
    """Return the scores of accepting the pairs with `distance < threshold`.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.
      threshold: distances below it are accepted.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite.
    """
    distances, same = validated(distances, same)
    return decision_scores(distances < threshold, same)


def decision_scores(accepted: Bool[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> VerificationScores:
    """Return the scores of given decisions.

    Args:
      accepted: true where the pair is accepted as one identity.
      same: true where both images show one identity.
    """
    accepted_same = int(np.sum(accepted & same))
    accepted_different = int(np.sum(accepted & ~same))
    rejected_same = int(np.sum(~accepted & same))
    correct = int(np.sum(accepted == same))
    all_same, all_different = int(np.sum(same)), int(np.sum(~same))
    return VerificationScores(
        pairs=len(same),
        correct=correct,
        accuracy=_ratio(correct, len(same)),
        f1=_ratio(2 * accepted_same, 2 * accepted_same + accepted_different + rejected_same),
        precision=_ratio(accepted_same, accepted_same + accepted_different),
        recall=_ratio(accepted_same, all_same),
        false_accept_rate=_ratio(accepted_different, all_different),
        false_reject_rate=_ratio(rejected_same, all_same),
    )


def wilson_interval(successes: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a binomial proportion.

    It stays within [0, 1] and keeps its confidence near the ends, where mean ± 2 standard errors does not. Source:
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Args:
      successes: number of trials that succeeded; a fraction is allowed for an effective number of trials.
      n: number of independent trials.
      confidence: probability that the interval covers the true proportion.

    Raises:
      ValueError: successes outside [0, n], no trial, or a confidence outside (0, 1).
    """
    if not 0 <= successes <= n or n < 1 or not 0 < confidence < 1:
        raise ValueError(f"found {successes} successes of {n} at confidence {confidence}; expected 0 <= successes <= n")
    return wilson_of_share(successes / n, n, confidence)


def middle_of_widest(values: Float[np.ndarray, "values"], scores: np.ndarray) -> float:
    """Return the middle of the widest run of gaps with the greatest score.

    Gap k holds the thresholds above values[k-1], up to and including values[k]. The first and the last gap are unbounded:
    they count as one float wide, next to the outermost value.

    Args:
      values: distinct distances, rising.
      scores: `[gaps]`, the score of the thresholds in each gap, one more than values.
    """
    edges = np.concatenate([[np.nextafter(values[0], -np.inf)], values, [np.nextafter(values[-1], np.inf)]])
    best = scores == scores.max()
    starts = np.flatnonzero(best & ~np.concatenate([[False], best[:-1]]))
    ends = np.flatnonzero(best & ~np.concatenate([best[1:], [False]]))
    low, high = edges[starts], edges[ends + 1]
    widest = np.argmax(high - low)
    low, high = low[widest], high[widest]
    # Between neighbouring floats the middle rounds to one of them, and only the upper one is in the gap.
    return float(np.clip(low / 2 + high / 2, np.nextafter(low, np.inf), high))


def _accepted(counts: Int[np.ndarray, "values"]) -> Int[np.ndarray, "gaps"]:
    """Return the number of pairs that each gap accepts: gap 0 lies below all values, gap k above k of them."""
    return np.concatenate([[0], np.cumsum(counts)])


def _ratio(count: int, total: int) -> float:
    return count / total if total else 0.0
