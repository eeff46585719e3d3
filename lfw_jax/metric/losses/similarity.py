"""Losses that weight the cosines of an anchor relative to each other: multi-similarity and circle.

Both use only the selection of pairs, not their counts. A selection of a single pair counts like any other;
pytorch-metric-learning (PML) 2.9.0 returns 0 if no side of a selection has more than one entry.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lfw_jax.metric.pairs import Pairs, similarities
from lfw_jax.metric.selection import PairWeights, checked_weights, masked_logsumexp, nan_if_broken, safe_divide


def multi_similarity(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
) -> Float[Array, ""]:
    """Multi-similarity loss.

    Source: Wang et al. 2019, "Multi-Similarity Loss with General Pair Weighting" (arXiv:1904.06627), equation 15.

    The loss of an anchor is `log(1 + Σ exp(−alpha·(s − base))) / alpha` over its positives plus `log(1 + Σ
    exp(beta·(s − base))) / beta` over its negatives. The mean is over all anchors; an anchor without a selected pair
    contributes 0.

    Args:
      pairs: Result of `compare` with unit vectors, or with metric "dot", whose inner products then replace the
        cosines.
      weights: Selected pairs are those above 0; None selects every pair.
      alpha: Sharpness of the preference for distant positives, positive.
      beta: Sharpness of the preference for near negatives, positive.
      base: Cosine at which a pair begins to matter.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection.

    Raises:
      ValueError: If `alpha` or `beta` is not positive, the distances are of embeddings that were not normalised, or
        the shape of `weights` does not match `pairs`.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(multi_similarity(pairs)), 4)
      0.4859
    """
    check_above_zero("multi_similarity", alpha=alpha, beta=beta)
    weights = checked_weights(pairs, weights)
    beyond = similarities(pairs, of="multi_similarity") - base
    near = jax.nn.softplus(masked_logsumexp(-alpha * beyond, selected(weights.positive))) / alpha
    far = jax.nn.softplus(masked_logsumexp(beta * beyond, selected(weights.negative))) / beta
    return nan_if_broken(jnp.mean(near + far), pairs)


def circle(
    pairs: Pairs, weights: PairWeights | None = None, *, margin: float = 0.4, gamma: float = 80.0
) -> Float[Array, ""]:
    """Circle loss of pairs.

    Source: Sun et al. 2020, "Circle Loss: A Unified Perspective of Pair Similarity Optimization" (arXiv:2002.10857),
    equation 6.

    The loss of an anchor is `log(1 + Σ exp(γ·α_n·(s_n − margin)) · Σ exp(−γ·α_p·(s_p − 1 + margin)))`. The weights
    `α_n = relu(s_n + margin)` and `α_p = relu(1 + margin − s_p)` carry no gradient. The mean is over the anchors with
    both a selected positive and a selected negative. PML averages over the losses above 0: this is the same in exact
    arithmetic, but depends on rounding.

    Args:
      pairs: Result of `compare` with unit vectors.
      weights: Selected pairs are those above 0; None selects every pair.
      margin: Tolerated deviation of cosines from 1 (positives) and from 0 (negatives); the paper uses 0.25 for faces.
      gamma: Scale of the cosines, positive; the paper uses 256 for faces.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection.

    Raises:
      ValueError: If `gamma` is not positive, the pairs do not hold cosines (not normalised, or metric "dot"), or the
        shape of `weights` does not match `pairs`.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(circle(pairs)), 4)
      28.8648
    """
    check_above_zero("circle", gamma=gamma)
    if pairs.metric == "dot":
        raise ValueError("circle needs cosines, but these pairs hold inner products; use compare(..., metric='cosine')")
    weights = checked_weights(pairs, weights)
    cosines = similarities(pairs, of="circle")
    fixed = jax.lax.stop_gradient(cosines)
    positive = -gamma * jax.nn.relu(1.0 + margin - fixed) * (cosines - (1.0 - margin))
    negative = gamma * jax.nn.relu(fixed + margin) * (cosines - margin)
    near = masked_logsumexp(positive, selected(weights.positive))
    far = masked_logsumexp(negative, selected(weights.negative))
    both = (near != -jnp.inf) & (far != -jnp.inf)
    losses = jax.nn.softplus(jnp.where(both, near + far, -jnp.inf))
    return nan_if_broken(safe_divide(jnp.sum(losses), jnp.sum(both, dtype=jnp.float32)), pairs)


def selected(weights: Float[Array, "anchors references"]) -> Float[Array, "anchors references"]:
    """Return 1 for every pair with a positive count and 0 for the others."""
    return (weights > 0).astype(jnp.float32)


def check_above_zero(loss: str, **options: float | Float[Array, ""]) -> None:
    """Raise a ValueError unless every option is above 0. Traced options are not checked."""
    for name, value in options.items():
        if isinstance(value, int | float) and not value > 0:
            raise ValueError(f"{name} of {loss} must be above 0, found {value}")
