"""Mine: which pairs count, and how often.

`PairWeights` is the one currency between miners and pair losses: for every anchor and reference, how often the pair counts
as a positive and as a negative. A pair that is in three selected triplets counts three times. Shapes are static, selections
carry no gradient, and no array is larger than anchors × references.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.pairs import Pairs

KINDS = ("all", "hard", "semihard", "easy")


class PairWeights(NamedTuple):
    """How often each pair counts, zero where it is not selected."""

    positive: Float[Array, "anchors references"]
    negative: Float[Array, "anchors references"]


def every_pair(pairs: Pairs) -> PairWeights:
    """Every pair once: what `weights=None` means to a loss."""
    return PairWeights(pairs.positive.astype(jnp.float32), pairs.negative.astype(jnp.float32))


def triplet_margin(pairs: Pairs, *, margin: float = 0.2, kind: str = "all") -> PairWeights:
    """The pairs of all triplets whose `t = d_an − d_ap` is in a range, each counted once a triplet.

    Kinds, as in pytorch-metric-learning: "all" `t ≤ margin`, "hard" `t ≤ 0`, "semihard" `0 < t ≤ margin` (Schroff et al.
    2015, FaceNet, arXiv:1503.03832, section 3.2), "easy" `t > margin`. For one anchor each kind is an interval of d_an
    given d_ap, so no B³ triplets are listed: O(a·r) memory, and O(a·r·min(P, log r)) time for up to P positives an anchor.

    Args:
      pairs: what `compare` returned.
      margin: in the unit of `pairs.distances`, at least 0.
      kind: which triplets.

    Raises:
      ValueError: an unknown kind, or a negative margin.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of triplet '{kind}'; expected one of {', '.join(KINDS)}")
    if margin < 0:
        raise ValueError(f"the margin of a triplet must be at least 0, found {margin}")
    bounds = {
        "all": (-math.inf, margin),
        "hard": (-math.inf, 0.0),
        "semihard": (0.0, margin),
        "easy": (margin, math.inf),
    }
    pairs = jax.lax.stop_gradient(pairs)
    # A batch of P people × K images has K − 1 positives an anchor, and a pass for each is far cheaper than sorting; few
    # people of many images each turn that round.
    most = jnp.max(jnp.sum(pairs.positive, axis=1))
    passes = 4 * math.ceil(math.log2(pairs.positive.shape[1] + 1))
    return jax.lax.cond(
        most <= passes,
        partial(_by_sweeping, bounds=bounds[kind]),
        partial(_by_sorting, bounds=bounds[kind]),
        pairs,
        most,
    )


