"""Thresholds from models with two or more parameters, as alternatives to the empirical best one.

A model uses all distances, where the empirical best threshold depends on the few pairs around it: less variance, but bias if the
distances do not follow the model. Pairs are weighted as listed, so that the threshold is meant for the same share of same pairs.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.pair_arrays import validated
from lfw_jax.evaluation.thresholds import best_accuracy

_STEPS = 100
_RIDGE = 1e-6  # penalty per pair on the squared slope: finite where both kinds are perfectly separated
_LEAST_VARIANCE = 1e-12


def logistic(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """Return the distance at which a logistic regression gives both kinds the same probability.

    Two parameters: log-odds of a same pair are linear in the distance. If they do not fall with the distance, all pairs or none
    are accepted, whichever is right for more.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    distances, same = _of_both_kinds(distances, same)
    spread = float(distances.std())
    if spread == 0:
        return _constant(distances, same)
    scaled = (distances - distances.mean()) / spread
    design = np.stack([np.ones_like(scaled), scaled], axis=1)
    penalty = np.diag([0.0, _RIDGE * len(same)])
    weights = np.zeros(2)
    for _ in range(_STEPS):  # Newton's method on a convex function
        probability = 1 / (1 + np.exp(-np.clip(design @ weights, -500, 500)))
        gradient = design.T @ (probability - same) + penalty @ weights
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient)
        weights -= step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        if np.abs(step).max() < 1e-10:
            break
    offset, slope = weights.tolist()
    return _constant(distances, same) if slope >= 0 else float(distances.mean() - spread * offset / slope)


def equal_gaussians(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """Return the distance at which two normal distributions of one variance cross.

    Three parameters, weighted by the numbers of pairs: linear discriminant analysis. If same pairs are not nearer on average,
    all pairs or none are accepted, whichever is right for more.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    distances, same = _of_both_kinds(distances, same)
    near, far = distances[same], distances[~same]
    variance = (near.var() * len(near) + far.var() * len(far)) / len(distances)
    gap = float(far.mean() - near.mean())
    if gap <= 0:
        return _constant(distances, same)
    return float((near.mean() + far.mean()) / 2 + variance / gap * np.log(len(near) / len(far)))


def two_gaussians(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """Return the distance at which two normal distributions cross, each with its own variance.

    Four parameters, weighted by the numbers of pairs: quadratic discriminant analysis. Of two crossings it is the one from more
    same pairs to more different pairs; without any, all pairs or none are accepted.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    distances, same = _of_both_kinds(distances, same)
    near, far = distances[same], distances[~same]
    if far.mean() <= near.mean():
        return _constant(distances, same)
    (m1, v1), (m2, v2) = ((float(kind.mean()), max(float(kind.var()), _LEAST_VARIANCE)) for kind in (near, far))
    # The logarithm of the ratio of both weighted densities: a d² + b d + c.
    a = 1 / (2 * v2) - 1 / (2 * v1)
    b = m1 / v1 - m2 / v2
    c = m2**2 / (2 * v2) - m1**2 / (2 * v1) + np.log(len(near) / len(far)) + np.log(v2 / v1) / 2
    if abs(a) < 1e-9 * (1 / v1 + 1 / v2):
        return float(-c / b)
    discriminant = b * b - 4 * a * c
    if discriminant < 0:
        return _above(distances) if c + b * m1 + a * m1 * m1 > 0 else float(distances.min())
    # The root at which the ratio falls, whatever the sign of a, in the form without cancellation.
    root = float(np.sqrt(discriminant))
    return float((-b - root) / (2 * a)) if b > 0 else float(2 * c / (root - b))


RULES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "empirical best": best_accuracy,
    "logistic": logistic,
    "Gaussians, equal variances": equal_gaussians,
    "Gaussians": two_gaussians,
}
"""The rules by name."""


def _of_both_kinds(distances: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    distances, same = validated(distances, same)
    if same.all() or not same.any():
        raise ValueError(f"expected pairs of both kinds, found {same.sum()} same and {(~same).sum()} different")
    return distances, same


def _constant(distances: np.ndarray, same: np.ndarray) -> float:
    """Return a threshold that accepts all pairs or none, whichever is right for more of them."""
    return _above(distances) if 2 * same.sum() > len(same) else float(distances.min())


def _above(distances: np.ndarray) -> float:
    return float(np.nextafter(distances.max(), np.inf))
