"""Probabilistic LDA (PLDA): identities vary in a subspace, images in all directions.

A vector is `x = mean + F h + ε`, with `h ~ N(0, I)` of a small dimension for each identity and `ε ~ N(0, within)` for each image.
This is joint Bayesian with a covariance between identities, `F Fᵀ`, of low rank: EM learns the subspace, whereas joint Bayesian
has all directions. With as many dimensions as the vectors have, both are the same model. A low rank has fewer parameters to learn
from few identities, and shorter embeddings. Sources: Prince & Elder, "Probabilistic linear discriminant analysis for inferences
about identity", ICCV 2007; the single subspace with a full covariance within: Kenny, "Bayesian speaker verification with
heavy-tailed priors", Odyssey 2010.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float, Shaped

from lfw_jax.backends.blas_threads import one_blas_thread
from lfw_jax.backends.expectation_maximisation import ITERATIONS, TOLERANCE, maximised
from lfw_jax.backends.identity_statistics import IdentityStatistics, identity_statistics
from lfw_jax.backends.pair_score import (
    IdentityModel,
    PairScore,
    embedding,
    log_likelihood_ratio,
    score_matrix,
    simultaneous_diagonalisation,
)
from lfw_jax.errors import UserError

__all__ = ["Plda", "embedding", "fit_plda", "log_likelihood", "log_likelihood_ratio", "score_matrix"]


@dataclasses.dataclass(frozen=True, eq=False)
class Plda(IdentityModel):
    """A fitted model.

    Attributes:
      loadings: F, one column per dimension of the identities, unique up to a rotation.
      within: covariance of a vector around the mean of its identity.
      mean: mean of the vectors.
      log_likelihoods: natural log-likelihood of the training vectors at the start and after each iteration.
    """

    loadings: Float[np.ndarray, "d q"]
    within: Float[np.ndarray, "d d"]
    mean: Float[np.ndarray, "d"]
    log_likelihoods: Float[np.ndarray, "steps"]

    def _score(self) -> PairScore:
        back = np.linalg.solve(self.within, self.loadings)
        ratios, rotation = np.linalg.eigh(self.loadings.T @ back)
        kept = np.flatnonzero(ratios > len(self.mean) * np.finfo(np.float64).eps * ratios[-1])[::-1]
        return PairScore(self.mean, back @ rotation[:, kept] / np.sqrt(ratios[kept]), ratios[kept])


def fit_plda(
    features: Float[np.ndarray, "n d"],
    labels: Shaped[np.ndarray, "n"],
    *,
    dimension: int,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> Plda:
    """Fit loadings and covariance by maximum likelihood, in float64.

    EM starts from the directions of largest variance between identities relative to that within. Each iteration also rescales the
    loadings to the average posterior of h (minimum divergence), which EM alone takes many iterations for. The likelihood rises in
    every iteration.

    Args:
      features: vectors, such as descriptors after PCA or embeddings.
      labels: identity of each vector: numbers or names.
      dimension: number of directions in which identities vary.
      iterations: largest number of iterations; 0 for the starting point.
      tolerance: gain of the log-likelihood per image, in nats, below which an iteration is the last.

    Raises:
      ValueError: arrays of other shapes, values that are not finite, or a negative number of iterations or tolerance.
      UserError: fewer than two identities, a singular covariance within identities, or a dimension out of range.
    """
    with one_blas_thread(np.shape(features)[-1]):
        statistics = identity_statistics(features, labels)
        most = min(statistics.dimension, int(statistics.identities.sum()) - 1)
        if not 1 <= dimension <= most:
            raise UserError(
                f"PLDA: the dimension is {dimension}; expected at least 1 and at most {most}, as there are "
                f"{statistics.identities.sum():,} identities and vectors of length {statistics.dimension:,}."
            )
        within = statistics.within()
        ratios, basis = simultaneous_diagonalisation(statistics.between(), within)
        start = _Step.at(statistics, within @ basis[:, :dimension] * np.sqrt(ratios[:dimension]), within)
        step, log_likelihoods = maximised(start, iterations, tolerance, statistics.vectors)
    return Plda(step.loadings, step.within, statistics.mean, log_likelihoods)


def log_likelihood(model: Plda, features: Float[np.ndarray, "n d"], labels: Shaped[np.ndarray, "n"]) -> float:
    """Return the natural log-likelihood of labelled vectors, each identity's images jointly.

    Args:
      model: the model.
      features: the vectors.
      labels: identity of each vector.
    """
    statistics = identity_statistics(features, labels, model.mean)
    return _Step.at(statistics, model.loadings, model.within).log_likelihood


@dataclasses.dataclass(frozen=True, eq=False)
class _Step:
    """Loadings and covariance, and the posterior of the identities under them.

    With the loadings rotated so that `Fᵀ within⁻¹ F = diag(j)`, the posterior of an identity with m images and mean x̄ has, in
    each dimension, the mean `m / (1 + mj) · Fᵀ within⁻¹ x̄` and the variance `1 / (1 + mj)`.

    Attributes:
      loadings: F, rotated.
      within: covariance of a vector around the mean of its identity.
      posterior: √m times the posterior mean, for the rows of the statistics.
      variances: variance of the posterior for each number of images.
      log_likelihood: natural log-likelihood of the vectors.
      statistics: the statistics of the vectors.
    """

    loadings: Float[np.ndarray, "d q"]
    within: Float[np.ndarray, "d d"]
    posterior: Float[np.ndarray, "rows q"]
    variances: Float[np.ndarray, "groups q"]
    log_likelihood: float
    statistics: IdentityStatistics

    @classmethod
    def at(
        cls, statistics: IdentityStatistics, loadings: Float[np.ndarray, "d q"], within: Float[np.ndarray, "d d"]
    ) -> "_Step":
        """Return the posterior (E-step) and the likelihood under loadings and a covariance."""
        inverse = np.linalg.inv(np.linalg.cholesky(within))
        whitened = inverse @ loadings
        precisions, rotation = np.linalg.eigh(whitened.T @ whitened)
        rows = statistics.rows @ inverse.T
        evidence = rows @ (whitened @ rotation)
        shrunken = evidence / (1 + statistics.row_counts[:, None] * np.maximum(precisions, 0))
        spread = 1 + np.outer(statistics.counts, np.maximum(precisions, 0))
        log_determinant = -2 * np.log(np.diag(inverse)).sum()
        constant = statistics.vectors * (len(within) * math.log(2 * math.pi) + log_determinant)
        exponents = np.sum(inverse * (inverse @ statistics.within_scatter)) + np.sum(rows**2)
        exponents -= statistics.row_counts @ np.sum(evidence * shrunken, axis=1)
        likelihood = float(-(constant + statistics.identities @ np.log(spread).sum(axis=1) + exponents) / 2)
        posterior = statistics.row_counts[:, None] * shrunken
        return cls(loadings @ rotation, within, posterior, 1 / spread, likelihood, statistics)

    def next(self) -> "_Step":
        """Return the step at the parameters that maximise the expected likelihood under the posterior (M-step)."""
        statistics, posterior = self.statistics, self.posterior
        over_images = np.diag((statistics.identities * statistics.counts) @ self.variances)
        loadings = np.linalg.solve(posterior.T @ posterior + over_images, posterior.T @ statistics.rows).T
        residuals = statistics.rows - posterior @ loadings.T
        within = statistics.within_scatter + residuals.T @ residuals + loadings @ over_images @ loadings.T
        means = posterior / np.sqrt(statistics.row_counts)[:, None]
        second_moment = means.T @ means + np.diag(statistics.identities @ self.variances)
        rescaled = loadings @ np.linalg.cholesky(second_moment / statistics.identities.sum())
        return _Step.at(statistics, rescaled, (within + within.T) / (2 * statistics.vectors))
