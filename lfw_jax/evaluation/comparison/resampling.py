"""Metrics of one run in all resamples of a bootstrap, and their intervals."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import ScoredPairs

_FEWEST_USABLE = 0.5


def resampled_accuracies(
    correct: Bool[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"], weights: Float[np.ndarray, "block pairs"]
) -> Float[np.ndarray, "block"]:
    """Return the accuracy in each resample; the proportion of same pairs, which the list fixes, is kept.

    Args:
      correct: true where the pair is classified correctly.
      same: true where both images show one identity.
      weights: the weights of the pairs in each resample.

    Returns:
      The accuracies; NaN for a resample with pairs of one kind only.
    """
    share = same.mean()
    with np.errstate(invalid="ignore"):
        same_rate = weights @ (correct & same) / (weights @ same)
        different_rate = weights @ (correct & ~same) / (weights @ ~same)
    return share * same_rate + (1 - share) * different_rate


@dataclasses.dataclass(frozen=True, eq=False)
class SortedScores:
    """The scores of one run, sorted once for the curves of all resamples.

    Attributes:
      order: order of the pairs by distance.
      starts: first position of each distinct distance in that order.
      same: true where both images show one identity, in that order.
    """

    order: np.ndarray
    starts: np.ndarray
    same: Bool[np.ndarray, "pairs"]

    @classmethod
    def of(cls, pairs: ScoredPairs) -> "SortedScores":
        """Sort the scores of a run."""
        order = np.argsort(pairs.distances, kind="stable")
        distances = pairs.distances[order]
        starts = np.flatnonzero(np.concatenate([[True], distances[1:] != distances[:-1]]))
        return cls(order, starts, pairs.same[order])

    def curve_figures(
        self, weights: Float[np.ndarray, "block pairs"]
    ) -> tuple[Float[np.ndarray, "block"], Float[np.ndarray, "block"]]:
        """Return the area under the ROC curve and the equal error rate in each resample.

        Pairs of equal distance are accepted together. The equal error rate is where the straight line between two neighbouring
        points of the curve crosses FMR = FNMR.

        Args:
          weights: the weights of the pairs in each resample.

        Returns:
          The areas and the rates; NaN for a resample with pairs of one kind only.
        """
        ordered = weights[:, self.order]
        same = np.add.reduceat(ordered * self.same, self.starts, axis=1)
        different = np.add.reduceat(ordered * ~self.same, self.starts, axis=1)
        with np.errstate(invalid="ignore"):
            same /= same.sum(axis=1, keepdims=True)
            different /= different.sum(axis=1, keepdims=True)
        true, false = np.cumsum(same, axis=1), np.cumsum(different, axis=1)
        areas = np.sum(same * (1.0 - false + different / 2), axis=1)
        return areas, _equal_error_rates(true, false)


def percentile_interval(
    values: Float[np.ndarray, "resamples"], estimate: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval between two percentiles of a bootstrap; it contains the estimate.

    Args:
      values: the metric in each resample.
      estimate: the metric of the pairs themselves.
      confidence: the share of the resamples between the ends.
    """
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return min(float(low), estimate), max(float(high), estimate)


def defined(values: Float[np.ndarray, "resamples"]) -> Float[np.ndarray, "usable"]:
    """Return the values of the resamples that have pairs of both kinds.

    Args:
      values: the metric in each resample; NaN where it is undefined.

    Raises:
      UserError: the metric is undefined in most resamples.
    """
    usable = values[~np.isnan(values)]
    if len(usable) < _FEWEST_USABLE * len(values):
        raise UserError(
            f"--input: only {len(usable):,} of {len(values):,} resamples of the identities have pairs of both kinds; expected "
            "most. The list has too few identities for an interval. Use a list with more."
        )
    return usable


def _equal_error_rates(
    true: Float[np.ndarray, "block values"], false: Float[np.ndarray, "block values"]
) -> Float[np.ndarray, "block"]:
    """Return FMR = FNMR on the polyline through (0, 0) and the given points."""
    origin = np.zeros((len(true), 1))
    true, false = np.concatenate([origin, true], axis=1), np.concatenate([origin, false], axis=1)
    gap = false + true - 1.0  # FMR − FNMR, rising from −1 to 1
    after = np.maximum(np.argmax(gap >= 0, axis=1), 1)
    row = np.arange(len(true))
    low, high = gap[row, after - 1], gap[row, after]
    with np.errstate(invalid="ignore", divide="ignore"):
        along = -low / (high - low)
    return false[row, after - 1] + along * (false[row, after] - false[row, after - 1])
