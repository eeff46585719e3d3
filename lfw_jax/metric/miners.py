"""Mine: which pairs count, and how often.

`PairWeights` is the one currency between miners and pair losses: for every anchor and reference, how often the pair counts
as a positive and as a negative. A pair that is in three selected triplets counts three times. Shapes are static, selections
carry no gradient, and no array is larger than anchors × references.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

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
    given d_ap, so that sorted distances and binary search replace the B³ triplets: O(a·r·log r) time, O(a·r) memory.

    Args:
      pairs: what `compare` returned.
      margin: in the unit of `pairs.distances`.
      kind: which triplets.

    Raises:
      ValueError: an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of triplet '{kind}'; expected one of {', '.join(KINDS)}")
    distances = jax.lax.stop_gradient(pairs.distances)
    low, high = {
        "all": (-jnp.inf, margin), "hard": (-jnp.inf, 0.0), "semihard": (0.0, margin), "easy": (margin, jnp.inf),
    }[kind]  # fmt: skip
    # Of a positive: the negatives with d_an in (d_ap + low, d_ap + high]. Of a negative: the positives with
    # d_ap in [d_an − high, d_an − low), the same triplets seen from the other side.
    for_positives = _count_within(distances, pairs.negative, distances + low, distances + high, side="right")
    for_negatives = _count_within(distances, pairs.positive, distances - high, distances - low, side="left")
    return PairWeights(
        jnp.where(pairs.positive, for_positives, 0).astype(jnp.float32),
        jnp.where(pairs.negative, for_negatives, 0).astype(jnp.float32),
    )


def _count_within(
    distances: Float[Array, "anchors references"],
    members: Array,
    low: Float[Array, "anchors references"],
    high: Float[Array, "anchors references"],
    *,
    side: str,
) -> Int[Array, "anchors references"]:
    """How many members of each row lie in (low, high] (`side="right"`) or [low, high) (`side="left"`)."""
    ordered = jnp.sort(jnp.where(members, distances, jnp.inf), axis=1)
    total = members.sum(axis=1, keepdims=True)

    def at_most(bounds: Array) -> Array:
        found = jax.vmap(partial(jnp.searchsorted, side=side, method="scan_unrolled"))(ordered, bounds)
        return jnp.minimum(found, total)  # beyond the members only the filling of the sorted row is counted

    return at_most(high) - at_most(low)


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
    positive_key, negative_key = jax.random.split(key)
    distances = jax.lax.stop_gradient(pairs.distances)
    weights = PairWeights(
        _draw_evenly(positive_key, distances, pairs.positive, num_bins, pos_per_bin),
        _draw_evenly(negative_key, distances, pairs.negative, num_bins, neg_per_bin),
    )
    return as_triplets(weights) if joined else weights


def as_triplets(weights: PairWeights) -> PairWeights:
    """Join positives and negatives of one anchor to triplets, and count each pair once a triplet it is in."""
    return PairWeights(
        weights.positive * weights.negative.sum(axis=1, keepdims=True),
        weights.negative * weights.positive.sum(axis=1, keepdims=True),
    )


def _draw_evenly(key: Array, distances: Array, members: Array, num_bins: int, per_bin: int) -> Array:
    """How often each member is drawn, if every non-empty bin of distance draws so many, with replacement."""
    flat, member = distances.reshape(-1), members.reshape(-1)
    low = jnp.min(jnp.where(member, flat, jnp.inf))
    high = jnp.max(jnp.where(member, flat, -jnp.inf))
    width = jnp.where(high > low, (high - low) / num_bins, 1.0)
    bins = jnp.clip(jnp.floor((flat - low) / width), 0, num_bins - 1).astype(jnp.int32)
    bins = jnp.where(member, bins, num_bins)  # what is no member goes to a bin behind the last
    order = jnp.argsort(bins)
    starts = jnp.searchsorted(bins[order], jnp.arange(num_bins + 1))
    sizes = jnp.diff(starts)
    share = jax.random.uniform(key, (num_bins, per_bin))
    ranks = jnp.minimum((share * sizes[:, None]).astype(jnp.int32), jnp.maximum(sizes[:, None] - 1, 0))
    drawn = order[jnp.clip(starts[:-1, None] + ranks, 0, len(flat) - 1)]
    counts = jnp.zeros(len(flat)).at[drawn].add(jnp.broadcast_to(sizes[:, None] > 0, drawn.shape).astype(jnp.float32))
    return counts.reshape(distances.shape)


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
