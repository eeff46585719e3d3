"""Triplet loss over triplets that are never listed."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lfw_jax.metric.pairs import Pairs
from lfw_jax.metric.selection import DrawnTriplets, PairWeights, TripletInterval, checked_weights, safe_divide
from lfw_jax.metric.triplets import at, count_triplets, sweep


def triplet(
    pairs: Pairs,
    triplets: PairWeights | None = None,
    *,
    margin: float = 0.05,
    smooth: bool = False,
    swap: bool = False,
) -> Float[Array, ""]:
    """Triplet margin loss: `relu(d_ap − d_an + margin)`, the mean over triplets for which it is above 0.

    Weinberger and Saul 2009 (JMLR 10, equation 13), Schroff et al. 2015 (FaceNet, arXiv:1503.03832, equation 3). The
    triplets that cost something are those of an interval, so the loss is linear in the distances with counts for
    coefficients: O(a·r) memory and, as its gradient, as cheap as mining. With `smooth` or `swap` it takes one pass over
    anchors × references for each positive of an anchor.

    Args:
      pairs: what `compare` returned.
      triplets: None for every triplet, or what a miner returned: `triplet_margin`'s interval, `distance_weighted`'s drawn
        triplets, or pairs of any other miner, whose positives and negatives of one anchor are joined.
      margin: by how much a negative must be farther than a positive, in the unit of `pairs.distances`.
      smooth: `softplus` instead of `relu`, the soft margin of Hermans et al. 2017 (arXiv:1703.07737, section 2).
      swap: use the distance of positive and negative where it is smaller than that of anchor and negative (Balntas et al.
        2016, BMVC, section 3.1). The references must be the anchors themselves.

    Raises:
      ValueError: weights of other pairs, or `swap` with references of their own.

    Example:
      >>> from lfw_jax.metric import compare
      >>> points = jnp.array([[0.0], [1.0], [1.1], [3.0]])
      >>> round(float(triplet(compare(points, jnp.array([0, 0, 1, 1]), normalize=False), margin=0.2)), 4)
      0.86
    """
    if swap and not pairs.self_compared:
        raise ValueError(
            "swap needs the distances among the references; these pairs compare anchors with references of their own"
        )
    if triplets is not None:
        checked_weights(pairs, triplets)
    if smooth or swap:
        static = dict(margin=margin, smooth=smooth, swap=swap)
        return _swept(pairs.distances, jax.lax.stop_gradient((pairs.positive, pairs.negative, triplets)), **static)
    counts = jax.lax.stop_gradient(_costing(pairs, triplets, margin))
    positive, negative = counts
    # An anchor's positives and negatives count equally often: whatever is taken from all distances does not matter, and
    # what is left of them loses less to rounding.
    distances = pairs.distances - jax.lax.stop_gradient(jnp.mean(pairs.distances))
    total = jnp.sum(distances * (positive - negative)) + margin * jnp.sum(positive)
    return safe_divide(total, jnp.sum(positive))


def _costing(pairs: Pairs, triplets: PairWeights | None, margin: float) -> PairWeights:
    """How many triplets with `d_an − d_ap < margin` each pair is in."""
    below = float(np.nextafter(np.float32(margin), np.float32(-np.inf)))
    if isinstance(triplets, DrawnTriplets):
        return _of_drawn(pairs, triplets, below)
    if isinstance(triplets, TripletInterval):
        return count_triplets(pairs, triplets.lower, min(triplets.upper, below))
    return count_triplets(pairs, -np.inf, below, triplets)


def _of_drawn(pairs: Pairs, triplets: DrawnTriplets, upper: float) -> PairWeights:
    rows = jnp.arange(pairs.distances.shape[0])

    def body(_: Any, counts: tuple[Array, Array], place: Array, present: Array) -> tuple[Array, Array]:
        positive, negative = counts
        drawn = jnp.where(present, triplets.drawn.at[rows, place].get(mode="fill", fill_value=-1), -1)
        apart = jnp.take_along_axis(pairs.distances, jnp.maximum(drawn, 0)[:, None], axis=1)[:, 0]
        chosen = ((drawn >= 0) & (apart - at(pairs.distances, place) <= upper)).astype(jnp.float32)
        # A negative place would count from the end of the row.
        drawn = jnp.where(drawn >= 0, drawn, pairs.distances.shape[1])
        return positive.at[rows, place].set(chosen, mode="drop"), negative.at[rows, drawn].add(chosen, mode="drop")

    nothing = jnp.zeros(pairs.distances.shape)
    return PairWeights(*sweep(triplets.positive > 0, body, (nothing, nothing)))


Selected = tuple[Bool[Array, "anchors references"], Bool[Array, "anchors references"], PairWeights | None]


@partial(jax.custom_vjp, nondiff_argnames=("margin", "smooth", "swap"))
def _swept(distances: Array, selected: Selected, margin: float, smooth: bool, swap: bool) -> Array:
    return _value_and_slopes(distances, selected, margin, smooth, swap)[0]


def _value_and_slopes(
    distances: Array, selected: Selected, margin: float, smooth: bool, swap: bool
) -> tuple[Array, Array]:
    """The loss, and its derivative for each distance, in one go: what a loop cannot be differentiated for."""
    positive, negative, triplets = selected
    rows, columns = jnp.arange(distances.shape[0]), jnp.arange(distances.shape[1])[None]
    members = positive if triplets is None else triplets.positive > 0

    def often(place: Array, present: Array) -> Array:
        """How often each reference is the negative in a triplet with this positive."""
        if isinstance(triplets, DrawnTriplets):
            drawn = triplets.drawn.at[rows, place].get(mode="fill", fill_value=-1)
            chosen = (columns == drawn[:, None]).astype(jnp.float32)
        elif isinstance(triplets, TripletInterval):
            apart = distances - at(distances, place)[:, None]
            chosen = (negative & (apart > triplets.lower) & (apart <= triplets.upper)).astype(jnp.float32)
        elif triplets is not None:
            chosen = triplets.negative * at(triplets.positive, place)[:, None]
        else:
            chosen = negative.astype(jnp.float32)
        return jnp.where(present[:, None], chosen, 0.0)

    def body(_: Any, carry: tuple[Array, Array, Array], place: Array, present: Array) -> tuple[Array, Array, Array]:
        total, count, slopes = carry
        chosen = often(place, present)
        near = jnp.where(present, at(distances, place), 0.0)[:, None]
        far, through = distances, jnp.zeros(())
        if swap:
            others = distances[jnp.minimum(place, distances.shape[0] - 1)]
            far = jnp.minimum(distances, others)
            through = jnp.where(others < distances, 1.0, jnp.where(others == distances, 0.5, 0.0))
        violation = near - far + margin
        cost = jax.nn.softplus(violation) if smooth else jax.nn.relu(violation)
        slope = chosen * (jax.nn.sigmoid(violation) if smooth else (violation > 0))
        slopes = slopes.at[rows, place].add(jnp.sum(slope, axis=1), mode="drop") - slope * (1.0 - through)
        if swap:
            slopes = slopes.at[place].add(-slope * through, mode="drop")
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
