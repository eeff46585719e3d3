"""Lifted structure loss, as published and generalised.

A selection of a single pair counts like any other; pytorch-metric-learning (PML) 2.9.0 returns 0 if no side of a
selection has more than one entry.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lfw_jax.metric.losses.similarity import selected
from lfw_jax.metric.pairs import Pairs
from lfw_jax.metric.selection import PairWeights, checked_weights, masked_logsumexp, nan_if_broken, safe_divide

# Replaces log 0 in logaddexp: the gradient of logaddexp(-inf, -inf) is NaN, with this value it is finite.
_NOTHING = -1e30


def lifted_structure(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    neg_margin: float = 1.0,
    pos_margin: float = 0.0,
) -> Float[Array, ""]:
    """Lifted structure loss.

    Source: Oh Song et al. 2016, "Deep Metric Learning via Lifted Structured Feature Embedding" (arXiv:1511.06452),
    equation 4.

    The loss of a positive pair is `relu(log Σ exp(neg_margin − d_n) + d_ap − pos_margin)² / 2`, with the sum over the
    negatives of both of its members. The mean is over the positive pairs. A pair with count 2 enters the mean or the
    sum twice, as an index listed twice does in PML.

    The negatives of the positive are in its own row, which exists only if a batch is compared with itself. With other
    references only the negatives of the anchor are used. PML then takes the index of the positive among the
    references for an index into the batch, and adds the negatives of an unrelated anchor.

    As in PML, the logarithm of the sum is 0 for a pair neither of whose members has a selected negative, and the loss
    is 0 if no negative at all is selected.

    Args:
      pairs: Result of `compare`; the default margins are meant for Euclidean distances.
      weights: Count of each pair, as a miner returns it; None counts every pair once.
      neg_margin: Distance beyond which a negative has little weight, in the unit of `pairs.distances`.
      pos_margin: Distance subtracted from that of each positive.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection.

    Raises:
      ValueError: If the shape of `weights` does not match `pairs`.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(lifted_structure(pairs)), 4)
      1.5896
    """
    weights = checked_weights(pairs, weights)
    negatives = masked_logsumexp(neg_margin - pairs.distances, weights.negative)
    some = negatives != -jnp.inf
    negatives = jnp.where(some, negatives, _NOTHING)
    if pairs.self_compared:
        of_pair = jnp.logaddexp(negatives[:, None], negatives[None])
        of_pair = jnp.where(some[:, None] | some[None], of_pair, 0.0)
    else:
        of_pair = jnp.where(some, negatives, 0.0)[:, None]
    losses = jax.nn.relu(of_pair + pairs.distances - pos_margin) ** 2 / 2
    total = jnp.where(jnp.any(some), jnp.sum(weights.positive * losses), 0.0)
    return nan_if_broken(safe_divide(total, jnp.sum(weights.positive)), pairs)


def generalized_lifted_structure(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    neg_margin: float = 1.0,
    pos_margin: float = 0.0,
) -> Float[Array, ""]:
    """Generalised lifted structure loss.

    Source: Hermans et al. 2017, "In Defense of the Triplet Loss for Person Re-Identification" (arXiv:1703.07737),
    section 2.

    The loss of an anchor is `relu(log Σ exp(d_p − pos_margin) + log Σ exp(neg_margin − d_n))` over its positives and
    its negatives. The mean is over all anchors. As in PML, the logarithm of an empty sum is 0: an anchor without a
    selected negative is still attracted to its positives, and one without a positive is repelled from its negatives.

    Args:
      pairs: Result of `compare`; the default margins are meant for Euclidean distances.
      weights: Selected pairs are those above 0; None selects every pair.
      neg_margin: Distance beyond which a negative has little weight, in the unit of `pairs.distances`.
      pos_margin: Distance subtracted from that of each positive.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection.

    Raises:
      ValueError: If the shape of `weights` does not match `pairs`.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(generalized_lifted_structure(pairs)), 4)
      1.0794
    """
    weights = checked_weights(pairs, weights)
    near = masked_logsumexp(pairs.distances - pos_margin, selected(weights.positive))
    far = masked_logsumexp(neg_margin - pairs.distances, selected(weights.negative))
    near, far = (jnp.where(side == -jnp.inf, 0.0, side) for side in (near, far))
    return nan_if_broken(jnp.mean(jax.nn.relu(near + far)), pairs)
