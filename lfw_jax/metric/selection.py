"""Which pairs and triplets count, and how often: the one currency between miners and losses."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.pairs import Pairs


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PairWeights:
    """How often each pair counts, zero where it is not selected. A pair that is in three triplets counts three times.

    It unpacks as `positive, negative = weights`. A loss of triplets takes it as every triplet (a, p, n), each
    `positive[a, p] · negative[a, n]` times.
    """

    positive: Float[Array, "anchors references"]
    negative: Float[Array, "anchors references"]

    def __iter__(self) -> Iterator[Float[Array, "anchors references"]]:
        return iter((self.positive, self.negative))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TripletInterval(PairWeights):
    """All triplets with `lower < d_an − d_ap ≤ upper`; `positive` and `negative` count the triplets each pair is in."""

    lower: float = dataclasses.field(metadata=dict(static=True))
    upper: float = dataclasses.field(metadata=dict(static=True))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class DrawnTriplets(PairWeights):
    """One drawn negative for each selected positive; `positive` and `negative` count the triplets each pair is in.

    Attributes:
      drawn: at `[a, p]` the place of the negative that goes with this positive, -1 where there is none.
    """

    drawn: Int[Array, "anchors references"]


def every_pair(pairs: Pairs) -> PairWeights:
    """Every pair once: what `weights=None` means to a loss.

    Example:
      >>> from lfw_jax.metric import compare
      >>> positive, negative = every_pair(compare(jnp.eye(3), jnp.array([0, 0, 1])))
      >>> negative.tolist()
      [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """
    return PairWeights(pairs.positive.astype(jnp.float32), pairs.negative.astype(jnp.float32))


def checked_weights(pairs: Pairs, weights: PairWeights | None) -> PairWeights:
    """The weights, or every pair once for None. Raises ValueError for weights of other pairs."""
    if weights is None:
        return every_pair(pairs)
    if not weights.positive.shape == weights.negative.shape == pairs.distances.shape:
        raise ValueError(
            f"expected weights of {pairs.distances.shape} pairs, found {weights.positive.shape} positive and "
            f"{weights.negative.shape} negative ones"
        )
    return weights


def as_triplets(weights: PairWeights) -> PairWeights:
    """Join positives and negatives of one anchor to triplets, and count each pair once a triplet it is in.

    Example:
      >>> weights = PairWeights(jnp.array([[0.0, 1.0, 0.0, 0.0]]), jnp.array([[0.0, 0.0, 1.0, 1.0]]))
      >>> as_triplets(weights).positive.tolist()
      [[0.0, 2.0, 0.0, 0.0]]
    """
    return PairWeights(
        weights.positive * weights.negative.sum(axis=1, keepdims=True),
        weights.negative * weights.positive.sum(axis=1, keepdims=True),
    )


def mean_above_zero(values: Float[Array, "*shape"], weights: Float[Array, "*shape"]) -> Float[Array, ""]:
    """The weighted mean of the values above 0, and 0 with gradient 0 of nothing."""
    return safe_divide(jnp.sum(values * weights), jnp.sum(weights * (values > 0)))


def safe_divide(total: Float[Array, ""], count: Float[Array, ""]) -> Float[Array, ""]:
    """`total / count`, and 0 with gradient 0 of nothing."""
    return jnp.where(count > 0, total / jnp.where(count > 0, count, 1.0), 0.0)


def masked_logsumexp(
    values: Float[Array, "rows columns"], weights: Float[Array, "rows columns"]
) -> Float[Array, "rows"]:
    """`log Σ weights·exp(values)` of each row; -inf, with gradient 0, where no weight is above 0."""
    chosen = weights > 0
    top = jax.lax.stop_gradient(jnp.max(jnp.where(chosen, values, -jnp.inf), axis=1, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    total = jnp.sum(weights * jnp.exp(jnp.where(chosen, values - top, 0.0)), axis=1)
    some = total > 0
    return jnp.where(some, jnp.log(jnp.where(some, total, 1.0)) + top[:, 0], -jnp.inf)


def statistics(pairs: Pairs, weights: PairWeights | None = None) -> dict[str, Float[Array, ""]]:
    """What training logs about a selection.

    Returns:
      `positive_pairs` and `negative_pairs`, how many pairs are selected, `positive_share` and `negative_share`, what share
      of all that is, `triplets`, how many triplets are selected (for a selection of pairs: how many they join to),
      `triplet_share`, their share of all triplets, `positive_distance` and `negative_distance`, the mean distances of all
      pairs, `selected_positive_distance` and `selected_negative_distance`, the weighted means of the selected ones, and
      `active_anchors`, the share of anchors with a selected pair. A mean over nothing is 0.

    Example:
      >>> from lfw_jax.metric import compare, miners
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> found = statistics(pairs, miners.triplet_margin(pairs, kind="semihard"))
      >>> float(found["triplets"]), float(found["triplet_share"])
      (0.0, 0.0)
    """
    weights = checked_weights(pairs, weights)
    distances = jax.lax.stop_gradient(pairs.distances)

    def mean(values: Array, of: Array) -> Array:
        return jnp.sum(values * of) / jnp.maximum(jnp.sum(of), 1e-9)

    positive, negative = weights.positive > 0, weights.negative > 0
    all_triplets = jnp.sum(pairs.positive.sum(axis=1, dtype=jnp.float32) * pairs.negative.sum(axis=1))
    if type(weights) is PairWeights:
        triplets = jnp.sum(weights.positive.sum(axis=1) * weights.negative.sum(axis=1))
    else:
        triplets = jnp.sum(weights.positive)
    return {
        "positive_pairs": jnp.sum(positive, dtype=jnp.float32),
        "negative_pairs": jnp.sum(negative, dtype=jnp.float32),
        "positive_share": mean(positive, pairs.positive),
        "negative_share": mean(negative, pairs.negative),
        "triplets": triplets,
        "triplet_share": triplets / jnp.maximum(all_triplets, 1.0),
        "positive_distance": mean(distances, pairs.positive),
        "negative_distance": mean(distances, pairs.negative),
        "selected_positive_distance": mean(distances, weights.positive),
        "selected_negative_distance": mean(distances, weights.negative),
        "active_anchors": jnp.mean((weights.positive.sum(axis=1) + weights.negative.sum(axis=1)) > 0),
    }
