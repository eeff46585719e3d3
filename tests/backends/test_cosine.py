"""Cosine similarity with NumPy and JAX arrays."""

import jax
import jax.numpy as jnp
import numpy as np

from lfw_jax.backends.cosine import cosine_matrix, cosines, scaled_to_dimension


def test_cosines_are_those_of_the_angles():
    first, second = np.array([[2.0, 0.0], [3.0, 3.0], [0.0, 0.0]]), np.array([[5.0, 5.0], [-1.0, -1.0], [1.0, 2.0]])
    np.testing.assert_allclose(cosines(first, second), [0.5**0.5, -1.0, 0.0])
    np.testing.assert_allclose(np.diag(cosine_matrix(first, second)), cosines(first, second), atol=1e-15)


def test_jax_arrays_give_the_same_under_jit():
    vectors = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    found = jax.jit(cosine_matrix)(*jnp.asarray(vectors))
    assert isinstance(found, jax.Array)
    np.testing.assert_allclose(found, cosine_matrix(*vectors), atol=1e-6)


def test_scaled_vectors_have_a_mean_square_of_one():
    vectors = np.random.default_rng(1).normal(size=(5, 7)) * np.geomspace(1e-200, 1e200, 5)[:, None]
    np.testing.assert_allclose(np.mean(scaled_to_dimension(vectors) ** 2, axis=1), 1.0)
