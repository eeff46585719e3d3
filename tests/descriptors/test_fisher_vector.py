"""Fisher vectors against numerical gradients of the likelihood, the Fisher information, and a plain composition."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.decomposition import PCA

from lfw_jax.descriptors.dense_sift import DenseSift, dense_sift
from lfw_jax.descriptors.fisher_vector import (
    VocabularySize,
    fisher_vector,
    fisher_vectors,
    fit_vocabulary,
    improve,
)
from lfw_jax.descriptors.gaussian_mixture import DiagonalMixture
from lfw_jax.errors import UserError

SIFT = DenseSift(stride=6, scales=(1.0, 0.7), cell=3)
SIZE = VocabularySize(components=6, gaussians=4, descriptors=900)


def mixture(distance: float = 1.0) -> DiagonalMixture:
    means = distance * np.array([[-1.0, 0.5, 0.0], [1.0, 0.0, -0.5]])
    return DiagonalMixture(
        np.array([0.3, 0.7], np.float32),
        means.astype(np.float32),
        np.array([[0.5, 1.0, 2.0], [1.5, 0.7, 0.4]], np.float32),
    )


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 30), dtype=np.uint8)


def mean_likelihood(points, weights, means, deviations) -> float:
    joint = np.log(weights) + norm(means, deviations).logpdf(points[:, None]).sum(axis=-1)
    return float(logsumexp(joint, axis=1).mean())


def numerical_gradient(function, at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    gradient = np.empty_like(at)
    for index in np.ndindex(at.shape):
        change = np.zeros_like(at)
        change[index] = step
        gradient[index] = (function(at + change) - function(at - change)) / (2 * step)
    return gradient


def test_the_vector_is_the_likelihoods_gradient_over_the_root_of_the_information():
    points = np.random.default_rng(0).normal(size=(40, 3))
    model = mixture()
    weights = model.weights.astype(np.float64)
    means, deviations = model.means.astype(np.float64), np.sqrt(model.variances.astype(np.float64))
    by_mean = numerical_gradient(lambda at: mean_likelihood(points, weights, at, deviations), means)
    by_deviation = numerical_gradient(lambda at: mean_likelihood(points, weights, means, at), deviations)
    information = weights[:, None] / deviations**2  # of a mean; that of a deviation is twice as much
    expected = np.concatenate([by_mean / np.sqrt(information), by_deviation / np.sqrt(2 * information)])
    np.testing.assert_allclose(fisher_vector(points.astype(np.float32), model), expected.ravel(), atol=1e-5)


def test_coordinates_have_the_variance_of_one_point_over_their_number():
    model = mixture(distance=20)  # Gaussians apart, for which the diagonal information is exact
    rng = np.random.default_rng(1)
    count, sets = 50, 400
    chosen = rng.choice(2, (sets, count), p=model.weights)
    points = rng.normal(model.means[chosen], np.sqrt(model.variances[chosen])).astype(np.float32)
    vectors = np.stack([fisher_vector(each, model) for each in points])
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=4 / np.sqrt(count * sets))
    np.testing.assert_allclose(count * vectors.var(axis=0), 1, atol=0.4)


def test_units_of_the_points_do_not_matter():
    points = np.random.default_rng(2).normal(size=(30, 3)).astype(np.float32)
    model, units = mixture(), np.array([0.1, 5, 2], np.float32)
    scaled = DiagonalMixture(model.weights, model.means * units, model.variances * units**2)
    np.testing.assert_allclose(fisher_vector(points * units, scaled), fisher_vector(points, model), atol=1e-5)


def test_improved_vectors_have_unit_length_and_keep_signs():
    improved = np.asarray(improve(np.array([[4.0, -9.0, 0.0], [0.0, 0.0, 0.0]])))
    np.testing.assert_allclose(improved, [[2 / np.sqrt(13), -3 / np.sqrt(13), 0], [0, 0, 0]], rtol=1e-6)


def test_a_vocabulary_has_the_principal_components_of_all_descriptors():
    pixels = images(9)
    descriptors, positions = dense_sift(pixels, SIFT)
    vocabulary = fit_vocabulary(pixels, SIFT, VocabularySize(6, 4, 10**6), seed=0)
    peer = PCA(6).fit(np.asarray(descriptors).reshape(-1, 128))
    np.testing.assert_allclose(vocabulary.mean, peer.mean_, atol=1e-6)
    overlap = np.abs(np.diagonal(peer.components_ @ np.asarray(vocabulary.projection)))
    np.testing.assert_allclose(overlap, 1, atol=1e-3)
    assert vocabulary.mixture.means.shape == (4, 8)
    # Mixture over components and positions of the same windows: its mean is that of the data.
    np.testing.assert_allclose(vocabulary.mixture.weights @ vocabulary.mixture.means[:, 6:], 0, atol=1e-3)
    spread = vocabulary.mixture.variances + vocabulary.mixture.means**2
    variance = np.concatenate([peer.explained_variance_, positions.var(axis=0)])
    np.testing.assert_allclose(vocabulary.mixture.weights @ spread, variance, rtol=0.01)


def test_images_are_encoded_one_by_one_however_many_there_are():
    pixels = images(11)
    vocabulary = fit_vocabulary(pixels, SIFT, SIZE, seed=0)
    vectors = fisher_vectors(pixels, vocabulary, SIFT)
    assert vectors.shape == (11, 2 * 4 * 8)
    assert vectors.dtype == np.float32
    for index in (0, 10):
        descriptors, positions = dense_sift(pixels[index : index + 1], SIFT)
        projected = (np.asarray(descriptors[0]) - vocabulary.mean) @ vocabulary.projection
        points = np.concatenate([projected, positions], axis=1)
        np.testing.assert_allclose(vectors[index], improve(fisher_vector(points, vocabulary.mixture)), atol=2e-3)
    half = fisher_vectors(pixels, vocabulary, SIFT, dtype=np.float16)
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, vectors, atol=1e-3)


def test_a_vocabulary_is_repeated_by_its_seed():
    first, again, other = (fit_vocabulary(images(9), SIFT, SIZE, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.mixture.means, again.mixture.means)
    assert not np.array_equal(first.mixture.means, other.mixture.means)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(components=0), "components is 0"),
        (dict(components=129), "components is 129"),
        (dict(gaussians=0), "gaussians is 0"),
        (dict(gaussians=10, descriptors=10), "gaussians is 10 with descriptors=10"),
    ],
)
def test_sizes_out_of_range_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        VocabularySize(**options)
