"""LDA beside scikit-learn's."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lfw_jax.backends.lda import fit_lda
from lfw_jax.backends.projection import project
from lfw_jax.errors import UserError
from tests.backends.gaussian_identities import covariance, sampled


def problem(counts: list[int], dimension: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return sampled(counts, covariance(dimension, 2.0, rng), covariance(dimension, 1.0, rng), rng)


def test_the_directions_are_those_of_scikit_learn():
    features, labels = problem([3, 5, 8, 4, 6, 10, 2])
    peer = LinearDiscriminantAnalysis(solver="eigen").fit(features, labels).transform(features)[:, :4]
    peer -= peer.mean(axis=0)
    found = project(fit_lda(features, labels, dimension=4), features)
    scale = np.sum(found * peer, axis=0) / np.sum(peer**2, axis=0)
    np.testing.assert_allclose(found, peer * scale, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(np.abs(scale), np.abs(scale[0]))  # covariances within of N or N - identities


def test_projected_vectors_have_unit_covariance_within_and_falling_variances_between():
    features, labels = problem([4] * 30)
    found = project(fit_lda(features, labels), features)
    means = np.stack([found[labels == name].mean(axis=0) for name in range(30)])
    deviations = found - means[labels]
    np.testing.assert_allclose(deviations.T @ deviations / 90, np.eye(5), atol=1e-9)
    between = means.T @ means
    np.testing.assert_allclose(between, np.diag(np.diag(between)), atol=1e-6)
    assert (np.diff(np.diag(between)) < 0).all()


def test_shrinkage_makes_few_images_enough():
    features, labels = problem([1, 2, 2, 1, 1, 1])
    with pytest.raises(UserError, match="leave 2 degrees of freedom within identities; expected at least 5"):
        fit_lda(features, labels)
    matrix = fit_lda(features, labels, shrinkage=0.5).matrix
    centred = np.concatenate([features[labels == name] - features[labels == name].mean(axis=0) for name in range(6)])
    within = centred.T @ centred / 2
    shrunken = within / 2 + np.trace(within) / 5 / 2 * np.eye(5)
    np.testing.assert_allclose(matrix.T @ shrunken @ matrix, np.eye(5), atol=1e-9)


def test_wrong_options_are_refused():
    features, labels = problem([4, 4, 4])
    with pytest.raises(UserError, match="the dimension is 3; expected at least 1 and at most 2"):
        fit_lda(features, labels, dimension=3)
    with pytest.raises(ValueError, match=r"shrinkage between 0 and 1, found 1.5"):
        fit_lda(features, labels, shrinkage=1.5)
    with pytest.raises(UserError, match="images of one identity"):
        fit_lda(features, np.zeros(12))
