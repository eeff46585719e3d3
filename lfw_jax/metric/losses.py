"""Lose: pairs and how often they count → a scalar.

Every loss is a float32 scalar with finite gradients; an empty selection gives loss 0 and gradient 0.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lfw_jax.metric.miners import PairWeights, every_pair
from lfw_jax.metric.pairs import Pairs, normalized, root

FORMS = ("linear", "squared")


def contrastive(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    form: str = "linear",
    pos_margin: float = 0.0,
    neg_margin: float = 1.0,
) -> Float[Array, ""]:
    """Contrastive loss (Hadsell et al. 2006) in two forms.

    "linear", as in pytorch-metric-learning: `relu(d − pos_margin)` of positives and `relu(neg_margin − d)` of negatives,
    each side averaged over its entries above 0, then added. (PML 2.9.0 gives 0 for a selection of a single triplet;
    here it counts.)
    "squared", as in the report: `d²` of positives and `relu(neg_margin² − d²)` of negatives, averaged over all selected
    pairs; `pos_margin` must be 0.

    Args:
      pairs: what `compare` returned, with Euclidean distances.
      weights: how often each pair counts; None is every pair once.
      form: "linear" or "squared".
      pos_margin: distance below which a positive costs nothing.
      neg_margin: distance above which a negative costs nothing.

    Raises:
      ValueError: an unknown form, a `pos_margin` in the squared form, distances that are not Euclidean, or weights of
        other pairs.
    """
    _check_form(form, pos_margin)
    weights = _weights(pairs, weights)
    return _contrastive(pairs.distances, weights.positive, weights.negative, form, pos_margin, neg_margin)


def contrastive_of_pairs(
    first: Float[Array, "pairs dim"],
    second: Float[Array, "pairs dim"],
    same: Bool[Array, "pairs"],
    *,
    form: str = "linear",
    pos_margin: float = 0.0,
    neg_margin: float = 1.0,
    normalize: bool = True,
) -> Float[Array, ""]:
    """`contrastive` of pairs that are given one by one, as a Siamese network sees them.

    Args:
      first: an embedding of each pair.
      second: the other.
      same: whether they are of one class.
      form: as of `contrastive`.
      pos_margin: as of `contrastive`.
      neg_margin: as of `contrastive`.
      normalize: whether embeddings are first brought to unit length.

    Raises:
      ValueError: shapes that do not fit, an unknown form, or a `pos_margin` in the squared form.
      TypeError: `same` that is not boolean, or embeddings that are no floating-point numbers.
    """
    if first.ndim != 2 or first.shape != second.shape or same.shape != first.shape[:1]:
        raise ValueError(
            f"expected first and second [pairs, dim] and same [pairs], found {first.shape}, {second.shape}, {same.shape}"
        )
    if same.dtype != jnp.bool_:
        raise TypeError(f"same must be boolean, found {same.dtype}")
    for name, embeddings in (("first", first), ("second", second)):
        if not jnp.issubdtype(embeddings.dtype, jnp.floating):
            raise TypeError(f"{name} must be floating-point numbers, found {embeddings.dtype}")
    _check_form(form, pos_margin)
    left, right = first.astype(jnp.float32), second.astype(jnp.float32)
    if normalize:
        left, right = normalized(left), normalized(right)
    distances = root(jnp.sum((left - right) ** 2, axis=1))
    positive = same.astype(jnp.float32)
    return _contrastive(distances, positive, 1.0 - positive, form, pos_margin, neg_margin)


def margin(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    beta: Float[Array, ""] | Float[Array, "classes"] | float = 1.2,
    margin: float = 0.2,
    nu: float = 0.0,
) -> Float[Array, ""]:
    """Margin loss: positives inside `β − margin`, negatives beyond `β + margin` (Wu et al. 2017, arXiv:1706.07567).

    `relu(d − β + margin)` of positives plus `relu(β − d + margin)` of negatives, over the number of terms above 0. It
    separates over pairs, so triplets need not be listed: a miner says how often each pair counts.

    Args:
      pairs: what `compare` returned, with Euclidean distances.
      weights: how often each pair counts; None is every pair once.
      beta: the boundary; a scalar, or one a class, looked up by the anchor's label. It may be learned.
      margin: half the width of the gap between positives and negatives.
      nu: weight of β itself, which keeps a learned one from growing: `ν·β` is added for one β, and for one a class, as in
        pytorch-metric-learning, `ν·β` of the anchor for every selected positive, over the same number of terms.

    Raises:
      ValueError: distances that are not Euclidean, β with more than one axis, or weights of other pairs. A label for
        which there is no β makes the loss NaN.
    """
    boundary = jnp.asarray(beta, jnp.float32)
    if boundary.ndim > 1:
        raise ValueError(f"beta must be a scalar or [classes], found shape {boundary.shape}")
    weights = _weights(pairs, weights)
    middle = boundary
    if boundary.ndim:
        middle = boundary.at[pairs.labels].get(mode="fill", fill_value=jnp.nan)[:, None]
    positive = jax.nn.relu(pairs.distances - middle + margin)
    negative = jax.nn.relu(middle - pairs.distances + margin)
    total = jnp.sum(weights.positive * positive) + jnp.sum(weights.negative * negative)
    terms = jnp.sum(weights.positive * (positive > 0)) + jnp.sum(weights.negative * (negative > 0))
    if boundary.ndim:
        return _ratio(total + nu * jnp.sum(weights.positive * middle), terms)
    selected = jnp.sum(weights.positive) + jnp.sum(weights.negative) > 0
    return _ratio(total, terms) + jnp.where(selected, nu * boundary, 0.0)


def _weights(pairs: Pairs, weights: PairWeights | None) -> PairWeights:
    if pairs.metric != "euclidean":
        raise ValueError(f"expected Euclidean distances, found {pairs.metric}: use compare(..., metric='euclidean')")
    if weights is None:
        return every_pair(pairs)
    if not weights.positive.shape == weights.negative.shape == pairs.distances.shape:
        raise ValueError(
            f"expected weights of {pairs.distances.shape} pairs, found {weights.positive.shape} positive and "
            f"{weights.negative.shape} negative ones"
        )
    return weights


def _check_form(form: str, pos_margin: float) -> None:
    if form not in FORMS:
        raise ValueError(f"unknown form '{form}'; expected one of {', '.join(FORMS)}")
    if form == "squared" and pos_margin:
        raise ValueError(f"the squared form has no pos_margin, found {pos_margin}")


def _contrastive(
    distances: Array, positive: Array, negative: Array, form: str, pos_margin: float, neg_margin: float
) -> Array:
    if form == "squared":
        total = jnp.sum(positive * distances**2) + jnp.sum(negative * jax.nn.relu(neg_margin**2 - distances**2))
        return _ratio(total, jnp.sum(positive) + jnp.sum(negative))
    near = jax.nn.relu(distances - pos_margin)
    far = jax.nn.relu(neg_margin - distances)
    return _mean_above_zero(near, positive) + _mean_above_zero(far, negative)


def _mean_above_zero(values: Array, weights: Array) -> Array:
    return _ratio(jnp.sum(values * weights), jnp.sum(weights * (values > 0)))


def _ratio(total: Array, count: Array) -> Array:
    """`total / count`, and 0 with gradient 0 of nothing."""
    return jnp.where(count > 0, total / jnp.where(count > 0, count, 1.0), 0.0)