def _by_sweeping(pairs: Pairs, most: Int[Array, ""], *, bounds: tuple[float, float]) -> PairWeights:
    """Count triplets with the first positive of all anchors, then with the second, …, `most` times."""
    places = jnp.arange(pairs.positive.shape[1])[None]
    rows = jnp.arange(pairs.positive.shape[0])

    def sweep(_: Any, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        last, positive, negative = carry
        # The next positive of each anchor; behind the last one stands a place beyond the row, which counts nothing.
        place = jnp.min(jnp.where(pairs.positive & (places > last[:, None]), places, places.size), axis=1)
        distance = pairs.distances.at[rows, place].get(mode="fill", fill_value=jnp.nan)[:, None]
        apart = pairs.distances - distance
        chosen = pairs.negative & (apart > bounds[0]) & (apart <= bounds[1])
        positive = positive.at[rows, place].set(jnp.sum(chosen, axis=1).astype(jnp.float32), mode="drop")
        return place, positive, negative + chosen

    nothing = jnp.zeros(pairs.positive.shape)
    _, positive, negative = jax.lax.fori_loop(0, most, sweep, (jnp.full(rows.shape, -1), nothing, nothing))
    return PairWeights(positive, negative)


def _by_sorting(pairs: Pairs, most: Int[Array, ""], *, bounds: tuple[float, float]) -> PairWeights:
    """Sort each anchor's negatives, and its positives, and find the ends of the intervals by bisection."""
    del most
    distances = pairs.distances
    positives = pairs.positive.sum(axis=1, keepdims=True)

    # `d_an − d_ap`, rounded, never falls as d_an grows and never rises as d_ap grows. Asking for that very difference on
    # both sides makes both count the same triplets.
    def within(bound: float) -> PairWeights:
        near = _bisect(distances, pairs.negative, lambda of_negative: of_negative - distances <= bound)
        far = _bisect(distances, pairs.positive, lambda of_positive: ~(distances - of_positive <= bound))
        return PairWeights(near.astype(jnp.float32), (positives - far).astype(jnp.float32))

    ends = [within(bound) if math.isfinite(bound) else None for bound in bounds]
    below, above = ends
    everything = PairWeights(
        jnp.broadcast_to(pairs.negative.sum(axis=1, keepdims=True), distances.shape).astype(jnp.float32),
        jnp.broadcast_to(positives, distances.shape).astype(jnp.float32),
    )
    counts = above or everything
    if below is not None:
        counts = PairWeights(counts.positive - below.positive, counts.negative - below.negative)
    return PairWeights(jnp.where(pairs.positive, counts.positive, 0.0), jnp.where(pairs.negative, counts.negative, 0.0))


def _bisect(
    distances: Float[Array, "anchors references"],
    members: Bool[Array, "anchors references"],
    holds: Callable[[Float[Array, "anchors references"]], Bool[Array, "anchors references"]],
) -> Int[Array, "anchors references"]:
    """For each entry, how many of its row's members `holds`, where it is true of the smallest members and then no more."""
    ordered = jnp.sort(jnp.where(members, distances, jnp.inf), axis=1)
    count = members.sum(axis=1, keepdims=True)

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) // 2
        true = holds(jnp.take_along_axis(ordered, middle, axis=1, mode="clip")) & (middle < high)
        return jnp.where(true, middle + 1, low), jnp.where(true, high, middle)

    ends = jnp.zeros(distances.shape, count.dtype), jnp.broadcast_to(count, distances.shape)
    return jax.lax.fori_loop(0, math.ceil(math.log2(distances.shape[1] + 1)), halve, ends)[0]


def batch_hard(pairs: Pairs) -> PairWeights:
    """The farthest positive and the nearest negative of each anchor that has both (Hermans et al. 2017, arXiv:1703.07737).

    Of equal distances the first counts.
    """
    distances = jax.lax.stop_gradient(pairs.distances)
    has_both = (pairs.positive.any(axis=1) & pairs.negative.any(axis=1))[:, None]
    places = jnp.arange(distances.shape[1])[None]
    farthest = jnp.argmax(jnp.where(pairs.positive, distances, -jnp.inf), axis=1, keepdims=True)
    nearest = jnp.argmin(jnp.where(pairs.negative, distances, jnp.inf), axis=1, keepdims=True)
    return PairWeights(
        (has_both & (places == farthest)).astype(jnp.float32), (has_both & (places == nearest)).astype(jnp.float32)
    )


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
    """
    if min(num_bins, pos_per_bin, neg_per_bin) < 1:
        raise ValueError(
            f"num_bins, pos_per_bin and neg_per_bin must be at least 1, found {num_bins}, {pos_per_bin}, {neg_per_bin}"
        )
    distances = jax.lax.stop_gradient(pairs.distances)
    sides = ((pairs.positive, 0), (pairs.negative, num_bins))
    bins = jnp.full(distances.shape, 2 * num_bins)  # what is on no side goes to a bin behind the last
    for members, first in sides:
        bins = jnp.where(members, first + _bins(distances, members, num_bins), bins)
    most = max(pos_per_bin, neg_per_bin)
    rows, columns, drawn = _draw(key, bins, 2 * num_bins, most)
    limits = jnp.where(jnp.arange(2 * num_bins) < num_bins, pos_per_bin, neg_per_bin)
    drawn = (drawn & (jnp.arange(most) < limits[:, None])).astype(jnp.float32)
    weights = PairWeights(*(
        jnp.zeros(distances.shape).at[rows[part], columns[part]].add(drawn[part])
        for part in (slice(num_bins), slice(num_bins, None))
    ))  # fmt: skip
    return as_triplets(weights) if joined else weights


def as_triplets(weights: PairWeights) -> PairWeights:
    """Join positives and negatives of one anchor to triplets, and count each pair once a triplet it is in."""
    return PairWeights(
        weights.positive * weights.negative.sum(axis=1, keepdims=True),
        weights.negative * weights.positive.sum(axis=1, keepdims=True),
    )


def _bins(distances: Array, members: Array, num_bins: int) -> Int[Array, "anchors references"]:
    """The bin of each distance, if the range of the members' is cut into equal ones."""
    low = jnp.min(jnp.where(members, distances, jnp.inf))
    span = jnp.max(jnp.where(members, distances, -jnp.inf)) - low
    share = (distances - low) / jnp.where(span > 0, span, 1.0)
    return jnp.clip(jnp.floor(share * num_bins), 0, num_bins - 1).astype(jnp.int32)


