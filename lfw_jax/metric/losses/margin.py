"""Margin loss: a boundary between positives and negatives that may be learned."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lfw_jax.metric.pairs import Pairs
from lfw_jax.metric.selection import PairWeights, checked_weights, nan_if_broken, safe_divide


def margin(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    beta: Float[Array, ""] | Float[Array, "classes"] | float = 1.2,
    margin: float = 0.2,
    nu: float = 0.0,
) -> Float[Array, ""]:
    """Margin loss: positives inside `β − margin`, negatives beyond `β + margin`.

    Source: Wu et al. 2017, "Sampling Matters in Deep Embedding Learning" (arXiv:1706.07567).

    The loss is the sum of `relu(d − β + margin)` over positives and `relu(β − d + margin)` over negatives, divided by
    the number of terms above 0. It separates over pairs, so triplets need not be listed: the count of each pair is
    enough.

    Args:
      pairs: Result of `compare`; the default margins are meant for Euclidean distances.
      weights: Count of each pair, as a miner returns it; None counts every pair once.
      beta: Boundary β: a scalar, or one value per class that is looked up by the anchor's label. It may be learned.
      margin: Half the width of the gap between positives and negatives.
      nu: Weight of the penalty that keeps a learned β from growing. For a scalar β it adds `ν·β`. For one β per class
        it adds the anchor's `ν·β` for every selected positive to the sum before the division, as in
        pytorch-metric-learning.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection, NaN if `beta` has no entry for a label.

    Raises:
      ValueError: If `beta` has more than one axis, or the shape of `weights` does not match `pairs`.

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
        of_labels = boundary.at[pairs.labels].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
        middle = of_labels[:, None]
    positive = jax.nn.relu(pairs.distances - middle + margin)
    negative = jax.nn.relu(middle - pairs.distances + margin)
    total = jnp.sum(weights.positive * positive) + jnp.sum(weights.negative * negative)
    terms = jnp.sum(weights.positive * (positive > 0)) + jnp.sum(weights.negative * (negative > 0))
    if boundary.ndim:
        loss = safe_divide(total + nu * jnp.sum(weights.positive * middle), terms)
    else:
        selected = jnp.sum(weights.positive) + jnp.sum(weights.negative) > 0
        loss = safe_divide(total, terms) + jnp.where(selected, nu * boundary, 0.0)
    return nan_if_broken(loss, pairs, middle)
