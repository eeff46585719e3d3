"""Cosine similarity, the score without a model of identities."""

import numpy as np
from jaxtyping import Array, Float

from lfw_jax.backends.unit_length import unit_length


def scaled_to_dimension(vectors: Float[np.ndarray | Array, "n d"]) -> Float[np.ndarray | Array, "n d"]:
    """Return vectors of length √d, so that a coordinate has the mean square 1 whatever the dimension.

    Args:
      vectors: any length.
    """
    return unit_length(vectors) * vectors.shape[1] ** 0.5


def cosines(
    first: Float[np.ndarray | Array, "p d"], second: Float[np.ndarray | Array, "p d"]
) -> Float[np.ndarray | Array, "p"]:
    """Return the cosine similarity of each pair of vectors.

    Args:
      first: first vector of each pair.
      second: second vector of each pair.
    """
    return (unit_length(first) * unit_length(second)).sum(axis=1)


def cosine_matrix(
    first: Float[np.ndarray | Array, "n d"], second: Float[np.ndarray | Array, "m d"]
) -> Float[np.ndarray | Array, "n m"]:
    """Return the cosine similarity of every vector of one set with every vector of another.

    Args:
      first: vectors of the rows.
      second: vectors of the columns.
    """
    return unit_length(first) @ unit_length(second).T