def _draw(
    key: Array, bins: Int[Array, "anchors references"], num_bins: int, draws: int
) -> tuple[Int[Array, "bins draws"], Int[Array, "bins draws"], Bool[Array, "bins 1"]]:
    """Draw entries of each bin evenly, with replacement: their rows, their columns, and whether the bin has any.

    Sorting entries by bin would cost most of a training step's loss on a CPU. Instead the n-th entry of a bin, in reading
    order, is found by its row, from every row's counts, and then by counting along that row.
    """
    counts = jnp.zeros((bins.shape[0], num_bins), jnp.int32)
    counts = counts.at[jnp.arange(bins.shape[0])[:, None], bins].add(1, mode="drop")
    before = jnp.cumsum(counts.T, axis=1)  # [bins, anchors]: entries of a bin up to and with a row
    sizes = before[:, -1:]
    rank = jax.random.randint(key, (num_bins, draws), 0, jnp.maximum(sizes, 1))
    rows = jnp.minimum(jax.vmap(partial(jnp.searchsorted, side="right"))(before, rank), bins.shape[0] - 1)
    rank = rank - jnp.take_along_axis(before - counts.T, rows, axis=1)
    same = bins[rows] == jnp.arange(num_bins)[:, None, None]
    columns = jnp.argmax(jnp.cumsum(same, axis=2) > rank[..., None], axis=2)
    return rows, columns, sizes > 0


def statistics(pairs: Pairs, weights: PairWeights | None = None) -> dict[str, Float[Array, ""]]:
    """What training logs about a selection.

    Returns:
      `positive_share` and `negative_share` of the pairs that are selected at all, `positive_distance` and
      `negative_distance`, the mean distances of all pairs, `selected_positive_distance` and
      `selected_negative_distance`, the weighted means of the selected ones, and `active_anchors`, the share of anchors
      with a selected pair. A mean over nothing is 0.
    """
    weights = every_pair(pairs) if weights is None else weights
    distances = jax.lax.stop_gradient(pairs.distances)

    def mean(values: Array, of: Array) -> Array:
        return jnp.sum(values * of) / jnp.maximum(jnp.sum(of), 1e-9)

    return {
        "positive_share": mean(weights.positive > 0, pairs.positive),
        "negative_share": mean(weights.negative > 0, pairs.negative),
        "positive_distance": mean(distances, pairs.positive),
        "negative_distance": mean(distances, pairs.negative),
        "selected_positive_distance": mean(distances, weights.positive),
        "selected_negative_distance": mean(distances, weights.negative),
        "active_anchors": jnp.mean((weights.positive.sum(axis=1) + weights.negative.sum(axis=1)) > 0),
    }
