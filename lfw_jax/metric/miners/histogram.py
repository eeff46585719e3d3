"""Pairs sampled uniformly over the range of their distances."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from lfw_jax.metric.pairs import Pairs, detached
from lfw_jax.metric.running_sums import passing_place, running_sums
from lfw_jax.metric.selection import PairWeights


def uniform_histogram(
    pairs: Pairs,
    *,
    key: Array,
    num_bins: int = 100,
    pos_per_bin: int = 10,
    neg_per_bin: int = 10,
    joined: bool = False,
) -> PairWeights:
    """Sample pairs uniformly over the range of distances, separately for positives and negatives.

    It follows `UniformHistogramMiner` of pytorch-metric-learning, after the idea of Wu et al. 2017, "Sampling Matters
    in Deep Embedding Learning" (arXiv:1706.07567).

    The range of each side is divided into equal bins, half-open except for the last. From every bin that is not empty
    a fixed number of pairs is sampled with replacement.

    Args:
      pairs: Result of `compare`.
      key: JAX random key.
      num_bins: Number of bins per side.
      pos_per_bin: Number of samples from each bin of positives.
      neg_per_bin: Number of samples from each bin of negatives.
      joined: Combine the sampled positives and negatives of each anchor to triplets, and count the triplets of each
        pair. The margin loss of pytorch-metric-learning does this with pairs.

    Returns:
      The selection; a pair that is sampled twice has count 2.

    Raises:
      ValueError: If `num_bins`, `pos_per_bin` or `neg_per_bin` is below 1.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[0.0], [1.0], [3.0], [3.1]]), jnp.array([0, 0, 0, 1]), normalize=False)
      >>> selected = uniform_histogram(pairs, key=jax.random.key(0), num_bins=2, pos_per_bin=4, neg_per_bin=1)
      >>> float(selected.positive.sum()), float(selected.negative.sum())  # from two bins each
      (8.0, 2.0)
    """
    if min(num_bins, pos_per_bin, neg_per_bin) < 1:
        raise ValueError(
            f"num_bins, pos_per_bin and neg_per_bin must be at least 1, found {num_bins}, {pos_per_bin}, {neg_per_bin}"
        )
    pairs = detached(pairs)
    distances = pairs.distances
    sides = ((pairs.positive, 0), (pairs.negative, num_bins))
    # Entries on neither side get a bin beyond the last. The integer type is small, because memory is the bottleneck.
    bins = jnp.full(distances.shape, 2 * num_bins, jnp.uint8 if 2 * num_bins < 256 else jnp.int32)
    for members, first in sides:
        bins = jnp.where(members, (first + _bins(distances, members, num_bins)).astype(bins.dtype), bins)
    most = max(pos_per_bin, neg_per_bin)
    rows, columns, sampled = _draw(key, bins, 2 * num_bins, most)
    limits = jnp.where(jnp.arange(2 * num_bins) < num_bins, pos_per_bin, neg_per_bin)
    sampled = (sampled & (jnp.arange(most) < limits[:, None])).astype(jnp.float32)
    halves = slice(num_bins), slice(num_bins, None)
    counts = [sampled[half] for half in halves]
    if joined:
        # As `as_triplets`, but before there is an array of all pairs: counts of an anchor's samples on the other side.
        of_anchors = [jnp.zeros(distances.shape[0]).at[rows[half]].add(sampled[half]) for half in halves]
        counts = [counts[0] * of_anchors[1][rows[halves[0]]], counts[1] * of_anchors[0][rows[halves[1]]]]
    return PairWeights(*(
        jnp.zeros(distances.shape).at[rows[half], columns[half]].add(count)
        for half, count in zip(halves, counts, strict=True)
    ))  # fmt: skip


def _bins(distances: Array, members: Array, num_bins: int) -> Int[Array, "anchors references"]:
    """Return the bin of each distance when the range of the members' distances is divided equally."""
    low, high = _range(distances, members)
    span = high - low
    share = (distances - low) / jnp.where(span > 0, span, 1.0)
    return jnp.clip(jnp.floor(share * num_bins), 0, num_bins - 1).astype(jnp.int32)


def _range(distances: Array, members: Array) -> tuple[Array, Array]:
    """Return the smallest and largest distance of members.

    One reduction computes both, because two reductions would each store their input.
    """

    def wider(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
        return jnp.minimum(left[0], right[0]), jnp.maximum(left[1], right[1])

    lows, highs = jnp.where(members, distances, jnp.inf), jnp.where(members, distances, -jnp.inf)
    return jax.lax.reduce((lows, highs), (jnp.inf, -jnp.inf), wider, (0, 1))


def _draw(
    key: Array, bins: Int[Array, "anchors references"], num_bins: int, samples: int
) -> tuple[Int[Array, "bins samples"], Int[Array, "bins samples"], Bool[Array, "bins 1"]]:
    """Sample entries of each bin with replacement: their rows, columns and a mask of non-empty bins.

    Sorting entries by bin would dominate the cost of the loss in a training step on a CPU. Instead, the n-th entry of
    a bin in row order is located by its row, from the counts of every row, and then by counting along that row.
    """
    # In blocks of rows, because a scatter stores the index of every entry that it counts.
    counts = jax.lax.map(lambda row: jnp.zeros(num_bins, jnp.int32).at[row].add(1, mode="drop"), bins, batch_size=128)
    before = jnp.cumsum(counts.T, axis=1)  # [bins, anchors]: entries of a bin up to and with a row
    sizes = before[:, -1:]
    rank = jax.random.randint(key, (num_bins, samples), 0, jnp.maximum(sizes, 1))
    rows = jnp.minimum(jax.vmap(partial(jnp.searchsorted, side="right"))(before, rank), bins.shape[0] - 1)
    rank = rank - jnp.take_along_axis(before - counts.T, rows, axis=1)
    same = bins[rows] == jnp.arange(num_bins)[:, None, None]
    sums = running_sums(same.reshape(-1, bins.shape[1]))
    columns = passing_place(sums, rank.astype(jnp.float32).ravel()).reshape(rows.shape)
    return rows, columns, sizes > 0
