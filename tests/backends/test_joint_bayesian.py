"""Joint Bayesian beside samples of its own model and the densities of the joint Gaussians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from lfw_jax.backends.joint_bayesian import (
    JointBayesian,
    embedding,
    fit_joint_bayesian,
    log_likelihood,
    log_likelihood_ratio,
    score_matrix,
)
from lfw_jax.errors import UserError
from tests.backends.gaussian_identities import covariance, sampled


def known_model(dimension: int, seed: int = 0) -> JointBayesian:
    rng = np.random.default_rng(seed)
    between, within = covariance(dimension, 2.0, rng), covariance(dimension, 0.7, rng)
    return JointBayesian(between, within, rng.normal(size=dimension), np.empty(0))


def joint_density(model: JointBayesian, vectors: np.ndarray) -> float:
    """Return the log-density of all vectors of one identity, from their joint covariance."""
    images = len(vectors)
    joint = np.kron(np.ones((images, images)), model.between) + np.kron(np.eye(images), model.within)
    return float(multivariate_normal(np.tile(model.mean, images), joint).logpdf(vectors.ravel()))


def problem(seed: int, counts: list[int], dimension: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return sampled(counts, covariance(dimension, 2.0, rng), covariance(dimension, 1.0, rng), rng)


counts_of_identities = st.lists(st.integers(1, 7), min_size=4, max_size=20).filter(lambda c: sum(c) - len(c) >= 6)


def test_samples_of_the_model_give_its_covariances_back():
    rng = np.random.default_rng(0)
    between, within = covariance(6, 2.0, rng), covariance(6, 0.7, rng)
    features, labels = sampled([1] * 3000 + [2] * 3000 + [5] * 2000, between, within, rng)
    model = fit_joint_bayesian(features + 3.0, labels, iterations=200, tolerance=1e-6)
    assert np.abs(model.between - between).max() < 0.06 * np.abs(between).max()
    assert np.abs(model.within - within).max() < 0.03 * np.abs(within).max()
    np.testing.assert_allclose(model.mean, 3.0, atol=0.06)


def test_the_ratio_is_the_difference_of_the_log_densities_of_the_joint_gaussians():
    model, rng = known_model(4), np.random.default_rng(1)
    first, second = rng.normal(size=(2, 20, 4)) * 2
    expected = [
        joint_density(model, np.stack([one, other]))
        - joint_density(model, one[None])
        - joint_density(model, other[None])
        for one, other in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(log_likelihood_ratio(model, first, second), expected, rtol=1e-9, atol=1e-9)


def test_the_likelihood_of_em_is_the_joint_density_of_each_identity():
    model, rng = known_model(3), np.random.default_rng(2)
    labels = np.array(["a", "b", "a", "c", "b", "b", "d", "a", "d", "e"])
    features = rng.normal(size=(len(labels), 3))
    expected = sum(joint_density(model, features[labels == name]) for name in set(labels))
    assert log_likelihood(model, features, labels) == pytest.approx(expected, abs=1e-9)
    fitted = fit_joint_bayesian(features, labels, iterations=30, tolerance=0)
    expected = sum(joint_density(fitted, features[labels == name]) for name in set(labels))
    assert fitted.log_likelihoods[-1] == pytest.approx(expected, abs=1e-8)


def test_groups_of_more_identities_than_dimensions_are_compressed_without_loss():
    features, labels = problem(3, [1] * 40 + [2] * 30 + [3])
    fitted = fit_joint_bayesian(features, labels, iterations=5, tolerance=0)
    expected = sum(joint_density(fitted, features[labels == name]) for name in np.unique(labels))
    assert fitted.log_likelihoods[-1] == pytest.approx(expected, abs=1e-8)


def test_one_iteration_is_the_textbook_step():
    """E-step and M-step of every identity with the inverses written out, as in the derivation."""
    features, labels = problem(4, [1, 1, 2, 3, 4, 6])
    start = fit_joint_bayesian(features, labels, iterations=0)
    stepped = fit_joint_bayesian(features, labels, iterations=1, tolerance=0)
    between, within = np.zeros((3, 3)), np.zeros((3, 3))
    for name in np.unique(labels):
        vectors = features[labels == name] - features.mean(axis=0)
        gain = start.between @ np.linalg.inv(len(vectors) * start.between + start.within)
        posterior, spread = gain @ vectors.sum(axis=0), start.between - len(vectors) * gain @ start.between
        between += (np.outer(posterior, posterior) + spread) / len(np.unique(labels))
        within += ((vectors - posterior).T @ (vectors - posterior) + len(vectors) * spread) / len(features)
    np.testing.assert_allclose(stepped.between, between, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(stepped.within, within, rtol=1e-9, atol=1e-12)


@given(seed=st.integers(0, 10**6), counts=counts_of_identities)
def test_the_likelihood_never_falls(seed: int, counts: list[int]):
    features, labels = problem(seed, counts)
    steps = [
        fit_joint_bayesian(features, labels, iterations=count, tolerance=0).log_likelihoods for count in (0, 1, 12)
    ]
    assert len(steps[1]) == 2  # an iteration that lowers it would have been discarded
    assert len(steps[2]) == 13
    assert (np.diff(steps[2]) >= 0).all()
    np.testing.assert_array_equal(steps[1], steps[2][:2])


@given(seed=st.integers(0, 10**6), counts=counts_of_identities)
def test_an_invertible_map_of_the_features_changes_no_ratio(seed: int, counts: list[int]):
    features, labels = problem(seed, counts)
    rng = np.random.default_rng(seed)
    matrix, shift = covariance(3, 5.0, rng) @ np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.normal(size=3)
    model = fit_joint_bayesian(features, labels, iterations=8, tolerance=0)
    mapped = fit_joint_bayesian(features @ matrix + shift, labels, iterations=8, tolerance=0)
    expected = score_matrix(model, features, features)
    found = score_matrix(mapped, features @ matrix + shift, features @ matrix + shift)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
    jacobian = len(features) * np.linalg.slogdet(matrix)[1]
    np.testing.assert_allclose(mapped.log_likelihoods, model.log_likelihoods - jacobian, rtol=1e-8)


def test_names_and_order_of_the_identities_change_nothing():
    features, labels = problem(5, [1, 2, 3, 4, 5])
    model = fit_joint_bayesian(features, labels)
    order, names = np.random.default_rng(0).permutation(len(labels)), np.array(["e", "c", "a", "d", "b"])
    other = fit_joint_bayesian(features[order], names[labels][order])
    np.testing.assert_allclose(other.between, model.between, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other.within, model.within, rtol=1e-9, atol=1e-12)


@given(seed=st.integers(0, 10**6), rank=st.integers(1, 5))
def test_the_embedding_gives_the_ratio_as_a_distance_with_offsets(seed: int, rank: int):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(size=(5, rank))
    model = JointBayesian(loadings @ loadings.T, covariance(5, 1.0, rng), rng.normal(size=5), np.empty(0))
    first, second = rng.normal(size=(2, 7, 5)) * 3
    (one, one_offsets), (other, other_offsets) = embedding(model, first), embedding(model, second)
    assert one.shape == (7, rank)
    found = model.score.constant - np.sum((one - other) ** 2, axis=1) / 2 + one_offsets + other_offsets
    expected = [
        joint_density(model, np.stack(pair)) - sum(joint_density(model, vector[None]) for vector in pair)
        for pair in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(np.diag(score_matrix(model, first, second)), found, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(log_likelihood_ratio(model, first, second), found, rtol=1e-8, atol=1e-8)


def test_a_score_matrix_has_the_ratio_of_every_pair():
    model, rng = known_model(4), np.random.default_rng(3)
    first, second = rng.normal(size=(3, 4)), rng.normal(size=(5, 4))
    expected = log_likelihood_ratio(model, np.repeat(first, 5, axis=0), np.tile(second, (3, 1)))
    np.testing.assert_allclose(score_matrix(model, first, second), expected.reshape(3, 5), rtol=1e-10, atol=1e-10)


def test_jax_arrays_are_scored_under_jit_and_have_gradients():
    model, rng = known_model(4), np.random.default_rng(4)
    first, second = rng.normal(size=(2, 6, 4)).astype(np.float32)
    compiled = jax.jit(lambda one, other: log_likelihood_ratio(model, one, other))
    found = compiled(jnp.asarray(first), jnp.asarray(second))
    assert isinstance(found, jax.Array)
    expected = log_likelihood_ratio(model, first, second)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    gradient = jax.grad(lambda one: compiled(one, jnp.asarray(second)).sum())(jnp.asarray(first))
    step = 1e-6 * np.eye(4)[0]
    slope = (
        log_likelihood_ratio(model, first + step, second) - log_likelihood_ratio(model, first - step, second)
    ) / 2e-6
    np.testing.assert_allclose(gradient[:, 0], slope, rtol=1e-3, atol=1e-3)


def test_tolerance_ends_em():
    features, labels = problem(6, [1, 2, 3, 4, 5, 6, 7])
    gains = np.diff(fit_joint_bayesian(features, labels, iterations=50, tolerance=0).log_likelihoods)
    bound = float(np.sort(gains)[-6]) / len(features)
    ended = np.diff(fit_joint_bayesian(features, labels, iterations=50, tolerance=bound).log_likelihoods)
    assert len(ended) == np.flatnonzero(gains < bound * len(features))[0] + 1


def test_too_few_images_within_identities_are_refused():
    features, labels = problem(7, [1, 1, 1, 2, 2])
    with pytest.raises(
        UserError, match="leave 2 degrees of freedom within identities; expected at least 3 for 3 dimensions"
    ):
        fit_joint_bayesian(features, labels)


def test_dependent_dimensions_are_refused():
    features, labels = problem(8, [3, 3, 3, 3])
    for dependent in (features[:, [0, 1, 0]], features * [1, 1, 0]):
        with pytest.raises(UserError, match="depend on one another within identities"):
            fit_joint_bayesian(dependent, labels)


def test_one_identity_is_refused():
    with pytest.raises(UserError, match="images of one identity"):
        fit_joint_bayesian(np.random.default_rng(0).normal(size=(9, 2)), np.zeros(9))


def test_wrong_arguments_are_refused():
    features, labels = problem(9, [3, 3, 3])
    with pytest.raises(ValueError, match="iterations and a tolerance of at least 0, found -1"):
        fit_joint_bayesian(features, labels, iterations=-1)
    for tolerance in (-0.5, float("nan")):
        with pytest.raises(ValueError, match=f"iterations and a tolerance of at least 0, found 100 and {tolerance}"):
            fit_joint_bayesian(features, labels, tolerance=tolerance)
    with pytest.raises(ValueError, match=r"found the shapes \(9, 3\) and \(8,\)"):
        fit_joint_bayesian(features, labels[1:])
    features[2, 1] = np.nan
    with pytest.raises(ValueError, match="found NaN or infinity"):
        fit_joint_bayesian(features, labels)
