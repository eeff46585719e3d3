"""Where along a row a running sum passes a target: in two steps, because a running sum over a long row is slow.

XLA computes a cumulative sum over n columns in n·log n work; sums of blocks, then one block, take n and a little.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_BLOCK = 32


class RunningSums(NamedTuple):
    """Rows of weights, at least 0, in blocks of columns.

    Attributes:
      weights: the last block filled up with zeros.
      up_to: the sum of a row up to and with each block.
    """

    weights: Float[Array, "rows blocks in_block"] | Bool[Array, "rows blocks in_block"]
    up_to: Float[Array, "rows blocks"]

    @property
    def total(self) -> Float[Array, "rows"]:
        """The sum of each row."""
        return self.up_to[:, -1]


def running_sums(weights: Float[Array, "rows columns"] | Bool[Array, "rows columns"]) -> RunningSums:
    """Prepare rows to be searched; of booleans each true one weighs 1."""
    columns = weights.shape[1]
    missing = math.ceil(columns / _BLOCK) * _BLOCK - columns
    blocks = jnp.pad(weights, ((0, 0), (0, missing))).reshape(weights.shape[0], -1, _BLOCK)
    return RunningSums(blocks, jnp.cumsum(jnp.sum(blocks, axis=2).astype(jnp.float32), axis=1))


def passing_place(sums: RunningSums, target: Float[Array, "rows"]) -> Int[Array, "rows"]:
    """The first column at which the running sum of a row exceeds its target.

    The target is at least 0. One that rounding has brought to the row's total counts as just below it; of a row without
    any weight the place means nothing.
    """
    rows = jnp.arange(target.shape[0])
    target = jnp.minimum(target, jnp.nextafter(sums.total, jnp.zeros_like(sums.total)))
    block = jnp.minimum(jnp.sum(sums.up_to <= target[:, None], axis=1), sums.up_to.shape[1] - 1)
    inside = sums.weights[rows, block].astype(jnp.float32)
    target = target - jnp.where(block > 0, sums.up_to[rows, block - 1], 0.0)
    # Summed in another order the block may end below the target: then its last column with a weight is the place.
    places = jnp.arange(_BLOCK)[None]
    beyond = (jnp.cumsum(inside, axis=1) > target[:, None]) & (inside > 0)
    last = jnp.max(jnp.where(inside > 0, places, 0), axis=1)
    return block * _BLOCK + jnp.minimum(jnp.min(jnp.where(beyond, places, _BLOCK), axis=1), last)
