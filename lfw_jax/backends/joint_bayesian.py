"""Joint Bayesian: Gaussian identities with Gaussian variation, fitted by EM.

A vector is `x = mean + μ + ε`, with `μ ~ N(0, between)` for each identity and `ε ~ N(0, within)` for each image. Two vectors
of one identity share μ. Their score is the log-likelihood ratio of this against two independent identities. Source: Chen, Cao,
Wang, Wen & Sun, "Bayesian face revisited: a joint formulation", ECCV 2012. The EM here is exact: it includes the posterior
covariance of each μ.
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
    pair_score,
    score_matrix,
    simultaneous_diagonalisation,
)

__all__ = ["JointBayesian", "embedding", "fit_joint_bayesian", "log_likelihood", "log_likelihood_ratio", "score_matrix"]


@dataclasses.dataclass(frozen=True, eq=False)
class JointBayesian(IdentityModel):
    """A fitted model.

    Attributes:
      between: covariance S_μ of the means of identities.
      within: covariance S_ε of a vector around the mean of its identity.
      mean: mean of the vectors.
      log_likelihoods: natural log-likelihood of the training vectors at the start and after each iteration.
    """

    between: Float[np.ndarray, "d d"]
    within: Float[np.ndarray, "d d"]
    mean: Float[np.ndarray, "d"]
    log_likelihoods: Float[np.ndarray, "steps"]

    def _score(self) -> PairScore:
        return pair_score(self.between, self.within, self.mean)


def fit_joint_bayesian(
    features: Float[np.ndarray, "n d"],
    labels: Shaped[np.ndarray, "n"],
    *,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> JointBayesian:
    """Fit both covariances by maximum likelihood, in float64.

    EM starts from the covariance of the identities' means and the covariance within identities. The likelihood rises in every
    iteration. Identities with one image count too: they inform about the sum of both covariances.

    Args:
      features: vectors, such as descriptors after PCA or embeddings.
      labels: identity of each vector: numbers or names.
      iterations: largest number of iterations; 0 for the starting point.
      tolerance: gain of the log-likelihood per image, in nats, below which an iteration is the last.

    Raises:
      ValueError: arrays of other shapes, values that are not finite, or a negative number of iterations or tolerance.
      UserError: fewer than two identities, or a singular covariance within identities.
    """
    with one_blas_thread(np.shape(features)[-1]):
        statistics = identity_statistics(features, labels)
        start = _Step.at(statistics, statistics.between(), statistics.within())
        step, log_likelihoods = maximised(start, iterations, tolerance, statistics.vectors)
    return JointBayesian(step.between, step.within, statistics.mean, log_likelihoods)


def log_likelihood(model: JointBayesian, features: Float[np.ndarray, "n d"], labels: Shaped[np.ndarray, "n"]) -> float:
    """Return the natural log-likelihood of labelled vectors, each identity's images jointly.

    Args:
      model: the model.
      features: the vectors.
      labels: identity of each vector.
    """
    statistics = identity_statistics(features, labels, model.mean)
    return _Step.at(statistics, model.between, model.within).log_likelihood


@dataclasses.dataclass(frozen=True, eq=False)
class _Step:
    """Both covariances, and the posterior of the identities under them.

    In the basis V with `Vᵀ within V = I` and `Vᵀ between V = diag(λ)`, the posterior of an identity with m images and mean x̄ has,
    in each coordinate, the mean `mλ / (1 + mλ) · x̄` and the variance `λ / (1 + mλ)`.

    Attributes:
      between: covariance of the means of identities.
      within: covariance of a vector around the mean of its identity.
      basis: V.
      ratios: λ.
      residuals: √m · (x̄ - posterior mean) = √m · x̄ / (1 + mλ), in the basis, for the rows of the statistics.
      within_scatter: scatter of the vectors around the means of their identities, in the basis.
      log_likelihood: natural log-likelihood of the vectors.
      statistics: the statistics of the vectors.
    """

    between: Float[np.ndarray, "d d"]
    within: Float[np.ndarray, "d d"]
    basis: Float[np.ndarray, "d d"]
    ratios: Float[np.ndarray, "d"]
    residuals: Float[np.ndarray, "rows d"]
    within_scatter: Float[np.ndarray, "d d"]
    log_likelihood: float
    statistics: IdentityStatistics

    @classmethod
    def at(
        cls, statistics: IdentityStatistics, between: Float[np.ndarray, "d d"], within: Float[np.ndarray, "d d"]
    ) -> "_Step":
        """Return the posterior (E-step) and the likelihood under two covariances."""
        ratios, basis = simultaneous_diagonalisation(between, within)
        rows = statistics.rows @ basis
        shrunken = rows / (1 + statistics.row_counts[:, None] * ratios)
        scatter = basis.T @ statistics.within_scatter @ basis
        log_determinant = 2 * np.log(np.diag(np.linalg.cholesky(within))).sum()
        exponents = np.trace(scatter) + np.sum(rows * shrunken)
        determinants = statistics.identities @ np.log1p(np.outer(statistics.counts, ratios)).sum(axis=1)
        constant = statistics.vectors * (len(ratios) * math.log(2 * math.pi) + log_determinant)
        likelihood = float(-(constant + determinants + exponents) / 2)
        return cls(between, within, basis, ratios, shrunken, scatter, likelihood, statistics)

    def next(self) -> "_Step":
        """Return the step at the covariances that maximise the expected likelihood under the posterior (M-step)."""
        statistics, ratios = self.statistics, self.ratios
        variances = ratios / (1 + np.outer(statistics.counts, ratios))  # [groups, d]
        means = np.sqrt(statistics.row_counts)[:, None] * ratios * self.residuals
        between = means.T @ means
        np.einsum("ii->i", between)[...] += statistics.identities @ variances
        within = self.within_scatter + self.residuals.T @ self.residuals
        np.einsum("ii->i", within)[...] += (statistics.identities * statistics.counts) @ variances
        back = self.within @ self.basis  # the inverse of the basis, transposed
        between, within = (back @ matrix @ back.T for matrix in (between, within))
        between, within = between / statistics.identities.sum(), within / statistics.vectors
        return _Step.at(statistics, (between + between.T) / 2, (within + within.T) / 2)
