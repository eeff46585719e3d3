"""Normalisation of vectors to length 1."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def unit_length(embeddings: Float[np.ndarray | Array, "n d"]) -> Any:
    """Return embeddings of length 1: NumPy arrays in float64, JAX arrays in their precision.

    JAX arrays may be traced. An embedding of zeros has no direction and stays zero.

    Args:
      embeddings: any length. Those that are not finite give values that are not finite.
    """
    if isinstance(embeddings, jax.Array):
        return _divided(embeddings, jnp)
    with np.errstate(invalid="ignore"):  # infinity / infinity is NaN, which the caller reports
        return _divided(np.asarray(embeddings, np.float64), np)


def _divided(embeddings: Any, xp: Any) -> Any:
    # Division by the largest entry prevents overflow and underflow of the squares.
    largest = xp.max(xp.abs(embeddings), axis=1, keepdims=True, initial=0.0)
    embeddings = embeddings / xp.where(largest == 0, 1.0, largest)
    norms = xp.sqrt(xp.sum(embeddings**2, axis=1, keepdims=True))
    return embeddings / xp.where(norms == 0, 1.0, norms)
