"""Negatives sampled uniformly over distance, by the inverse density of distances on the sphere."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.pairs import Pairs, detached
from lfw_jax.metric.running_sums import passing_place, running_sums
from lfw_jax.metric.selection import SampledTriplets
from lfw_jax.metric.triplets import sweep


def distance_weighted(
    pairs: Pairs, *, key: Array, cutoff: float = 0.5, nonzero_loss_cutoff: float = 1.4
) -> SampledTriplets:
    """Sample one negative of the anchor for each positive pair, weighted by distance.

    Source: Wu et al. 2017, "Sampling Matters in Deep Embedding Learning" (arXiv:1706.07567), equations 3 and 4.

    The distance d of points distributed uniformly over a sphere in k dimensions has density `d^(k−2) (1 −
    d²/4)^((k−3)/2)`. A negative is sampled with the inverse of this density, so all distances are equally likely.
    Distances below `cutoff` count as `cutoff`, which bounds the variance of the gradient.

    pytorch-metric-learning samples as many triplets per anchor as its class has members, with a random positive;
    here, as in the paper and its authors' code, every positive is used once. It also subtracts the greatest
    log-weight of the batch before `exp`; in many dimensions this drops anchors whose negatives are all far, because
    exp(−90) is 0 in float32. Here the greatest log-weight of each anchor is subtracted.

    Args:
      pairs: Result of `compare` with Euclidean distances of unit vectors.
      key: JAX random key.
      cutoff: Distances below this one count as this one.
      nonzero_loss_cutoff: Negatives at this distance or farther are never sampled, because a margin loss would be 0
        there. An anchor without a nearer negative is excluded.

    Returns:
      The sampled triplets.

    Raises:
      ValueError: If the distances are not Euclidean or not of unit vectors.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.9, 0.1], [0.6, 0.8], [-1.0, 0.0]]), jnp.array([0, 0, 1, 2]))
      >>> distance_weighted(pairs, key=jax.random.key(0)).drawn[0].tolist()
      [-1, 2, -1, -1]
    """
    if pairs.metric != "euclidean" or not pairs.normalized:
        of = "normalised" if pairs.normalized else "not normalised"
        raise ValueError(
            "distance-weighted sampling needs Euclidean distances of normalised embeddings, found "
            f"{pairs.metric} distances of embeddings that were {of}"
        )
    pairs = detached(pairs)
    sums = running_sums(_weights(pairs, cutoff, nonzero_loss_cutoff))
    positive = pairs.positive & (sums.total > 0)[:, None]
    rows = jnp.arange(positive.shape[0])

    def body(number: Int[Array, ""], carry: tuple[Array, Array], column: Array, present: Array) -> tuple[Array, Array]:
        sampled, negative = carry
        share = jax.random.uniform(jax.random.fold_in(key, number), rows.shape)
        found = passing_place(sums, share * sums.total)
        found = jnp.where(present, found, positive.shape[1])
        return (
            sampled.at[rows, column].set(found.astype(jnp.int32), mode="drop"),
            negative.at[rows, found].add(1.0, mode="drop"),
        )

    nothing = jnp.full(positive.shape, -1, jnp.int32), jnp.zeros(positive.shape)
    sampled, negative = sweep(positive, body, nothing)
    return SampledTriplets(positive.astype(jnp.float32), negative, sampled)


def _weights(pairs: Pairs, cutoff: float, farthest: float) -> Float[Array, "anchors references"]:
    """Return the sampling weight of each negative, up to a factor per row.

    With `q = d²` the inverse density is `(q (1 − q/4))^(−(k−3)/2) / d`, which needs one logarithm instead of two.
    """
    distances = jnp.maximum(pairs.distances, cutoff)
    eligible = pairs.negative & (pairs.distances < min(farthest, 2.0)) & (distances < 2.0)
    power = -0.5 * (pairs.dim - 3.0)

    def logarithm(d: Array) -> Array:
        return power * jnp.log(d**2 * (1.0 - 0.25 * d**2))

    # Between the nearest and the farthest negative the log-weight is at most that of one end; in fewer than four
    # dimensions the power is at most 1 anyway.
    ends = [
        jnp.min(jnp.where(eligible, distances, jnp.inf), axis=1, keepdims=True),
        jnp.max(jnp.where(eligible, distances, -jnp.inf), axis=1, keepdims=True),
    ]
    some = jnp.isfinite(ends[0])
    nearest, beyond = (logarithm(jnp.where(some, end, 1.0)) for end in ends)
    top = jnp.maximum(nearest, beyond) if power < 0 else 0.0
    inside = jnp.where(eligible, distances, 1.0)
    return jnp.where(eligible, jnp.exp(logarithm(inside) - top) / inside, 0.0)
