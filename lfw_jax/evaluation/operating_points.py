"""Operating points: the true accept rate at given false accept rates."""

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.results import TrueAcceptRate

FALSE_ACCEPT_RATES = (0.1, 0.01, 0.001, 0.0001)


def true_accept_rates(
    distances: Float[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    rates: tuple[float, ...] = FALSE_ACCEPT_RATES,
) -> tuple[TrueAcceptRate, ...]:
    """TAR@FAR: the true accept rates at given false accept rates.

    The threshold of a point is the largest one whose false accept rate is at most the given rate. It is exact, from the sorted
    distances rather than a grid, and a point of the ROC curve of the evaluated pairs themselves. A rate that allows less than
    one false accept cannot be measured and is omitted.

    Args:
      distances: distance of each pair; a pair is accepted below the threshold.
      same: true where both images show one identity.
      rates: false accept rates, as shares of the different pairs.

    Returns:
      One point per rate that can be measured.
    """
    different = np.sort(distances[~same])
    points = []
    for rate in rates:
        allowed = int(rate * len(different) + 1e-9)  # so that 0.001 · 3000 is 3 despite rounding
        if 1 <= allowed < len(different):
            threshold = float(different[allowed])
            points.append(TrueAcceptRate(rate, float(np.mean(distances[same] < threshold)), threshold))
    return tuple(points)
