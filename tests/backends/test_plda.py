"""PLDA beside samples of its own model, the densities of the joint Gaussians and joint Bayesian."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from lfw_jax.backends import joint_bayesian, plda
from lfw_jax.backends.plda import Plda, fit_plda
from lfw_jax.errors import UserError
from tests.backends.gaussian_identities import covariance, sampled


def problem(seed: int, counts: list[int], dimension: int = 4, rank: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(dimension, rank)) * 1.5
    return sampled(counts, loadings @ loadings.T, covariance(dimension, 1.0, rng), rng)


def joint_density(model: Plda, vectors: np.ndarray) -> float:
    """Return the log-density of all vectors of one identity, from their joint covariance."""
    stacked = np.tile(model.loadings, (len(vectors), 1))
    joint = stacked @ stacked.T + np.kron(np.eye(len(vectors)), model.within)
    return float(multivariate_normal(np.tile(model.mean, len(vectors)), joint).logpdf(vectors.ravel()))


def test_samples_of_the_model_give_its_covariances_back():
    rng = np.random.default_rng(0)
    loadings, within = rng.normal(size=(6, 2)) * 1.5, covariance(6, 0.7, rng)
    features, labels = sampled([1] * 3000 + [2] * 3000 + [5] * 2000, loadings @ loadings.T, within, rng)
    model = fit_plda(features + 3.0, labels, dimension=2, tolerance=1e-6)
    between = model.loadings @ model.loadings.T
    assert np.abs(between - loadings @ loadings.T).max() < 0.06 * np.abs(between).max()
    assert np.abs(model.within - within).max() < 0.03 * np.abs(within).max()


def test_the_ratio_is_the_difference_of_the_log_densities_of_the_joint_gaussians():
    rng = np.random.default_rng(1)
    model = Plda(rng.normal(size=(4, 2)), covariance(4, 1.0, rng), rng.normal(size=4), np.empty(0))
    first, second = rng.normal(size=(2, 20, 4)) * 2
    expected = [
        joint_density(model, np.stack(pair)) - sum(joint_density(model, vector[None]) for vector in pair)
        for pair in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(plda.log_likelihood_ratio(model, first, second), expected, rtol=1e-9, atol=1e-9)
    (one, one_offsets), (other, other_offsets) = plda.embedding(model, first), plda.embedding(model, second)
    assert one.shape == (20, 2)
    found = model.score.constant - np.sum((one - other) ** 2, axis=1) / 2 + one_offsets + other_offsets
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_the_likelihood_of_em_is_the_joint_density_of_each_identity():
    for counts in ([1, 2, 3, 4, 5], [1] * 40 + [2] * 30 + [3]):
        features, labels = problem(2, counts)
        model = fit_plda(features, labels, dimension=2, iterations=10, tolerance=0)
        expected = sum(joint_density(model, features[labels == name]) for name in np.unique(labels))
        assert model.log_likelihoods[-1] == pytest.approx(expected, abs=1e-8)
        assert plda.log_likelihood(model, features, labels) == pytest.approx(expected, abs=1e-8)


def test_one_iteration_is_the_textbook_step():
    """E-step, M-step and minimum divergence of every identity with the inverses written out."""
    features, labels = problem(3, [1, 1, 2, 3, 4, 6])
    start = fit_plda(features, labels, dimension=2, iterations=0)
    inverse = np.linalg.inv(start.within)
    crossed, moments, divergence, scatter = np.zeros((4, 2)), np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((4, 4))
    for name in np.unique(labels):
        vectors = features[labels == name] - features.mean(axis=0)
        spread = np.linalg.inv(np.eye(2) + len(vectors) * start.loadings.T @ inverse @ start.loadings)
        posterior = spread @ start.loadings.T @ inverse @ vectors.sum(axis=0)
        second = np.outer(posterior, posterior) + spread
        crossed += np.outer(vectors.sum(axis=0), posterior)
        moments, divergence = moments + len(vectors) * second, divergence + second / 6
        scatter += vectors.T @ vectors
    loadings = crossed @ np.linalg.inv(moments)
    stepped = fit_plda(features, labels, dimension=2, iterations=1, tolerance=0)
    np.testing.assert_allclose(stepped.within, (scatter - loadings @ crossed.T) / len(features), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(
        stepped.loadings @ stepped.loadings.T, loadings @ divergence @ loadings.T, rtol=1e-8, atol=1e-10
    )


@given(
    seed=st.integers(0, 10**6),
    rank=st.integers(1, 3),
    counts=st.lists(st.integers(1, 6), min_size=5, max_size=15).filter(lambda c: sum(c) - len(c) >= 8),
)
def test_the_likelihood_never_falls(seed: int, rank: int, counts: list[int]):
    features, labels = problem(seed, counts)
    model = fit_plda(features, labels, dimension=rank, iterations=8, tolerance=0)
    assert len(model.log_likelihoods) == 9  # an iteration that lowers it would have been discarded
    assert (np.diff(model.log_likelihoods) >= 0).all()


def test_all_dimensions_make_it_joint_bayesian():
    features, labels = problem(4, [1, 2, 3, 4] * 60, dimension=3, rank=3)
    model = fit_plda(features, labels, dimension=3, iterations=3000, tolerance=1e-10)
    other = joint_bayesian.fit_joint_bayesian(features, labels, iterations=3000, tolerance=1e-10)
    assert model.log_likelihoods[-1] == pytest.approx(other.log_likelihoods[-1], abs=1e-3)
    np.testing.assert_allclose(model.within, other.within, rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(model.loadings @ model.loadings.T, other.between, rtol=1e-2, atol=2e-2)


def test_a_dimension_out_of_range_is_refused():
    features, labels = problem(5, [4, 4, 4])
    for dimension in (0, 3):
        with pytest.raises(UserError, match=f"the dimension is {dimension}; expected at least 1 and at most 2"):
            fit_plda(features, labels, dimension=dimension)
