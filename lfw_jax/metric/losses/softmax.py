"""Losses that are a softmax over the references of an anchor: NT-Xent, supervised contrastive and N-pairs.

No pair meets a pair here: every array is anchors × references. A selection of a single pair counts like any other;
pytorch-metric-learning (PML) 2.9.0 gives 0 when no side of a selection has more than one entry.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.losses.similarity import check_above_zero, selected
from lfw_jax.metric.pairs import Pairs, similarities
from lfw_jax.metric.selection import PairWeights, checked_weights, masked_logsumexp, safe_divide


def ntxent(
    pairs: Pairs, weights: PairWeights | None = None, *, temperature: float | Float[Array, ""] = 0.07
) -> Float[Array, ""]:
    """NT-Xent, the normalised temperature-scaled cross-entropy (Chen et al. 2020, arXiv:2002.05709, equation 1).

    It is InfoNCE (van den Oord et al. 2018, arXiv:1807.03748, equation 4) of cosines. Of each positive pair
    `−log(exp(s_ap/t) / (exp(s_ap/t) + Σ exp(s_an/t)))` over the negatives of its anchor, averaged over the positive
    pairs. A pair that counts twice stands twice in the mean or in the sum, as an index listed twice does in PML; a
    positive whose anchor has no selected negative costs 0, but is averaged over.

    PML adds the smallest number of its type inside the logarithm, so a hopeless pair costs 87 in float32 and has no
    gradient; here it costs what it should.

    Args:
      pairs: what `compare` returned: of unit vectors, or of metric "dot".
      weights: how often each pair counts; None is every pair once.
      temperature: what similarities are divided by; it may be learned.

    Raises:
      ValueError: a temperature not above 0, distances of embeddings that were not normalised, or weights of other pairs.

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
    return safe_divide(jnp.sum(weights.positive * losses), jnp.sum(weights.positive))


def supcon(
    pairs: Pairs, weights: PairWeights | None = None, *, temperature: float | Float[Array, ""] = 0.1
) -> Float[Array, ""]:
    """Supervised contrastive loss (Khosla et al. 2020, arXiv:2004.11362, equation 2).

    Of each anchor the mean over its positives of `−log(exp(s_ap/t) / Σ exp(s/t))`, the sum over all its selected pairs,
    positive and negative.

    The mean is over the anchors with a selected positive and at least one more selected pair. PML takes it over the
    losses above 0: in exact arithmetic these are the same, but there an anchor well apart from its negatives drops out of
    the mean as soon as its loss rounds to 0, and so the others weigh more. As in PML, the loss is 0 where no negative at
    all is selected.

    Args:
      pairs: what `compare` returned: of unit vectors, or of metric "dot".
      weights: which pairs count (above 0); None is every pair.
      temperature: what similarities are divided by; it may be learned.

    Raises:
      ValueError: a temperature not above 0, distances of embeddings that were not normalised, or weights of other pairs.

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
    return safe_divide(jnp.sum(jnp.where(counted, losses, 0.0)), jnp.sum(counted, dtype=jnp.float32))


def n_pairs(pairs: Pairs, weights: PairWeights | None = None) -> Float[Array, ""]:
    """Multi-class N-pair loss (Sohn 2016, "Improved deep metric learning with multi-class N-pair loss objective", §3.2).

    Each class gives one pair: its first selected positive pair, row by row. The loss is the mean over these pairs of
    `−log(exp(s_ii) / Σ_j exp(s_ij))`, where `s_ij` is the similarity of the i-th anchor with the j-th positive.

    The paper takes inner products of embeddings as they are and penalises their length: give pairs of
    `compare(..., metric="dot", normalize=False)` and add the penalty. PML's default are inner products of unit vectors,
    which are cosines; it takes the first pair as a miner listed them (which for some miners is not row by row), and
    refuses references other than the batch, which work here.

    Args:
      pairs: what `compare` returned: of unit vectors, or of metric "dot".
      weights: which positive pairs count (above 0), the negatives are those of other chosen pairs; None is every pair.

    Raises:
      ValueError: distances of embeddings that were not normalised, or weights of other pairs.

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
    # Two classes have no reference in common, so a column belongs to one chosen pair at most.
    columns = jnp.zeros(logits.shape[1]).at[chosen].max(anchors.astype(jnp.float32))
    total = masked_logsumexp(logits, jnp.broadcast_to(columns, logits.shape))
    own = jnp.take_along_axis(logits, chosen[:, None], axis=1)[:, 0]
    losses = jnp.where(anchors, jnp.where(anchors, total, 0.0) - own, 0.0)
    return safe_divide(jnp.sum(losses), jnp.sum(anchors, dtype=jnp.float32))


def _first_of_each_class(labels: Int[Array, "anchors"], candidates: Bool[Array, "anchors"]) -> Bool[Array, "anchors"]:
    """The first candidate of each class. Sorting by class keeps this O(a log a), without an array of anchors squared."""
    order = jnp.lexsort((~candidates, labels))
    ordered = labels[order]
    first = jnp.concatenate([jnp.ones(1, bool), ordered[1:] != ordered[:-1]])
    return jnp.zeros_like(candidates).at[order].set(first) & candidates
