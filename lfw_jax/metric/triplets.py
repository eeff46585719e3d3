"""Triplets without a list of triplets: sweeps over positives, and counts from sorted rows.

A batch of P identities × K images has K − 1 positives per anchor. Visiting the first positive of all anchors, then
the second, and so on takes K − 1 passes over anchors × references; no triplet is ever listed. If anchors have many
positives, counts come from sorted rows and bisection instead.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.pairs import Pairs, detached
from lfw_jax.metric.selection import PairWeights

Carry = TypeVar("Carry")
Counts = tuple[Float[Array, "anchors references"], Float[Array, "anchors references"]]


def sweep(
    positive: Bool[Array, "anchors references"],
    body: Callable[[Int[Array, ""], Carry, Int[Array, "anchors"], Bool[Array, "anchors"]], Carry],
    carry: Carry,
) -> Carry:
    """Loop over the first positive of all anchors, then over the second, up to the last of any anchor.

    Args:
      positive: Mask of the positives of each anchor.
      body: Loop body. It receives the index of the iteration, the carried value, the column of each anchor's positive
        and a mask of the anchors that have that many positives; it returns the new carried value. An anchor without
        such a positive gets a column beyond the last reference.
      carry: Initial carried value.

    Returns:
      The carried value after the last iteration.
    """
    columns = jnp.arange(positive.shape[1])[None]

    def step(number: Int[Array, ""], state: tuple[Array, Carry]) -> tuple[Array, Carry]:
        last, carried = state
        column = jnp.min(jnp.where(positive & (columns > last[:, None]), columns, columns.size), axis=1)
        return column, body(number, carried, column, column < columns.size)

    most = jnp.max(jnp.sum(positive, axis=1))
    return jax.lax.fori_loop(0, most, step, (jnp.full(positive.shape[0], -1), carry))[1]


def at(values: Float[Array, "anchors references"], column: Int[Array, "anchors"]) -> Float[Array, "anchors"]:
    """Return one entry of each row; NaN for an index beyond the last column."""
    return values.at[jnp.arange(values.shape[0]), column].get(mode="fill", fill_value=jnp.nan)


def count_triplets(pairs: Pairs, lower: float, upper: float, weights: PairWeights | None = None) -> PairWeights:
    """Return the count of triplets with `lower < d_an − d_ap ≤ upper` that each pair belongs to.

    Both ways of counting compare the difference of the same two float32 numbers, so their counts are identical.

    Args:
      pairs: Result of `compare`.
      lower: Lower bound, exclusive; may be -inf.
      upper: Upper bound, inclusive; may be inf.
      weights: Multiplicities: a triplet (a, p, n) counts `positive[a, p] · negative[a, n]` times. None counts each
        triplet of the batch once.

    Returns:
      The counts.
    """
    pairs = detached(pairs)
    positive = pairs.positive if weights is None else weights.positive > 0
    # Sorting costs at least as much as this many sweeps (measured on a CPU).
    most = 4 * math.ceil(math.log2(positive.shape[1] + 1))
    return jax.lax.cond(
        jnp.max(jnp.sum(positive, axis=1)) <= most,
        partial(_by_sweeping, bounds=(lower, upper)),
        partial(_by_sorting, bounds=(lower, upper)),
        pairs,
        weights,
    )


def _by_sweeping(pairs: Pairs, weights: PairWeights | None, *, bounds: tuple[float, float]) -> PairWeights:
    rows = jnp.arange(pairs.positive.shape[0])

    def body(_: Any, counts: Counts, column: Array, present: Array) -> Counts:
        positive, negative = counts
        apart = pairs.distances - at(pairs.distances, column)[:, None]
        inside = (apart > bounds[0]) & (apart <= bounds[1])
        if weights is None:
            chosen = (inside & pairs.negative).astype(jnp.float32)
        else:
            multiplicity = jnp.where(present, at(weights.positive, column), 0.0)
            chosen = jnp.where(inside, weights.negative * multiplicity[:, None], 0.0)
        return positive.at[rows, column].set(jnp.sum(chosen, axis=1), mode="drop"), negative + chosen

    nothing = jnp.zeros(pairs.positive.shape)
    members = pairs.positive if weights is None else weights.positive > 0
    return PairWeights(*sweep(members, body, (nothing, nothing)))


def _by_sorting(pairs: Pairs, weights: PairWeights | None, *, bounds: tuple[float, float]) -> PairWeights:
    distances = pairs.distances
    sides = pairs if weights is None else weights
    positive, negative = sides.positive.astype(jnp.float32), sides.negative.astype(jnp.float32)
    of_positives, of_negatives = positive.sum(axis=1, keepdims=True), negative.sum(axis=1, keepdims=True)

    # The rounded difference `d_an − d_ap` is monotonic in d_an and in d_ap. Comparing this very difference on both
    # sides makes both sides count the same triplets.
    def within(bound: float) -> Counts:
        near = _bisect(distances, negative, lambda of_negative: of_negative - distances <= bound)
        far = _bisect(distances, positive, lambda of_positive: ~(distances - of_positive <= bound))
        return near, of_positives - far

    below, above = (within(bound) if math.isfinite(bound) else None for bound in bounds)
    counts = above or tuple(jnp.broadcast_to(total, distances.shape) for total in (of_negatives, of_positives))
    if below is not None:
        counts = counts[0] - below[0], counts[1] - below[1]
    return PairWeights(positive * counts[0], negative * counts[1])


def _bisect(
    distances: Float[Array, "anchors references"],
    weights: Float[Array, "anchors references"],
    holds: Callable[[Float[Array, "anchors references"]], Bool[Array, "anchors references"]],
) -> Float[Array, "anchors references"]:
    """Return, for each entry, the total weight of the members of its row for which `holds` is true.

    In sorted order `holds` must be true for the first members and false for the rest.
    """
    members = jnp.where(weights > 0, distances, jnp.inf)
    ordered, ordered_weights = jax.lax.sort((members, weights), num_keys=1)
    before = jnp.pad(jnp.cumsum(ordered_weights, axis=1), ((0, 0), (1, 0)))
    count = jnp.sum(weights > 0, axis=1, keepdims=True)

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) // 2
        true = holds(jnp.take_along_axis(ordered, middle, axis=1, mode="clip")) & (middle < high)
        return jnp.where(true, middle + 1, low), jnp.where(true, high, middle)

    ends = jnp.zeros(distances.shape, count.dtype), jnp.broadcast_to(count, distances.shape)
    rank = jax.lax.fori_loop(0, math.ceil(math.log2(distances.shape[1] + 1)), halve, ends)[0]
    return jnp.take_along_axis(before, rank, axis=1, mode="clip")
