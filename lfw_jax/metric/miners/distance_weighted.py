"""Negatives drawn evenly over distance, by the inverse of how often a distance occurs on the sphere."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.pairs import Pairs, detached
from lfw_jax.metric.running_sums import passing_place, running_sums
from lfw_jax.metric.selection import DrawnTriplets
from lfw_jax.metric.triplets import sweep


def distance_weighted(
    pairs: Pairs, *, key: Array, cutoff: float = 0.5, nonzero_loss_cutoff: float = 1.4
) -> DrawnTriplets:
    """For each positive pair one negative of the anchor, drawn by distance (Wu et al. 2017, arXiv:1706.07567, eq. 3-4).

    Points spread evenly over a sphere in k dimensions lie at a distance d with density `d^(k−2) (1 − d²/4)^((k−3)/2)`. A
    negative is drawn with the inverse of that, so that all distances come up alike; distances below `cutoff` count as
    `cutoff`, for their variance.

    pytorch-metric-learning draws for each anchor as many triplets as its class has members, the positive at random; here,
    as in the paper and its authors' code, every positive comes once. It subtracts the batch's greatest log-weight before
    `exp`, which in many dimensions drops whole anchors whose negatives are all far: exp(−90) is 0 in float32. Here every
    anchor's own greatest is subtracted.

    Args:
      pairs: what `compare` returned, Euclidean distances of normalised embeddings.
      key: randomness.
      cutoff: smallest distance that is told apart.
      nonzero_loss_cutoff: negatives this far or farther are never drawn: a margin loss would be 0. An anchor with no
        nearer one drops out.

    Raises:
      ValueError: distances that are not Euclidean or not of unit vectors.

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

    def body(number: Int[Array, ""], carry: tuple[Array, Array], place: Array, present: Array) -> tuple[Array, Array]:
        drawn, negative = carry
        share = jax.random.uniform(jax.random.fold_in(key, number), rows.shape)
        found = passing_place(sums, share * sums.total)
        found = jnp.where(present, found, positive.shape[1])
        return (
            drawn.at[rows, place].set(found.astype(jnp.int32), mode="drop"),
            negative.at[rows, found].add(1.0, mode="drop"),
        )

    nothing = jnp.full(positive.shape, -1, jnp.int32), jnp.zeros(positive.shape)
    drawn, negative = sweep(positive, body, nothing)
    return DrawnTriplets(positive.astype(jnp.float32), negative, drawn)


def _weights(pairs: Pairs, cutoff: float, farthest: float) -> Float[Array, "anchors references"]:
    """How likely each negative is drawn, up to a factor a row.

    With `q = d²` the inverse density is `(q (1 − q/4))^(−(k−3)/2) / d`: one logarithm instead of two.
    """
    distances = jnp.maximum(pairs.distances, cutoff)
    eligible = pairs.negative & (pairs.distances < min(farthest, 2.0)) & (distances < 2.0)
    power = -0.5 * (pairs.dim - 3.0)

    def logarithm(d: Array) -> Array:
        return power * jnp.log(d**2 * (1.0 - 0.25 * d**2))

    # Between the nearest and the farthest the power of a concave function is below one of its ends; for fewer than four
    # dimensions it is at most 1 anyway.
    ends = [
        jnp.min(jnp.where(eligible, distances, jnp.inf), axis=1, keepdims=True),
        jnp.max(jnp.where(eligible, distances, -jnp.inf), axis=1, keepdims=True),
    ]
    some = jnp.isfinite(ends[0])
    nearest, beyond = (logarithm(jnp.where(some, end, 1.0)) for end in ends)
    top = jnp.maximum(nearest, beyond) if power < 0 else 0.0
    inside = jnp.where(eligible, distances, 1.0)
    return jnp.where(eligible, jnp.exp(logarithm(inside) - top) / inside, 0.0)
