"""Search in cumulative sums of rows, in two steps: blocks first, then columns of one block.

XLA computes a cumulative sum over n columns with n·log n operations. Sums of blocks, followed by a cumulative sum
within one block, take little more than n.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_BLOCK = 32


class RunningSums(NamedTuple):
    """Rows of non-negative weights in blocks of columns.

    Attributes:
      weights: Weights by block; the last block is padded with zeros.
      up_to: Sum of a row up to and including each block.
    """

    weights: Float[Array, "rows blocks in_block"] | Bool[Array, "rows blocks in_block"]
    up_to: Float[Array, "rows blocks"]

    @property
    def total(self) -> Float[Array, "rows"]:
        """Sum of each row."""
        return self.up_to[:, -1]


def running_sums(weights: Float[Array, "rows columns"] | Bool[Array, "rows columns"]) -> RunningSums:
    """Return the block sums of rows that `passing_place` searches.

    Args:
      weights: Non-negative weights; a boolean true weighs 1.

    Returns:
      The weights in blocks and their cumulative sums.
    """
    columns = weights.shape[1]
    missing = math.ceil(columns / _BLOCK) * _BLOCK - columns
    blocks = jnp.pad(weights, ((0, 0), (0, missing))).reshape(weights.shape[0], -1, _BLOCK)
    return RunningSums(blocks, jnp.cumsum(jnp.sum(blocks, axis=2).astype(jnp.float32), axis=1))


def passing_place(sums: RunningSums, target: Float[Array, "rows"]) -> Int[Array, "rows"]:
    """Return the first column at which the cumulative sum of a row exceeds its target.

    Args:
      sums: Result of `running_sums`.
      target: One target per row, at least 0. A target that rounding has brought to the total of the row counts as
        just below it.

    Returns:
      Index of a column per row; arbitrary for a row without any weight.
    """
    rows = jnp.arange(target.shape[0])
    target = jnp.minimum(target, jnp.nextafter(sums.total, jnp.zeros_like(sums.total)))
    block = jnp.minimum(jnp.sum(sums.up_to <= target[:, None], axis=1), sums.up_to.shape[1] - 1)
    inside = sums.weights[rows, block].astype(jnp.float32)
    target = target - jnp.where(block > 0, sums.up_to[rows, block - 1], 0.0)
    # In another order of summation the block may end below the target: then its last column with a weight is returned.
    offsets = jnp.arange(_BLOCK)[None]
    beyond = (jnp.cumsum(inside, axis=1) > target[:, None]) & (inside > 0)
    last = jnp.max(jnp.where(inside > 0, offsets, 0), axis=1)
    return block * _BLOCK + jnp.minimum(jnp.min(jnp.where(beyond, offsets, _BLOCK), axis=1), last)
