"""Losses that weigh the cosines of each anchor against each other: multi-similarity and circle.

Both ask whether a pair is selected, not how often. A selection of a single pair counts like any other;
pytorch-metric-learning (PML) 2.9.0 gives 0 when no side of a selection has more than one entry.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lfw_jax.metric.pairs import Pairs, similarities
from lfw_jax.metric.selection import PairWeights, checked_weights, masked_logsumexp, safe_divide


def multi_similarity(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
) -> Float[Array, ""]:
    """Multi-similarity loss (Wang et al. 2019, arXiv:1904.06627, equation 15).

    Of each anchor `log(1 + Σ exp(−alpha·(s − base))) / alpha` over its positives plus
    `log(1 + Σ exp(beta·(s − base))) / beta` over its negatives, averaged over all anchors, those without a selected pair
    (which cost nothing) among them.

    Args:
      pairs: what `compare` returned: of unit vectors, or of metric "dot", whose inner products then stand for the cosines.
      weights: which pairs count (above 0); None is every pair.
      alpha: how sharply far positives are preferred.
      beta: how sharply near negatives are preferred.
      base: the cosine at which a pair begins to matter.

    Raises:
      ValueError: alpha or beta not above 0, distances of embeddings that were not normalised, or weights of other pairs.

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
    return jnp.mean(near + far)


def circle(
    pairs: Pairs, weights: PairWeights | None = None, *, margin: float = 0.4, gamma: float = 80.0
) -> Float[Array, ""]:
    """Circle loss of pairs (Sun et al. 2020, arXiv:2002.10857, equation 6).

    Of each anchor `log(1 + Σ exp(γ·α_n·(s_n − margin)) · Σ exp(−γ·α_p·(s_p − 1 + margin)))`, where the paces
    `α_n = relu(s_n + margin)` and `α_p = relu(1 + margin − s_p)` carry no gradient. The mean is over the anchors with a
    selected positive and a selected negative. PML takes it over the losses above 0: in exact arithmetic these are the
    same, and here rounding decides nothing.

    Args:
      pairs: what `compare` returned, of unit vectors.
      weights: which pairs count (above 0); None is every pair.
      margin: how far from 1 (positives) and from 0 (negatives) a cosine may stay; the paper has 0.25 for faces.
      gamma: the scale; the paper has 256 for faces.

    Raises:
      ValueError: gamma not above 0, pairs that are not of cosines (not normalised, or of metric "dot"), or weights of
        other pairs.

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
    both = jnp.isfinite(near) & jnp.isfinite(far)
    losses = jax.nn.softplus(jnp.where(both, near + far, -jnp.inf))
    return safe_divide(jnp.sum(losses), jnp.sum(both, dtype=jnp.float32))


def selected(weights: Float[Array, "anchors references"]) -> Float[Array, "anchors references"]:
    """1 for a pair that counts, however often, and 0 for one that does not."""
    return (weights > 0).astype(jnp.float32)


def check_above_zero(loss: str, **options: float | Float[Array, ""]) -> None:
    """Raise, in words, unless every option is above 0. One that is traced, because it is learned, is not looked at."""
    for name, value in options.items():
        if isinstance(value, int | float) and not value > 0:
            raise ValueError(f"{name} of {loss} must be above 0, found {value}")
