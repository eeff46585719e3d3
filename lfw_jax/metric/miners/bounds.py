"""Pairs that violate a bound: a fixed one, or one set by the other pairs of the anchor."""

import jax
import jax.numpy as jnp

from lfw_jax.metric.pairs import Pairs, similarities
from lfw_jax.metric.selection import PairWeights


def pair_margin(pairs: Pairs, *, pos_margin: float = 0.2, neg_margin: float = 0.8) -> PairWeights:
    """Select positives farther than `pos_margin` and negatives nearer than `neg_margin`.

    It follows `PairMarginMiner` of pytorch-metric-learning.

    Args:
      pairs: Result of `compare`.
      pos_margin: Lower bound of selected positives, exclusive, in the unit of `pairs.distances`.
      neg_margin: Upper bound of selected negatives, exclusive, in the unit of `pairs.distances`.

    Returns:
      The selection, each pair with count 1.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[0.0], [1.0], [0.5], [3.0]]), jnp.array([0, 0, 1, 1]), normalize=False)
      >>> pair_margin(pairs).negative[0].tolist()
      [0.0, 0.0, 1.0, 0.0]
    """
    distances = jax.lax.stop_gradient(pairs.distances)
    return PairWeights(
        (pairs.positive & (distances > pos_margin)).astype(jnp.float32),
        (pairs.negative & (distances < neg_margin)).astype(jnp.float32),
    )


def multi_similarity(pairs: Pairs, *, epsilon: float = 0.1) -> PairWeights:
    """Select pairs that are hard relative to the hardest pair of the other kind of the same anchor.

    Source: Wang et al. 2019, "Multi-Similarity Loss with General Pair Weighting" (arXiv:1904.06627), equations 12 and
    13.

    Negatives are selected if `s + ε` is above the similarity of the least similar positive, positives if `s − ε` is
    below that of the most similar negative. An anchor without positives gives no negatives, and vice versa.

    Args:
      pairs: Result of `compare` with unit vectors, or with metric "dot".
      epsilon: Tolerance ε, a difference of cosines.

    Returns:
      The selection, each pair with count 1.

    Raises:
      ValueError: If the distances are of embeddings that were not normalised.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6], [-1.0, 0.1]]), jnp.array([0, 0, 1, 1]))
      >>> multi_similarity(pairs).negative[0].tolist()
      [0.0, 0.0, 1.0, 0.0]
    """
    similar = jax.lax.stop_gradient(similarities(pairs, of="the multi-similarity miner"))
    least_positive = jnp.min(jnp.where(pairs.positive, similar, jnp.inf), axis=1, keepdims=True)
    most_negative = jnp.max(jnp.where(pairs.negative, similar, -jnp.inf), axis=1, keepdims=True)
    return PairWeights(
        (pairs.positive & (similar - epsilon < most_negative)).astype(jnp.float32),
        (pairs.negative & (similar + epsilon > least_positive)).astype(jnp.float32),
    )
