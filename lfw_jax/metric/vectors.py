"""Unit vectors and square roots with gradients that are finite at 0, and that propagate NaN."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# Sums of squared norms and inner products of vectors below this squared norm do not overflow float32, even after
# another such vector has been subtracted.
_LONGEST = 2.0**124


def nan_unless_finite(vectors: Float[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
    """Return the vectors in float32; one with NaN or infinity becomes NaN as a whole, with gradient NaN.

    A vector of a norm of 2⁶² or more counts as infinite, because products with it may overflow. Without this function
    a comparison such as `relu(margin − inf)` would make a finite loss of it.
    """
    vectors = jnp.asarray(vectors, jnp.float32)
    squared = jnp.sum(vectors**2, axis=-1, keepdims=True)
    return vectors * jnp.where(squared < _LONGEST, 1.0, jnp.nan)


def normalized(vectors: Float[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
    """Return unit vectors in float32; a zero vector stays zero, with gradient 0.

    A vector with NaN or infinity becomes NaN as a whole, as in `nan_unless_finite`.
    """
    vectors = jnp.asarray(vectors, jnp.float32)
    squared = jnp.sum(vectors**2, axis=-1, keepdims=True)
    zero = squared == 0
    inverse = jnp.where(zero, 0.0, jax.lax.rsqrt(jnp.where(zero, 1.0, squared)))
    return vectors * jnp.where(squared < _LONGEST, inverse, jnp.nan)


def safe_sqrt(squared: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the square root, with gradient 0 at 0 (the inner `where` keeps NaN out of the gradient)."""
    zero = squared <= 0  # false for NaN, which is returned
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, squared)))
