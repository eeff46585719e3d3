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
    each side averaged over its entries above 0, then added.
    "squared", as in the report: `d²` of positives and `relu(neg_margin² − d²)` of negatives, averaged over all selected
    pairs; `pos_margin` must be 0.

    Args:
      pairs: what `compare` returned, with Euclidean distances.
      weights: how often each pair counts; None is every pair once.
      form: "linear" or "squared".
      pos_margin: distance below which a positive costs nothing.
      neg_margin: distance above which a negative costs nothing.

    Raises:
      ValueError: an unknown form, a `pos_margin` in the squared form, or distances that are not Euclidean.
    """
    weights = every_pair(pairs) if weights is None else weights
    _check(pairs.metric, form, pos_margin)
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
    """
    if first.ndim != 2 or first.shape != second.shape or same.shape != first.shape[:1]:
        raise ValueError(
            f"expected first and second [pairs, dim] and same [pairs], found {first.shape}, {second.shape}, {same.shape}"
        )
    _check("euclidean", form, pos_margin)
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

    `relu(d − β + margin)` of positives plus `relu(β − d + margin)` of negatives, over the number of terms above 0, plus
    `ν` times the mean β. It separates over pairs, so triplets need not be listed: a miner says how often each pair counts.

    Args:
      pairs: what `compare` returned, with Euclidean distances.
      weights: how often each pair counts; None is every pair once.
      beta: the boundary; a scalar, or one a class, looked up by the anchor's label. It may be learned.
      margin: half the width of the gap between positives and negatives.
      nu: weight of β itself, which keeps a learned one from growing.

    Raises:
      ValueError: distances that are not Euclidean, or β with more than one axis.
    """
    _check(pairs.metric, "linear", 0.0)
    boundary = jnp.asarray(beta, jnp.float32)
    if boundary.ndim > 1:
        raise ValueError(f"beta must be a scalar or [classes], found shape {boundary.shape}")
    weights = every_pair(pairs) if weights is None else weights
    middle = boundary[pairs.labels][:, None] if boundary.ndim else boundary
    positive = jax.nn.relu(pairs.distances - middle + margin)
    negative = jax.nn.relu(middle - pairs.distances + margin)
    total = jnp.sum(weights.positive * positive) + jnp.sum(weights.negative * negative)
    terms = jnp.sum(weights.positive * (positive > 0)) + jnp.sum(weights.negative * (negative > 0))
    return total / jnp.maximum(terms, 1.0) + jnp.where(terms > 0, nu * jnp.mean(boundary), 0.0)


def _check(metric: str, form: str, pos_margin: float) -> None:
    if form not in FORMS:
        raise ValueError(f"unknown form '{form}'; expected one of {', '.join(FORMS)}")
    if metric != "euclidean":
        raise ValueError(f"expected Euclidean distances, found {metric}: use compare(..., metric='euclidean')")
    if form == "squared" and pos_margin:
        raise ValueError(f"the squared form has no pos_margin, found {pos_margin}")


def _contrastive(
    distances: Array, positive: Array, negative: Array, form: str, pos_margin: float, neg_margin: float
) -> Array:
    if form == "squared":
        total = jnp.sum(positive * distances**2) + jnp.sum(negative * jax.nn.relu(neg_margin**2 - distances**2))
        return total / jnp.maximum(jnp.sum(positive) + jnp.sum(negative), 1.0)
    near = jax.nn.relu(distances - pos_margin)
    far = jax.nn.relu(neg_margin - distances)
    return _mean_above_zero(near, positive) + _mean_above_zero(far, negative)


def _mean_above_zero(values: Array, weights: Array) -> Array:
    return jnp.sum(values * weights) / jnp.maximum(jnp.sum(weights * (values > 0)), 1.0)
