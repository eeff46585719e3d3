"""Validation of distances and labels, and their counts for thresholds and ROC curves."""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike


def validated(distances: ArrayLike, same: ArrayLike) -> tuple[Float[np.ndarray, "pairs"], Bool[np.ndarray, "pairs"]]:
    """Return distances as float64 and labels as bool.

    Args:
      distances: `[pairs]`, the distance of each pair.
      same: `[pairs]`, true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite.
    """
    values, labels = np.asarray(distances, dtype=np.float64), np.asarray(same, dtype=bool)
    if values.ndim != 1 or values.shape != labels.shape or not len(values):
        raise ValueError(f"expected two arrays [pairs], not empty, found shapes {values.shape} and {labels.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.sum(~np.isfinite(values))} of {len(values)} distances are not finite")
    return values, labels


def counts_by_distance(
    distances: ArrayLike, same: ArrayLike
) -> tuple[Float[np.ndarray, "values"], Int[np.ndarray, "values"], Int[np.ndarray, "values"]]:
    """Return the distinct distances, sorted, and the counts of same and of different pairs at each.

    Args:
      distances: `[pairs]`, the distance of each pair.
      same: `[pairs]`, true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite.
    """
    checked_distances, labels = validated(distances, same)
    values, index = np.unique(checked_distances, return_inverse=True)
    return (
        values,
        np.bincount(index[labels], minlength=len(values)),
        np.bincount(index[~labels], minlength=len(values)),
    )
