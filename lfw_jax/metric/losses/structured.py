"""Losses that lift every distance of a batch into one: lifted structure, as published and generalised.

A selection of a single pair counts like any other; pytorch-metric-learning (PML) 2.9.0 gives 0 when no side of a selection
has more than one entry.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lfw_jax.metric.losses.similarity import selected
from lfw_jax.metric.pairs import Pairs
from lfw_jax.metric.selection import PairWeights, checked_weights, masked_logsumexp, safe_divide

# Stands for log 0 where two of them are added: the gradient of log(0 + 0) is NaN, and this far below it is 0.
_NOTHING = -1e30


def lifted_structure(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    neg_margin: float = 1.0,
    pos_margin: float = 0.0,
) -> Float[Array, ""]:
    """Lifted structure loss (Oh Song et al. 2016, arXiv:1511.06452, equation 4).

    Of each positive pair `relu(log Σ exp(neg_margin − d_n) + d_ap − pos_margin)² / 2`, the sum over the negatives of both
    its members, averaged over the positive pairs. A pair that counts twice stands twice in the mean or in the sum, as an
    index listed twice does in PML.

    The negatives of the positive stand in its own row, which only a batch compared with itself has. With other references
    the negatives of the anchor alone are known, and they alone are used. PML there takes the place of the positive among
    the references for a place in the batch, and so adds the negatives of an anchor that has nothing to do with the pair.

    As in PML, the sum's logarithm is 0 for a pair neither of whose members has a selected negative, and the loss is 0
    where no negative at all is selected.

    Args:
      pairs: what `compare` returned; the margins' defaults are meant for Euclidean distances.
      weights: how often each pair counts; None is every pair once.
      neg_margin: distance from which on a negative counts for little, in the unit of `pairs.distances`.
      pos_margin: distance that is taken off each positive.

    Raises:
      ValueError: weights of other pairs.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(lifted_structure(pairs)), 4)
      1.5896
    """
    weights = checked_weights(pairs, weights)
    negatives = masked_logsumexp(neg_margin - pairs.distances, weights.negative)
    some = jnp.isfinite(negatives)
    negatives = jnp.where(some, negatives, _NOTHING)
    if pairs.self_compared:
        of_pair = jnp.logaddexp(negatives[:, None], negatives[None])
        of_pair = jnp.where(some[:, None] | some[None], of_pair, 0.0)
    else:
        of_pair = jnp.where(some, negatives, 0.0)[:, None]
    losses = jax.nn.relu(of_pair + pairs.distances - pos_margin) ** 2 / 2
    total = jnp.where(jnp.any(some), jnp.sum(weights.positive * losses), 0.0)
    return safe_divide(total, jnp.sum(weights.positive))


def generalized_lifted_structure(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    neg_margin: float = 1.0,
    pos_margin: float = 0.0,
) -> Float[Array, ""]:
    """Generalised lifted structure loss (Hermans et al. 2017, arXiv:1703.07737, §2).

    Of each anchor `relu(log Σ exp(d_p − pos_margin) + log Σ exp(neg_margin − d_n))` over its positives and its negatives,
    averaged over all anchors. As in PML, the logarithm of a sum over nothing is 0: an anchor without a selected negative
    is still drawn to its positives, and one without a positive pushed from its negatives.

    Args:
      pairs: what `compare` returned; the margins' defaults are meant for Euclidean distances.
      weights: which pairs count (above 0); None is every pair.
      neg_margin: distance from which on a negative counts for little, in the unit of `pairs.distances`.
      pos_margin: distance that is taken off each positive.

    Raises:
      ValueError: weights of other pairs.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(generalized_lifted_structure(pairs)), 4)
      1.0794
    """
    weights = checked_weights(pairs, weights)
    near = masked_logsumexp(pairs.distances - pos_margin, selected(weights.positive))
    far = masked_logsumexp(neg_margin - pairs.distances, selected(weights.negative))
    near, far = (jnp.where(jnp.isfinite(side), side, 0.0) for side in (near, far))
    return jnp.mean(jax.nn.relu(near + far))
