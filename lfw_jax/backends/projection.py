"""An affine map to fewer dimensions, as PCA and LDA fit it."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

_BLOCK = 2048  # rows that are converted to floats at a time


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """The map `x ↦ (f(x) - mean) · matrix`, with f the element-wise square root or nothing.

    Attributes:
      mean: mean of the vectors, after f.
      matrix: one column per new dimension.
      root: true if f is the square root.
    """

    mean: Float[np.ndarray, "d"]
    matrix: Float[np.ndarray, "d k"]
    root: bool = False


def project(projection: Projection, features: Shaped[np.ndarray | Array, "n d"]) -> Float[np.ndarray | Array, "n k"]:
    """Return the projected vectors.

    NumPy arrays are converted in blocks, so that a large array of uint8 needs no copy in floats; the result has the precision of
    the projection. JAX arrays are mapped whole and may be traced.

    Args:
      projection: the map.
      features: the vectors; of any kind of numbers, not negative if the map takes square roots.
    """
    mean, matrix = projection.mean, projection.matrix
    if isinstance(features, jax.Array):
        floats = jnp.asarray(features, jnp.promote_types(features.dtype, jnp.float32))
        floats = jnp.sqrt(floats) if projection.root else floats
        return (floats - jnp.asarray(mean, floats.dtype)) @ jnp.asarray(matrix, floats.dtype)
    projected = np.empty((len(features), matrix.shape[1]), matrix.dtype)
    for start in range(0, len(features), _BLOCK):
        block = converted(features[start : start + _BLOCK], projection.root, matrix.dtype)
        block -= mean
        np.matmul(block, matrix, out=projected[start : start + _BLOCK])
    return projected


def converted(features: Shaped[np.ndarray, "n d"], root: bool, dtype: Any) -> Float[np.ndarray, "n d"]:
    """Return a copy of vectors in floats, or of their square roots.

    Args:
      features: the vectors.
      root: true for square roots.
      dtype: type of the copy.
    """
    floats = np.array(features, dtype)
    return np.sqrt(floats, out=floats) if root else floats
