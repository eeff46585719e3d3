"""How many same pairs are accepted when only so many different ones may be."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

FALSE_ACCEPT_RATES = (0.1, 0.01, 0.001, 0.0001)


def true_accept_rates(
    distances: Float[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    rates: tuple[float, ...] = FALSE_ACCEPT_RATES,
) -> list[dict[str, Any]]:
    """TAR@FAR: the true accept rate at the largest threshold whose false accept rate is at most the wanted one.

    Exact, from the sorted distances and not from a grid; the thresholds are points of the ROC curve of these very pairs, not
    chosen elsewhere. A rate that would need less than one false accept cannot be measured with so few pairs and is left out.

    Args:
        distances: `[pairs]`, accepted when below the threshold.
        same: `[pairs]`.
        rates: wanted false accept rates, shares of the different pairs.

    Returns:
        For each rate that can be measured `false_accept_rate` as wanted, `true_accept_rate` and `threshold`.
    """
    different = np.sort(distances[~same])
    points = []
    for rate in rates:
        allowed = int(rate * len(different) + 1e-9)  # 0.001 · 3000 is 3, whatever its last bit says
        if 1 <= allowed < len(different):
            threshold = float(different[allowed])
            accepted = float(np.mean(distances[same] < threshold))
            points.append({"false_accept_rate": rate, "true_accept_rate": accepted, "threshold": threshold})
    return points
