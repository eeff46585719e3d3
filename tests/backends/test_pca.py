"""PCA beside the eigenvectors of the covariance."""

import doctest
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.backends import pca
from lfw_jax.backends.pca import fit_pca
from lfw_jax.backends.projection import project
from lfw_jax.errors import UserError


def correlated(n: int = 300, d: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)) * np.geomspace(10, 0.1, d) @ np.linalg.qr(rng.normal(size=(d, d)))[0] + 5.0


@pytest.mark.parametrize("whitening", [0.0, 0.25, 0.5])
def test_coordinates_are_those_along_the_eigenvectors_divided_by_a_power_of_the_eigenvalue(whitening):
    features = correlated()
    values, vectors = np.linalg.eigh(np.cov(features.T))
    values, vectors = values[::-1][:6], vectors[:, ::-1][:, :6]
    expected = (features - features.mean(axis=0)) @ vectors / values**whitening
    found = project(fit_pca(features, 6, whitening=whitening), features)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(found.var(axis=0, ddof=1), values ** (1 - 2 * whitening), rtol=1e-5)


def test_counts_in_bytes_are_those_in_floats():
    counts = np.random.default_rng(1).integers(0, 60, (200, 30)).astype(np.uint8)
    expected = fit_pca(np.sqrt(counts.astype(np.float32)), 5)
    found = fit_pca(counts, 5, root=True)
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    assert found.matrix.dtype == np.float32
    np.testing.assert_array_equal(project(found, counts), project(expected, np.sqrt(counts.astype(np.float32))))


def test_the_features_stay_as_they_are_and_are_copied_once():
    features = np.random.default_rng(2).normal(size=(2000, 600)).astype(np.float32)
    before = features.copy()
    fit_pca(features, 8)
    np.testing.assert_array_equal(features, before)
    tracemalloc.start()
    fit_pca(features, 8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * features.nbytes


def test_projection_of_counts_in_bytes_makes_no_copy_of_all(monkeypatch):
    monkeypatch.setattr("lfw_jax.backends.projection._BLOCK", 64)
    counts = np.random.default_rng(3).integers(0, 60, (4000, 200)).astype(np.uint8)
    model = fit_pca(counts, 4, root=True)
    whole = (np.sqrt(counts, dtype=np.float32) - model.mean) @ model.matrix
    tracemalloc.start()
    found = project(model, counts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-4)
    assert peak < counts.nbytes / 2  # a copy in float32 has four times as many bytes


def test_the_seed_decides_the_result():
    features = correlated()
    np.testing.assert_array_equal(fit_pca(features, 4, seed=3).matrix, fit_pca(features, 4, seed=3).matrix)


def test_jax_arrays_are_projected_under_jit():
    features = correlated().astype(np.float32)
    model = fit_pca(features, 4)
    found = jax.jit(lambda rows: project(model, rows))(jnp.asarray(features))
    assert isinstance(found, jax.Array)
    np.testing.assert_allclose(found, project(model, features), rtol=1e-3, atol=1e-3)
    counts = np.random.default_rng(1).integers(0, 60, (50, 30)).astype(np.uint8)
    model = fit_pca(counts, 3, root=True)
    np.testing.assert_allclose(project(model, jnp.asarray(counts)), project(model, counts), rtol=1e-3, atol=1e-3)


def test_more_components_than_there_are_are_refused():
    with pytest.raises(UserError, match="the dimension is 12; expected at least 1 and at most 9"):
        fit_pca(correlated(10), 12)
    flat = correlated()[:, :3] @ np.random.default_rng(0).normal(size=(3, 20))
    with pytest.raises(UserError, match=r"vary in 3 directions only. Choose 3 or fewer"):
        fit_pca(flat, 5)


def test_wrong_arguments_are_refused():
    features = correlated()
    with pytest.raises(ValueError, match=r"whitening between 0 and 0.5, found 0.6"):
        fit_pca(features, 2, whitening=0.6)
    with pytest.raises(ValueError, match="square roots, found negative"):
        fit_pca(-features, 2, root=True)
    with pytest.raises(ValueError, match="shape"):
        fit_pca(features[0], 2)
    features[3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        fit_pca(features, 2)


def test_the_example_gives_what_it_says():
    assert doctest.testmod(pca).failed == 0
