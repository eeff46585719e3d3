"""Unit vectors and square roots with gradients that are finite at 0."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def normalized(vectors: Float[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
    """Return unit vectors in float32; a zero vector stays zero, with gradient 0."""
    vectors = vectors.astype(jnp.float32)
    squared = jnp.sum(vectors**2, axis=-1, keepdims=True)
    nonzero = squared > 0
    return vectors * jnp.where(nonzero, jax.lax.rsqrt(jnp.where(nonzero, squared, 1.0)), 0.0)


def safe_sqrt(squared: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the square root, with gradient 0 at 0 (the inner `where` keeps NaN out of the gradient)."""
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)
