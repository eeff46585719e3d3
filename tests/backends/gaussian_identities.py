"""Vectors sampled from the model of joint Bayesian."""

import numpy as np


def covariance(dimension: int, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Return a well-conditioned random covariance."""
    factor = rng.normal(size=(dimension, 2 * dimension))
    return scale * (factor @ factor.T / (2 * dimension) + 0.2 * np.eye(dimension))


def sampled(
    counts: list[int], between: np.ndarray, within: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of identities with these numbers of images, in mixed order, and their labels."""
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    zero = np.zeros(len(between))
    identities = rng.multivariate_normal(zero, between, size=len(counts))
    return identities[labels] + rng.multivariate_normal(zero, within, size=len(labels)), labels
