"""Softmax losses over the references of an anchor: NT-Xent, supervised contrastive and N-pairs.

Every array is anchors × references; no array of pairs × pairs is made. A selection of a single pair counts like any
other; pytorch-metric-learning (PML) 2.9.0 returns 0 if no side of a selection has more than one entry.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.losses.similarity import check_above_zero, selected
from lfw_jax.metric.pairs import Pairs, similarities
from lfw_jax.metric.selection import PairWeights, checked_weights, masked_logsumexp, nan_if_broken, safe_divide


def ntxent(
    pairs: Pairs, weights: PairWeights | None = None, *, temperature: float | Float[Array, ""] = 0.07
) -> Float[Array, ""]:
    """NT-Xent: the normalised temperature-scaled cross-entropy loss.

    Source: Chen et al. 2020, "A Simple Framework for Contrastive Learning" (SimCLR, arXiv:2002.05709), equation 1.
    With cosines it is InfoNCE (van den Oord et al. 2018, arXiv:1807.03748, equation 4).

    The loss of a positive pair is `−log(exp(s_ap/t) / (exp(s_ap/t) + Σ exp(s_an/t)))` over the negatives of its
    anchor. The mean is over the positive pairs. A pair with count 2 enters the mean or the sum twice, as an index
    listed twice does in PML. A positive whose anchor has no selected negative costs 0 and is included in the mean.

    PML adds the smallest number of its floating-point type inside the logarithm, so its loss of a hopeless pair is
    capped at 87 in float32, without gradient; here it is not capped.

    Args:
      pairs: Result of `compare` with unit vectors, or with metric "dot".
      weights: Count of each pair, as a miner returns it; None counts every pair once.
      temperature: Divisor t of the similarities, positive. It may be learned.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection.

    Raises:
      ValueError: If `temperature` is not positive, the distances are of embeddings that were not normalised, or the
        shape of `weights` does not match `pairs`.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(ntxent(pairs)), 4)
      1.2192
    """
    check_above_zero("ntxent", temperature=temperature)
    weights = checked_weights(pairs, weights)
    logits = similarities(pairs, of="ntxent") / temperature
    against = masked_logsumexp(logits, weights.negative)
    losses = jax.nn.softplus(against[:, None] - logits)
    loss = safe_divide(jnp.sum(weights.positive * losses), jnp.sum(weights.positive))
    return nan_if_broken(loss, pairs, jnp.asarray(temperature))


def supcon(
    pairs: Pairs, weights: PairWeights | None = None, *, temperature: float | Float[Array, ""] = 0.1
) -> Float[Array, ""]:
    """Supervised contrastive loss.

    Source: Khosla et al. 2020, "Supervised Contrastive Learning" (arXiv:2004.11362), equation 2.

    The loss of an anchor is the mean over its positives of `−log(exp(s_ap/t) / Σ exp(s/t))`, with the sum over all
    its selected pairs, positive and negative.

    The mean is over the anchors with a selected positive and at least one more selected pair. PML averages over the
    losses above 0, which is the same in exact arithmetic. With rounding, however, an anchor far from its negatives
    leaves PML's mean as soon as its loss rounds to 0, which raises the weight of the others. As in PML, the loss is 0
    if no negative at all is selected.

    Args:
      pairs: Result of `compare` with unit vectors, or with metric "dot".
      weights: Selected pairs are those above 0; None selects every pair.
      temperature: Divisor t of the similarities, positive. It may be learned.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection.

    Raises:
      ValueError: If `temperature` is not positive, the distances are of embeddings that were not normalised, or the
        shape of `weights` does not match `pairs`.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(supcon(pairs)), 4)
      0.9554
    """
    check_above_zero("supcon", temperature=temperature)
    weights = checked_weights(pairs, weights)
    positive, negative = selected(weights.positive), selected(weights.negative)
    positives = jnp.sum(positive, axis=1)
    counted = (positives > 0) & (positives + jnp.sum(negative, axis=1) > 1) & jnp.any(negative > 0)
    logits = similarities(pairs, of="supcon") / temperature
    total = masked_logsumexp(logits, positive + negative)
    below = jnp.where(counted, total, 0.0)[:, None] - logits
    losses = jnp.sum(positive * below, axis=1) / jnp.maximum(positives, 1.0)
    loss = safe_divide(jnp.sum(jnp.where(counted, losses, 0.0)), jnp.sum(counted, dtype=jnp.float32))
    return nan_if_broken(loss, pairs, jnp.asarray(temperature))


def n_pairs(pairs: Pairs, weights: PairWeights | None = None) -> Float[Array, ""]:
    """Multi-class N-pair loss.

    Source: Sohn 2016, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective" (NeurIPS), section 3.2.

    Each class contributes one pair: its first selected positive pair in row order. The loss is the mean over these
    pairs of `−log(exp(s_ii) / Σ_j exp(s_ij))`, where `s_ij` is the similarity of the i-th anchor and the j-th
    positive.

    The paper uses inner products of raw embeddings and penalises their norm: pass `compare(..., metric="dot",
    normalize=False)` and add the penalty. The default of pytorch-metric-learning is inner products of unit vectors,
    which are cosines. It takes the first pair in the order of the miner (for some miners this is not row order), and
    rejects references other than the batch, which are supported here.

    Args:
      pairs: Result of `compare` with unit vectors, or with metric "dot".
      weights: Selected positive pairs are those above 0; None selects every pair. Negatives are the positives of the
        other classes' pairs, so `weights.negative` has no effect.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection.

    Raises:
      ValueError: If the distances are of embeddings that were not normalised, or the shape of `weights` does not
        match `pairs`.

    Example:
      >>> from lfw_jax.metric import compare
      >>> embeddings = jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
      >>> round(float(n_pairs(compare(embeddings, jnp.array([0, 0, 1, 1])))), 4)
      0.5737
    """
    weights = checked_weights(pairs, weights)
    logits = similarities(pairs, of="n_pairs")
    positive = weights.positive > 0
    anchors = _first_of_each_class(pairs.labels, positive.any(axis=1))
    chosen = jnp.argmax(positive, axis=1)
    # Positives of different classes are different references, so a column belongs to at most one chosen pair.
    columns = jnp.zeros(logits.shape[1]).at[chosen].max(anchors.astype(jnp.float32))
    total = masked_logsumexp(logits, jnp.broadcast_to(columns, logits.shape))
    own = jnp.take_along_axis(logits, chosen[:, None], axis=1)[:, 0]
    losses = jnp.where(anchors, jnp.where(anchors, total, 0.0) - own, 0.0)
    return nan_if_broken(safe_divide(jnp.sum(losses), jnp.sum(anchors, dtype=jnp.float32)), pairs)


def _first_of_each_class(labels: Int[Array, "anchors"], candidates: Bool[Array, "anchors"]) -> Bool[Array, "anchors"]:
    """Return the mask of the first candidate of each class.

    Sorting by class costs O(a log a), without an array of anchors × anchors.
    """
    order = jnp.lexsort((~candidates, labels))
    ordered = labels[order]
    first = jnp.concatenate([jnp.ones(1, bool), ordered[1:] != ordered[:-1]])
    return jnp.zeros_like(candidates).at[order].set(first) & candidates
