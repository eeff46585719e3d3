"""Exact thresholds on the distances of pairs, and what a threshold does.

A pair is accepted as the same person when its distance is **below** the threshold. Every threshold between two
successive distances accepts the same pairs, so trying one in each gap finds the best of all; no grid can do better.
"""

import dataclasses
import math
import statistics

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclasses.dataclass(frozen=True)
class VerificationScores:
    """What one threshold does to one list of pairs. A ratio with nothing to count (precision of no pairs) is 0.

    Attributes:
        pairs: number of pairs.
        correct: number of pairs judged rightly.
        accuracy: share of pairs judged rightly.
        f1: harmonic mean of precision and recall.
        precision: share of the accepted pairs that are the same person.
        recall: share of the same-person pairs that are accepted.
        false_accept_rate: share of the different-person pairs that are accepted.
        false_reject_rate: share of the same-person pairs that are rejected.
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
    """The threshold that judges most pairs rightly.

    Among equally good thresholds, the middle of the widest gap; of equally wide ones, the smallest. Exact, in
    O(n log n). Raises ValueError for arrays that are empty, of unequal length or not finite.
    """
    values, same_counts, different_counts = _tally(distances, same)
    return _middle_of_widest(values, _accepted(same_counts) - _accepted(different_counts))


def best_f1(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """The threshold with the greatest F1 of the same-person class; ties, cost and errors as in `best_accuracy`."""
    values, same_counts, different_counts = _tally(distances, same)
    accepted_same = _accepted(same_counts)
    # 2·TP / (2·TP + FP + FN), where TP + FN is the number of same pairs. Equal fractions divide to equal floats.
    total = accepted_same + _accepted(different_counts) + same_counts.sum()
    return _middle_of_widest(values, 2 * accepted_same / np.maximum(total, 1))


def verification_scores(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"], threshold: float
) -> VerificationScores:
    """What `distance < threshold` does to the pairs. Raises ValueError as `best_accuracy` does."""
    distances, same = _checked(distances, same)
    return decision_scores(distances < threshold, same)


def decision_scores(accepted: Bool[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> VerificationScores:
    """The scores of decisions, however they were made."""
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


def roc_auc(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """The area under the ROC curve: how often a same pair is nearer than a different one, ties counting half.

    Exact, with ties (the Mann-Whitney statistic; Hanley & McNeil, Radiology 143, 1982). Raises ValueError unless there
    are pairs of both kinds.
    """
    _, same_counts, different_counts = _tally(distances, same)
    all_same, all_different = int(same_counts.sum()), int(different_counts.sum())
    if not all_same or not all_different:
        raise ValueError(f"AUC needs pairs of both kinds, found {all_same} same and {all_different} different")
    farther = all_different - np.cumsum(different_counts)
    twice_won = int((same_counts * (2 * farther + different_counts)).sum())
    return twice_won / (2 * all_same * all_different)


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share: of `n` independent trials, `successes` succeeded.

    It stays within [0, 1] and keeps its confidence near the ends, where mean ± 2 standard errors does not. Source:
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    if not 0 <= successes <= n or n < 1 or not 0 < confidence < 1:
        raise ValueError(f"found {successes} successes of {n} at confidence {confidence}; expected 0 <= successes <= n")
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and n the ends are exactly 0 and 1; rounding would leave them beside.
    return 0.0 if successes == 0 else max(0.0, centre - half), 1.0 if successes == n else min(1.0, centre + half)


def _checked(distances, same) -> tuple[Float[np.ndarray, "pairs"], Bool[np.ndarray, "pairs"]]:
    distances, same = np.asarray(distances, dtype=np.float64), np.asarray(same, dtype=bool)
    if distances.ndim != 1 or distances.shape != same.shape or not len(distances):
        raise ValueError(f"expected two arrays [pairs], not empty, found shapes {distances.shape} and {same.shape}")
    if not np.isfinite(distances).all():
        raise ValueError(f"{np.sum(~np.isfinite(distances))} of {len(distances)} distances are not finite")
    return distances, same


def _tally(distances, same) -> tuple[Float[np.ndarray, "values"], Int[np.ndarray, "values"], Int[np.ndarray, "values"]]:
    """The distinct distances, sorted, and how many same and different pairs have each."""
    distances, same = _checked(distances, same)
    values, place = np.unique(distances, return_inverse=True)
    return values, np.bincount(place[same], minlength=len(values)), np.bincount(place[~same], minlength=len(values))


def _accepted(counts: Int[np.ndarray, "values"]) -> Int[np.ndarray, "gaps"]:
    """How many pairs each gap accepts: gap 0 lies below all values, gap k above k of them."""
    return np.concatenate([[0], np.cumsum(counts)])


def _middle_of_widest(values: Float[np.ndarray, "values"], scores: np.ndarray) -> float:
    """The middle of the widest run of gaps with the greatest score.

    Gap k holds the thresholds above values[k-1], up to and including values[k]. The first and the last are endless
    and hold no information on where to stop: they count as one float wide, beside the outermost value.
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


def _ratio(count: int, total: int) -> float:
    return count / total if total else 0.0
