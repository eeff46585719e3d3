"""Selections of pairs and triplets with their counts: the interface between miners and losses."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.pairs import Pairs


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PairWeights:
    """Count of each pair, zero where a pair is not selected.

    A pair that belongs to three triplets has count 3. The class unpacks as `positive, negative = weights`. A triplet
    loss reads it as every triplet (a, p, n), with multiplicity `positive[a, p] · negative[a, n]`.

    Attributes:
      positive: Counts of positive pairs.
      negative: Counts of negative pairs.
    """

    positive: Float[Array, "anchors references"]
    negative: Float[Array, "anchors references"]

    def __iter__(self) -> Iterator[Float[Array, "anchors references"]]:
        return iter((self.positive, self.negative))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TripletInterval(PairWeights):
    """All triplets with `lower < d_an − d_ap ≤ upper`.

    Attributes:
      positive: Count of triplets that each positive pair belongs to.
      negative: Count of triplets that each negative pair belongs to.
      lower: Lower bound, exclusive; may be -inf.
      upper: Upper bound, inclusive; may be inf.
    """

    lower: float = dataclasses.field(metadata=dict(static=True))
    upper: float = dataclasses.field(metadata=dict(static=True))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SampledTriplets(PairWeights):
    """One sampled negative for each selected positive.

    Attributes:
      positive: Count of triplets that each positive pair belongs to.
      negative: Count of triplets that each negative pair belongs to.
      sampled: At `[a, p]`, the column of the negative sampled for this positive; -1 where there is none.
    """

    sampled: Int[Array, "anchors references"]


def every_pair(pairs: Pairs) -> PairWeights:
    """Return every pair with count 1, the meaning of `weights=None` in a loss.

    Args:
      pairs: Result of `compare`.

    Returns:
      The selection of all pairs.

    Example:
      >>> from lfw_jax.metric import compare
      >>> positive, negative = every_pair(compare(jnp.eye(3), jnp.array([0, 0, 1])))
      >>> negative.tolist()
      [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """
    return PairWeights(pairs.positive.astype(jnp.float32), pairs.negative.astype(jnp.float32))


def checked_weights(pairs: Pairs, weights: PairWeights | None) -> PairWeights:
    """Return the weights, or every pair with count 1 for None.

    Args:
      pairs: Result of `compare`.
      weights: A selection of these pairs, or None.

    Returns:
      The selection.

    Raises:
      ValueError: If the shape of `weights` does not match `pairs`.
    """
    if weights is None:
        return every_pair(pairs)
    if not weights.positive.shape == weights.negative.shape == pairs.distances.shape:
        raise ValueError(
            f"expected weights of {pairs.distances.shape} pairs, found {weights.positive.shape} positive and "
            f"{weights.negative.shape} negative ones"
        )
    return weights


def as_triplets(weights: PairWeights) -> PairWeights:
    """Combine the positives and negatives of each anchor to triplets and count the triplets of each pair.

    Args:
      weights: A selection of pairs.

    Returns:
      The same pairs, each with the number of triplets it belongs to.

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
    """Return the weighted mean of the values above 0.

    It is 0, with gradient 0, if there is none, and NaN if a value is NaN.
    """
    return safe_divide(jnp.sum(values * weights), jnp.sum(weights * ~(values <= 0)))


def nan_if_broken(loss: Float[Array, ""], pairs: Pairs, *parameters: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Return the loss, or NaN with gradient NaN if an embedding or a parameter is not finite.

    Miners and losses compare distances, and a comparison with NaN is false. Without this function an embedding of NaN
    would leave the selection and the loss would stay finite, so that nothing stops the training.

    Args:
      loss: Finite or not.
      pairs: The pairs of the loss, of which the squared norms are read: NaN for an embedding that is not finite.
      *parameters: Learned parameters, such as a boundary.

    Returns:
      The loss.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [jnp.nan, 1.0]]), jnp.array([0, 0, 1]))
      >>> float(nan_if_broken(jnp.zeros(()), pairs))
      nan
    """
    numbers = jax.lax.stop_gradient((*pairs.squared_norms, *parameters))
    finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(values)) for values in numbers]))
    return loss * jnp.where(finite, 1.0, jnp.nan)


def safe_divide(total: Float[Array, ""], count: Float[Array, ""]) -> Float[Array, ""]:
    """Return `total / count`; 0 with gradient 0 if the count is 0."""
    return jnp.where(count > 0, total / jnp.where(count > 0, count, 1.0), 0.0)


def masked_logsumexp(
    values: Float[Array, "rows columns"], weights: Float[Array, "rows columns"]
) -> Float[Array, "rows"]:
    """Return `log Σ weights·exp(values)` of each row.

    A row without a weight above 0 gives -inf with gradient 0, a row with NaN gives NaN.
    """
    chosen = weights > 0
    top = jax.lax.stop_gradient(jnp.max(jnp.where(chosen, values, -jnp.inf), axis=1, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    total = jnp.sum(weights * jnp.exp(jnp.where(chosen, values - top, 0.0)), axis=1)
    none = total <= 0  # false for NaN, which is returned
    return jnp.where(none, -jnp.inf, jnp.log(jnp.where(none, 1.0, total)) + top[:, 0])


def statistics(pairs: Pairs, weights: PairWeights | None = None) -> dict[str, Float[Array, ""]]:
    """Return statistics of a selection for training logs.

    Args:
      pairs: Result of `compare`.
      weights: Result of a miner; None selects every pair.

    Returns:
      Float32 scalars by name. A mean over nothing is 0.
        `positive_pairs`, `negative_pairs`: numbers of selected pairs.
        `positive_share`, `negative_share`: their shares of all positive and negative pairs, in [0, 1].
        `triplets`: number of selected triplets; for a selection of pairs, the number of triplets they combine to.
        `triplet_share`: their share of all triplets of the batch.
        `positive_distance`, `negative_distance`: mean distances of all pairs.
        `selected_positive_distance`, `selected_negative_distance`: mean distances of selected pairs, by count.
        `active_anchors`: share of anchors with a selected pair, in [0, 1].

    Raises:
      ValueError: If the shape of `weights` does not match `pairs`.

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
