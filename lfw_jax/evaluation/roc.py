"""The exact ROC curve of scored pairs and the area under it.

A pair is accepted when its distance is below the threshold, so the curve starts at the smallest distance. Pairs of equal
distance are accepted together: ties give slanted segments, and the area counts them half.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.pair_arrays import counts_by_distance


def roc_points(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]
) -> tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"]]:
    """Return the corners of the exact ROC curve: false and true accept rates, both rising from 0 to 1.

    Points on a straight line between their neighbours are omitted, which keeps plots small and does not change the curve.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    same_counts, different_counts = _counts_of_both_kinds(distances, same)
    true = np.append(0, np.cumsum(same_counts))
    false = np.append(0, np.cumsum(different_counts))
    turns = np.diff(true)[:-1] * np.diff(false)[1:] != np.diff(true)[1:] * np.diff(false)[:-1]
    corner = np.concatenate(([True], turns, [True]))
    return false[corner] / false[-1], true[corner] / true[-1]


def roc_auc(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """Return the exact area under the ROC curve, as the Mann-Whitney statistic.

    It is the probability that a random same pair is nearer than a random different pair, ties counting half. Source: Hanley
    & McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve", Radiology 143, 1982.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    same_counts, different_counts = _counts_of_both_kinds(distances, same)
    all_same, all_different = int(same_counts.sum()), int(different_counts.sum())
    farther = all_different - np.cumsum(different_counts)
    twice_won = int((same_counts * (2 * farther + different_counts)).sum())
    return twice_won / (2 * all_same * all_different)


def _counts_of_both_kinds(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]
) -> tuple[Int[np.ndarray, "values"], Int[np.ndarray, "values"]]:
    _, same_counts, different_counts = counts_by_distance(distances, same)
    if not same_counts.any() or not different_counts.any():
        raise ValueError(
            f"a ROC curve needs pairs of both kinds, found {same_counts.sum()} same and {different_counts.sum()} different"
        )
    return same_counts, different_counts
