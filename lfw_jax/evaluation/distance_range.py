"""The range of the distances of a list: that of unit embeddings, or the own range of other scores."""

import numpy as np
from jaxtyping import Float

_GREATEST = 2.0  # Euclidean distance of two unit embeddings
_GREATEST_SQUARE = 4.0
_ROUNDING = 1e-6


def are_unit_distances(distances: Float[np.ndarray, "pairs"]) -> bool:
    """Return true if distances may be Euclidean distances of unit embeddings, all of which lie in [0, 2].

    Args:
      distances: distance of each pair.
    """
    return bool(distances.min() >= 0 and distances.max() <= _GREATEST + _ROUNDING)


def have_common_range(distances: Float[np.ndarray, "pairs"]) -> bool:
    """Return true if histograms of these distances begin at 0, as those of unit embeddings do.

    Args:
      distances: distance of each pair.
    """
    return bool(distances.min() >= 0 and distances.max() <= _GREATEST_SQUARE)


def distance_range(distances: Float[np.ndarray, "pairs"]) -> tuple[float, float]:
    """Return the range that histograms and sliders cover.

    It is [0, 2], extended to the largest distance up to 4, so that runs can be compared and a collapse appears as a single
    spike. Scores of other kinds, such as the negated sum of log-likelihood ratios, have the range of their own values.

    Args:
      distances: distance of each pair.
    """
    low, high = float(distances.min()), float(distances.max())
    if have_common_range(distances):
        return 0.0, max(_GREATEST, high)
    return (low, high) if low < high else (low - 0.5, high + 0.5)
