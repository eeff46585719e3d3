"""Triplet loss without a list of triplets."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lfw_jax.metric.pairs import Pairs
from lfw_jax.metric.selection import SampledTriplets, PairWeights, TripletInterval, checked_weights, safe_divide
from lfw_jax.metric.triplets import at, count_triplets, sweep


def triplet(
    pairs: Pairs,
    triplets: PairWeights | None = None,
    *,
    margin: float = 0.05,
    smooth: bool = False,
    swap: bool = False,
) -> Float[Array, ""]:
    """Triplet margin loss: the mean of `relu(d_ap − d_an + margin)` over triplets with a positive loss.

    Source: Weinberger and Saul 2009 (JMLR 10), equation 13; Schroff et al. 2015, "FaceNet" (arXiv:1503.03832),
    equation 3.

    The triplets with a positive loss form an interval, so the loss is linear in the distances, with triplet counts as
    coefficients. This takes O(a·r) memory, and the gradient is as cheap as mining. With `smooth` or `swap` the loss
    takes one pass over anchors × references per positive of an anchor.

    Args:
      pairs: Result of `compare`.
      triplets: Selected triplets: None for every triplet, or the result of a miner. `triplet_margin` returns an
        interval of triplets and `distance_weighted` sampled triplets; for any other miner each selected positive of
        an anchor is combined with each selected negative of that anchor.
      margin: Margin by which a negative must be farther than a positive, in the unit of `pairs.distances`.
      smooth: Use `softplus` instead of `relu`, the soft margin of Hermans et al. 2017 (arXiv:1703.07737, section 2).
      swap: Use the distance between positive and negative where it is smaller than that of anchor and negative
        (Balntas et al. 2016, BMVC, section 3.1). The references must be the anchors themselves.

    Returns:
      The loss, a float32 scalar; 0 if no triplet has a positive loss.

    Raises:
      ValueError: If the shape of `triplets` does not match `pairs`, or `swap` is set and the references are not the
        anchors.

    Example:
      >>> from lfw_jax.metric import compare
      >>> points = jnp.array([[0.0], [1.0], [1.1], [3.0]])
      >>> round(float(triplet(compare(points, jnp.array([0, 0, 1, 1]), normalize=False), margin=0.2)), 4)
      0.86
    """
    if swap and not pairs.self_compared:
        raise ValueError(
            "swap needs the distances among the references, but these pairs compare anchors with other references; use "
            "compare(embeddings, labels) without references"
        )
    if triplets is not None:
        checked_weights(pairs, triplets)
    if smooth or swap:
        static = dict(margin=margin, smooth=smooth, swap=swap)
        return _swept(pairs.distances, jax.lax.stop_gradient((pairs.positive, pairs.negative, triplets)), **static)
    counts = jax.lax.stop_gradient(_costing(pairs, triplets, margin))
    positive, negative = counts
    # The counts of an anchor's positives and negatives have equal sums. Subtracting a constant from all distances
    # therefore does not change the loss, but reduces rounding errors.
    distances = pairs.distances - jax.lax.stop_gradient(jnp.mean(pairs.distances))
    total = jnp.sum(distances * (positive - negative)) + margin * jnp.sum(positive)
    return safe_divide(total, jnp.sum(positive))


def _costing(pairs: Pairs, triplets: PairWeights | None, margin: float) -> PairWeights:
    """Return the count of triplets with `d_an − d_ap < margin` that each pair belongs to."""
    below = float(np.nextafter(np.float32(margin), np.float32(-np.inf)))
    if isinstance(triplets, SampledTriplets):
        return _of_drawn(pairs, triplets, below)
    if isinstance(triplets, TripletInterval):
        return count_triplets(pairs, triplets.lower, min(triplets.upper, below))
    return count_triplets(pairs, -np.inf, below, triplets)


def _of_drawn(pairs: Pairs, triplets: SampledTriplets, upper: float) -> PairWeights:
    rows = jnp.arange(pairs.distances.shape[0])

    def body(_: Any, counts: tuple[Array, Array], column: Array, present: Array) -> tuple[Array, Array]:
        positive, negative = counts
        sampled = jnp.where(present, triplets.drawn.at[rows, column].get(mode="fill", fill_value=-1), -1)
        apart = jnp.take_along_axis(pairs.distances, jnp.maximum(sampled, 0)[:, None], axis=1)[:, 0]
        chosen = ((sampled >= 0) & (apart - at(pairs.distances, column) <= upper)).astype(jnp.float32)
        # An index of -1 would refer to the end of the row.
        sampled = jnp.where(sampled >= 0, sampled, pairs.distances.shape[1])
        return positive.at[rows, column].set(chosen, mode="drop"), negative.at[rows, sampled].add(chosen, mode="drop")

    nothing = jnp.zeros(pairs.distances.shape)
    return PairWeights(*sweep(triplets.positive > 0, body, (nothing, nothing)))


Selected = tuple[Bool[Array, "anchors references"], Bool[Array, "anchors references"], PairWeights | None]


@partial(jax.custom_vjp, nondiff_argnames=("margin", "smooth", "swap"))
def _swept(distances: Array, selected: Selected, margin: float, smooth: bool, swap: bool) -> Array:
    return _value_and_slopes(distances, selected, margin, smooth, swap)[0]


def _value_and_slopes(
    distances: Array, selected: Selected, margin: float, smooth: bool, swap: bool
) -> tuple[Array, Array]:
    """Return the loss and its derivative for each distance; the loop itself is not differentiable."""
    positive, negative, triplets = selected
    rows, columns = jnp.arange(distances.shape[0]), jnp.arange(distances.shape[1])[None]
    members = positive if triplets is None else triplets.positive > 0

    def multiplicity(column: Array, present: Array) -> Array:
        """Return the count of each reference as the negative in a triplet with this positive."""
        if isinstance(triplets, SampledTriplets):
            sampled = triplets.drawn.at[rows, column].get(mode="fill", fill_value=-1)
            chosen = (columns == sampled[:, None]).astype(jnp.float32)
        elif isinstance(triplets, TripletInterval):
            apart = distances - at(distances, column)[:, None]
            chosen = (negative & (apart > triplets.lower) & (apart <= triplets.upper)).astype(jnp.float32)
        elif triplets is not None:
            chosen = triplets.negative * at(triplets.positive, column)[:, None]
        else:
            chosen = negative.astype(jnp.float32)
        return jnp.where(present[:, None], chosen, 0.0)

    def body(_: Any, carry: tuple[Array, Array, Array], column: Array, present: Array) -> tuple[Array, Array, Array]:
        total, count, slopes = carry
        chosen = multiplicity(column, present)
        near = jnp.where(present, at(distances, column), 0.0)[:, None]
        far, through = distances, jnp.zeros(())
        if swap:
            others = distances[jnp.minimum(column, distances.shape[0] - 1)]
            far = jnp.minimum(distances, others)
            through = jnp.where(others < distances, 1.0, jnp.where(others == distances, 0.5, 0.0))
        violation = near - far + margin
        cost = jax.nn.softplus(violation) if smooth else jax.nn.relu(violation)
        slope = chosen * (jax.nn.sigmoid(violation) if smooth else (violation > 0))
        slopes = slopes.at[rows, column].add(jnp.sum(slope, axis=1), mode="drop") - slope * (1.0 - through)
        if swap:
            slopes = slopes.at[column].add(-slope * through, mode="drop")
        return total + jnp.sum(chosen * cost), count + jnp.sum(chosen * (cost > 0)), slopes

    nothing = jnp.zeros(())
    total, count, slopes = sweep(members, body, (nothing, nothing, jnp.zeros(distances.shape)))
    return safe_divide(total, count), jnp.where(count > 0, slopes / jnp.maximum(count, 1.0), 0.0)


def _swept_forward(distances: Array, selected: Selected, margin: float, smooth: bool, swap: bool) -> tuple[Array, Any]:
    value, slopes = _value_and_slopes(distances, selected, margin, smooth, swap)
    return value, (slopes, selected)


def _swept_backward(margin: float, smooth: bool, swap: bool, kept: Any, cotangent: Array) -> tuple[Array, Any]:
    del margin, smooth, swap
    slopes, selected = kept
    return cotangent * slopes, jax.tree.map(_no_cotangent, selected)


def _no_cotangent(leaf: Array) -> Any:
    return jnp.zeros_like(leaf) if jnp.issubdtype(leaf.dtype, jnp.floating) else np.zeros(leaf.shape, jax.dtypes.float0)


_swept.defvjp(_swept_forward, _swept_backward)
