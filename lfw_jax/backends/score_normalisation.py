"""AS-norm: adaptive symmetric normalisation of scores by those of a cohort of other identities.

A score depends on how similar an image is to everybody. Standardised by the scores of each of its two images with the cohort
members nearest to it, one threshold fits all pairs. Source: Matějka et al., "Analysis of score normalization in multilingual
speaker recognition", Interspeech 2017.
"""

import numpy as np
from jaxtyping import Float

NEAREST = 200
"""Number of nearest cohort identities whose scores standardise a score."""

Moments = tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch"]]
"""Mean and deviation of the cohort's scores, one each per image."""


def cohort_moments(
    scores: Float[np.ndarray, "n cohort"], nearest: int = NEAREST, *, least_deviation: float = 1e-6
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Return mean and deviation of the largest scores of each image with the cohort.

    Args:
      scores: similarity of each image with each member of the cohort.
      nearest: number of scores; a smaller cohort is used entirely.
      least_deviation: bound below, for images with the same score everywhere.

    Raises:
      ValueError: a cohort of fewer than two members, or fewer than two nearest.

    Example:
      >>> cohort_moments(np.array([[0.1, 0.5, 0.3, 0.9]]), nearest=2)
      (array([0.7]), array([0.2]))
    """
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.shape[1] < 2 or nearest < 2:
        raise ValueError(
            f"expected scores [n, cohort] with at least 2 members and nearest of at least 2, found {scores.shape} and {nearest}"
        )
    count = min(nearest, scores.shape[1])
    largest = np.partition(scores, scores.shape[1] - count, axis=1)[:, scores.shape[1] - count :]
    return largest.mean(axis=1), np.maximum(largest.std(axis=1), least_deviation)


def as_norm(scores: Float[np.ndarray, "*batch"], first: Moments, second: Moments) -> Float[np.ndarray, "*batch"]:
    """Return normalised scores: the mean of the scores standardised by the moments of either image.

    With the moments (μ₁, σ₁) and (μ₂, σ₂), a score s becomes `½ · (s - μ₁) / σ₁ + ½ · (s - μ₂) / σ₂`.

    Args:
      scores: similarity of pairs; a matrix of all pairs if `first` has a column of moments.
      first: moments of the first image of each pair.
      second: moments of the second image of each pair.

    Example:
      >>> scores = np.array([0.8])
      >>> as_norm(scores, (np.array([0.6]), np.array([0.1])), (np.array([0.4]), np.array([0.2])))
      array([2.])
    """
    return ((scores - first[0]) / first[1] + (scores - second[0]) / second[1]) / 2
