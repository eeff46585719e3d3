"""Accepted pairs as a function of the threshold: exact counts at many thresholds."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.evaluation.distance_range import distance_range
from lfw_jax.evaluation.scores import ScoredPairs

_DIGITS = 9  # digits after the point of a threshold that is not marked


@dataclasses.dataclass(frozen=True, eq=False)
class DecisionCounts:
    """The numbers of accepted pairs at given thresholds.

    Attributes:
      thresholds: the thresholds, rising; a pair is accepted if its distance is below the threshold.
      same: number of accepted same pairs (true matches) at each threshold.
      different: number of accepted different pairs (false matches) at each threshold.
      same_pairs: number of same pairs.
      different_pairs: number of different pairs.
    """

    thresholds: Float[np.ndarray, "thresholds"]
    same: Int[np.ndarray, "thresholds"]
    different: Int[np.ndarray, "thresholds"]
    same_pairs: int
    different_pairs: int

    def nearest(self, threshold: float) -> int:
        """Return the index of the nearest of the thresholds."""
        return int(np.abs(self.thresholds - threshold).argmin())


def decision_counts(pairs: ScoredPairs, marked: Sequence[float] = (), *, steps: int = 1000) -> DecisionCounts:
    """Count the accepted pairs at many thresholds.

    The thresholds are evenly spaced over `distance_range`, at quantiles of the distances, so that distances in a narrow range are
    resolved, and those that are marked.

    Args:
      pairs: the scored pairs.
      marked: thresholds that must be among them.
      steps: number of steps of the even spacing, and of the quantiles.
    """
    even = np.linspace(*distance_range(pairs.distances), steps + 1)
    quantiles = np.quantile(pairs.distances, np.linspace(0, 1, steps + 1))
    rounded = np.round(np.concatenate([even, quantiles]), _DIGITS)
    thresholds = np.unique(np.concatenate([rounded, np.asarray(marked, np.float64)]))
    same = np.sort(pairs.distances[pairs.same])
    different = np.sort(pairs.distances[~pairs.same])
    return DecisionCounts(
        thresholds=thresholds,
        same=np.searchsorted(same, thresholds, side="left"),
        different=np.searchsorted(different, thresholds, side="left"),
        same_pairs=len(same),
        different_pairs=len(different),
    )
