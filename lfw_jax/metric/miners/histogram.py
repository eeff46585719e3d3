"""Pairs drawn evenly over the range of their distances."""

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
    """Pairs drawn evenly over the range of distances, positives and negatives apart.

    The range of each side is cut into equal bins, half-open but for the last; every bin that is not empty draws so many of
    its pairs, with replacement. As in pytorch-metric-learning, after the idea of Wu et al. 2017 (arXiv:1706.07567).

    Args:
      pairs: what `compare` returned.
      key: randomness.
      num_bins: bins of each side.
      pos_per_bin: draws from each bin of positives.
      neg_per_bin: draws from each bin of negatives.
      joined: join drawn positives and negatives of one anchor to triplets, and count each pair once a triplet. That is
        what pytorch-metric-learning's margin loss does with pairs.

    Raises:
      ValueError: a count below 1.

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
    # What is on no side goes to a bin behind the last. Small numbers: what is slow here is memory.
    bins = jnp.full(distances.shape, 2 * num_bins, jnp.uint8 if 2 * num_bins < 256 else jnp.int32)
    for members, first in sides:
        bins = jnp.where(members, (first + _bins(distances, members, num_bins)).astype(bins.dtype), bins)
    most = max(pos_per_bin, neg_per_bin)
    rows, columns, drawn = _draw(key, bins, 2 * num_bins, most)
    limits = jnp.where(jnp.arange(2 * num_bins) < num_bins, pos_per_bin, neg_per_bin)
    drawn = (drawn & (jnp.arange(most) < limits[:, None])).astype(jnp.float32)
    halves = slice(num_bins), slice(num_bins, None)
    often = [drawn[half] for half in halves]
    if joined:
        # As `as_triplets`, before there is an array of all pairs: how often each anchor was drawn on the other side.
        of_anchors = [jnp.zeros(distances.shape[0]).at[rows[half]].add(drawn[half]) for half in halves]
        often = [often[0] * of_anchors[1][rows[halves[0]]], often[1] * of_anchors[0][rows[halves[1]]]]
    return PairWeights(*(
        jnp.zeros(distances.shape).at[rows[half], columns[half]].add(count)
        for half, count in zip(halves, often, strict=True)
    ))  # fmt: skip


def _bins(distances: Array, members: Array, num_bins: int) -> Int[Array, "anchors references"]:
    """The bin of each distance, if the range of the members' is cut into equal ones."""
    low, high = _range(distances, members)
    span = high - low
    share = (distances - low) / jnp.where(span > 0, span, 1.0)
    return jnp.clip(jnp.floor(share * num_bins), 0, num_bins - 1).astype(jnp.int32)


def _range(distances: Array, members: Array) -> tuple[Array, Array]:
    """The smallest and the largest distance of members, in one pass: two reductions would each store their input."""

    def wider(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
        return jnp.minimum(left[0], right[0]), jnp.maximum(left[1], right[1])

    lows, highs = jnp.where(members, distances, jnp.inf), jnp.where(members, distances, -jnp.inf)
    return jax.lax.reduce((lows, highs), (jnp.inf, -jnp.inf), wider, (0, 1))


def _draw(
    key: Array, bins: Int[Array, "anchors references"], num_bins: int, draws: int
) -> tuple[Int[Array, "bins draws"], Int[Array, "bins draws"], Bool[Array, "bins 1"]]:
    """Draw entries of each bin evenly, with replacement: their rows, their columns, and whether the bin has any.

    Sorting entries by bin would cost most of a training step's loss on a CPU. Instead the n-th entry of a bin, in reading
    order, is found by its row, from every row's counts, and then by counting along that row.
    """
    # Some rows at a time: a scatter stores the place of everything that it counts.
    counts = jax.lax.map(lambda row: jnp.zeros(num_bins, jnp.int32).at[row].add(1, mode="drop"), bins, batch_size=128)
    before = jnp.cumsum(counts.T, axis=1)  # [bins, anchors]: entries of a bin up to and with a row
    sizes = before[:, -1:]
    rank = jax.random.randint(key, (num_bins, draws), 0, jnp.maximum(sizes, 1))
    rows = jnp.minimum(jax.vmap(partial(jnp.searchsorted, side="right"))(before, rank), bins.shape[0] - 1)
    rank = rank - jnp.take_along_axis(before - counts.T, rows, axis=1)
    same = bins[rows] == jnp.arange(num_bins)[:, None, None]
    sums = running_sums(same.reshape(-1, bins.shape[1]))
    columns = passing_place(sums, rank.astype(jnp.float32).ravel()).reshape(rows.shape)
    return rows, columns, sizes > 0
