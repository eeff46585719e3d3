"""The bootstrap of ten-fold cross-validation: each resample chooses the threshold of each fold again."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.intervals.weighted_metrics import WeightedPairs


@dataclasses.dataclass(frozen=True, eq=False)
class FoldedPairs:
    """Distances, labels and folds of pairs whose cross-validation is wanted for many sets of weights.

    Attributes:
      distances: distance of each pair.
      same: true where both images show one identity.
      folds: fold of each pair.
    """

    distances: Float[np.ndarray, "pairs"]
    same: Bool[np.ndarray, "pairs"]
    folds: Int[np.ndarray, "pairs"]

    @functools.cached_property
    def _parts(self) -> list[tuple[Int[np.ndarray, "in_fold"], WeightedPairs]]:
        parts = []
        for label in np.unique(self.folds):
            others = np.flatnonzero(self.folds != label)
            pairs = WeightedPairs(self.distances[others], self.same[others], others)
            parts.append((np.flatnonzero(self.folds == label), pairs))
        return parts

    def mean_accuracy(self, weights: Float[np.ndarray, "resamples pairs"]) -> Float[np.ndarray, "resamples"]:
        """Return the mean accuracy over folds, each at the best threshold of the others, in each resample.

        A fold without pairs, or without pairs in the other folds, does not count in a resample.

        Args:
          weights: weight of each pair in each resample, whole numbers.
        """
        sums, counts = np.zeros(len(weights)), np.zeros(len(weights))
        for inside, others in self._parts:
            thresholds = others.best("accuracy", weights)
            correct = (self.distances[inside] < thresholds[:, None]) == self.same[inside]
            of_fold = np.take(weights, inside, axis=1)
            whole = of_fold.sum(axis=1)
            present = (whole > 0) & np.isfinite(thresholds)
            right = np.einsum("rp,rp->r", of_fold, correct)
            sums += np.divide(right, whole, out=np.zeros(len(whole)), where=present)
            counts += present
        return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
