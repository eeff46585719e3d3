"""Mixtures of Gaussians against SciPy's densities, scikit-learn's fit, and what EM guarantees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from lfw_jax.descriptors.gaussian_mixture import DiagonalMixture, fit_mixture, log_joint
from lfw_jax.errors import UserError

TRUE = DiagonalMixture(
    np.array([0.2, 0.3, 0.5]),
    np.array([[-2.0, 0.0], [1.0, 1.5], [2.0, -1.0]]),
    np.array([[0.3, 0.8], [1.0, 0.2], [0.5, 0.5]]),
)


def sample(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(3, count, p=TRUE.weights)
    return rng.normal(TRUE.means[chosen], np.sqrt(TRUE.variances[chosen])).astype(np.float32)


def in_order(mixture: DiagonalMixture) -> list[np.ndarray]:
    order = np.argsort(np.asarray(mixture.means)[:, 0])
    return [np.asarray(part)[order] for part in (mixture.weights, mixture.means, mixture.variances)]


def likelihood(points: np.ndarray, mixture: DiagonalMixture) -> float:
    return float(logsumexp(log_joint(points, mixture), axis=1).mean())


def test_log_joint_is_weight_times_density():
    points = sample(20)
    expected = [
        np.log(w) + multivariate_normal(m, np.diag(v)).logpdf(points)
        for w, m, v in zip(TRUE.weights, TRUE.means, TRUE.variances, strict=True)
    ]
    np.testing.assert_allclose(log_joint(points, TRUE), np.transpose(expected), rtol=1e-4, atol=1e-4)


def test_the_fit_is_scikit_learns_and_near_the_truth():
    points = sample(20_000)  # several slices of rows, the last one padded
    fitted = in_order(fit_mixture(points, 3, seed=0, iterations=300, tolerance=1e-7))
    peer = GaussianMixture(3, covariance_type="diag", reg_covar=0, tol=1e-7, max_iter=500, means_init=TRUE.means)
    peer.fit(points.astype(np.float64))
    theirs = in_order(DiagonalMixture(peer.weights_, peer.means_, peer.covariances_))
    for found, expected, truth in zip(fitted, theirs, in_order(TRUE), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0.01, atol=0.01)
        np.testing.assert_allclose(found, truth, rtol=0.05, atol=0.05)


@given(st.integers(0, 99), st.integers(1, 9))
@settings(max_examples=5)
def test_the_likelihood_never_falls(seed, gaussians):
    points = sample(500, seed)
    found = [
        likelihood(points, fit_mixture(points, gaussians, seed=seed, iterations=n, tolerance=0.0)) for n in range(7)
    ]
    assert (np.diff(found) > -1e-5).all()


def test_a_fit_is_repeated_by_its_seed():
    points = sample(500)
    first, again, other = (fit_mixture(points, 5, seed=seed, iterations=3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.means, again.means)
    assert not np.array_equal(first.means, other.means)


def test_duplicates_and_constants_stay_finite():
    points = np.repeat(sample(6), 20, axis=0)
    points[:, 1] = 3
    mixture = fit_mixture(points, 10, seed=0)
    assert all(np.isfinite(part).all() for part in in_order(mixture))
    assert float(mixture.weights.min()) > 0
    assert float(mixture.weights.sum()) == pytest.approx(1)
    assert (np.asarray(mixture.variances)[:, 0] >= 0.99e-3 * points[:, 0].var()).all()


@pytest.mark.parametrize("gaussians", [0, 4, 5])
def test_more_gaussians_than_points_are_refused(gaussians):
    with pytest.raises(UserError, match=f"gaussians is {gaussians} for 4 points"):
        fit_mixture(sample(4), gaussians, seed=0)
