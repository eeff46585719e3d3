"""Pairs on the wrong side of a bound: fixed, or set by the anchor's other pairs."""

import jax
import jax.numpy as jnp

from lfw_jax.metric.pairs import Pairs, similarities
from lfw_jax.metric.selection import PairWeights


def pair_margin(pairs: Pairs, *, pos_margin: float = 0.2, neg_margin: float = 0.8) -> PairWeights:
    """Positives farther than `pos_margin` and negatives nearer than `neg_margin`, as in pytorch-metric-learning.

    Args:
      pairs: what `compare` returned.
      pos_margin: in the unit of `pairs.distances`.
      neg_margin: likewise.

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
    """Pairs that are hard beside the anchor's hardest pair of the other side (Wang et al. 2019, arXiv:1904.06627, eq. 12-13).

    Negatives with `s + ε` above the least similar positive, positives with `s − ε` below the most similar negative. An
    anchor without one side gives no pair of the other.

    Args:
      pairs: what `compare` returned, of normalised embeddings.
      epsilon: slack, as a cosine.

    Raises:
      ValueError: distances that say nothing of cosines.

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
