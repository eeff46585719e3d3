"""Margin loss: a boundary between positives and negatives that may be learned."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lfw_jax.metric.pairs import Pairs
from lfw_jax.metric.selection import PairWeights, checked_weights, safe_divide


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
      pairs: what `compare` returned; the margins' defaults are meant for Euclidean distances.
      weights: how often each pair counts; None is every pair once.
      beta: the boundary; a scalar, or one a class, looked up by the anchor's label. It may be learned.
      margin: half the width of the gap between positives and negatives.
      nu: weight of β itself, which keeps a learned one from growing: `ν·β` is added for one β, and for one a class, as in
        pytorch-metric-learning, `ν·β` of the anchor for every selected positive, over the same number of terms.

    Raises:
      ValueError: β with more than one axis, or weights of other pairs. A label for which there is no β makes the loss
        NaN.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(margin(pairs, beta=0.6)), 4)
      0.3748
    """
    boundary = jnp.asarray(beta, jnp.float32)
    if boundary.ndim > 1:
        raise ValueError(f"beta must be a scalar or [classes], found shape {boundary.shape}")
    weights = checked_weights(pairs, weights)
    middle = boundary
    if boundary.ndim:
        middle = boundary.at[pairs.labels].get(mode="fill", fill_value=jnp.nan)[:, None]
    positive = jax.nn.relu(pairs.distances - middle + margin)
    negative = jax.nn.relu(middle - pairs.distances + margin)
    total = jnp.sum(weights.positive * positive) + jnp.sum(weights.negative * negative)
    terms = jnp.sum(weights.positive * (positive > 0)) + jnp.sum(weights.negative * (negative > 0))
    if boundary.ndim:
        return safe_divide(total + nu * jnp.sum(weights.positive * middle), terms)
    selected = jnp.sum(weights.positive) + jnp.sum(weights.negative) > 0
    return safe_divide(total, terms) + jnp.where(selected, nu * boundary, 0.0)
