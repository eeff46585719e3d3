"""Proxy losses: prototypes stand for the embeddings of a class in pair and triplet losses."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.angles import ROUNDING
from lfw_jax.metric.heads.cosines import center_cosines, cross_entropy, find_targets, target_cosines
from lfw_jax.metric.heads.head_options import check_cosine, check_positive
from lfw_jax.metric.vectors import normalized, safe_sqrt


def proxy_anchor(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    margin: float = 0.1,
    alpha: float = 32.0,
) -> Float[Array, ""]:
    """Proxy-Anchor: each prototype attracts its class and repels all others.

    Source: Kim et al. 2020, "Proxy Anchor Loss for Deep Metric Learning" (arXiv:2003.13911), equation 4.

    With cosines s, the loss is the sum of two means. The first is the mean over the classes in the batch of `ln(1 + Σ
    exp(−alpha·(s − margin)))`, summed over the embeddings of the class. The second is the mean over all classes of
    `ln(1 + Σ exp(alpha·(s + margin)))`, summed over the embeddings of other classes.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      margin: Difference of cosines, in [0, 2). Positives are attracted until their cosine exceeds it, negatives
        repelled until theirs is below its negative.
      alpha: Factor of the cosines, positive. The larger it is, the more the hardest embeddings dominate.

    Returns:
      The loss, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `margin` is outside [0, 2), or `alpha` is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = proxy_anchor(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), margin=0.5, alpha=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp(−0.5)) for class 0, ln(1 + exp(0.5)) / 2 for class 1
      0.9611
    """
    check_cosine("Proxy-Anchor", margin=margin)
    check_positive("Proxy-Anchor", alpha=alpha)
    found, target, own = target_cosines(embeddings, labels, prototypes)
    pull = _log_one_plus_sum(jnp.where(target, alpha * (margin - found), -jnp.inf))
    push = _log_one_plus_sum(jnp.where(target, -jnp.inf, alpha * (found + margin)))
    # The term of a class without embeddings is ln(1) = 0; the class must not count in the mean.
    present = jnp.sum(target.any(axis=0))
    loss = jnp.sum(pull) / jnp.maximum(present, 1) + jnp.mean(push)
    return jnp.where(jnp.isnan(own).any(), jnp.nan, loss)


def soft_triple(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes centers dim"],
    *,
    la: float = 20.0,
    gamma: float = 0.1,
    margin: float = 0.01,
    tau: float = 0.0,
) -> Float[Array, ""]:
    """SoftTriple: softmax over classes with several centers each.

    Source: Qian et al. 2019, "SoftTriple Loss: Deep Metric Learning Without Triplet Sampling" (arXiv:1909.05235),
    section 3.

    The similarity to a class is the mean of the cosines with its centers, weighted by their softmax at temperature
    `gamma`.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: Several weight vectors (centers) per class, of any length; only their direction matters.
      la: Factor of the similarities (λ in the paper), positive.
      gamma: Temperature of the softmax over centers, positive; near 0 only the nearest center matters.
      margin: Subtracted from the similarity to the target class (δ in the paper), in [0, 2).
      tau: Weight of the paper's regulariser that merges centers of a class, at least 0: the mean over classes of
        `Σ_{s<t} √(2 − 2·cos(w_s, w_t)) / (centers·(centers − 1))`. With 0 it is omitted, as in
        pytorch-metric-learning.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `margin` is outside [0, 2), `la` or `gamma` is not
        positive, or `tau` is below 0.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> prototypes = jnp.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
      >>> loss = soft_triple(jnp.array([[2.0, 0.0]]), jnp.array([0]), prototypes, la=1.0, margin=0.5)
      >>> round(float(loss), 4)  # ln(1 + exp(−0.5))
      0.4741
    """
    check_positive("SoftTriple", la=la, gamma=gamma)
    check_cosine("SoftTriple", margin=margin)
    if not tau >= 0:
        raise ValueError(f"the tau of SoftTriple must be at least 0, found {tau}")
    found = center_cosines(embeddings, prototypes)
    similarity = jnp.sum(jax.nn.softmax(found / gamma, axis=2) * found, axis=2)
    target, own = find_targets(similarity, embeddings, labels)
    loss = cross_entropy(similarity, target, own - margin, la)
    return loss if tau == 0 else loss + tau * _spread(prototypes)


def _log_one_plus_sum(exponents: jax.Array) -> jax.Array:
    """Return `ln(1 + Σ exp)` over the batch; the row of zeros avoids a NaN gradient for columns of −inf."""
    return jax.nn.logsumexp(jnp.pad(exponents, ((1, 0), (0, 0))), axis=0)


def _spread(prototypes: jax.Array) -> jax.Array:
    """Return the regulariser of the distances between centers of a class; 0 for one center."""
    classes, centers, _ = prototypes.shape
    if centers == 1:
        return jnp.zeros(())
    unit = normalized(prototypes)
    products = jnp.einsum("csd,ctd->cst", unit, unit, precision=jax.lax.Precision.HIGHEST)
    squared = 2.0 - 2.0 * products
    distances = safe_sqrt(jnp.where(squared <= ROUNDING, 0.0, squared))
    return jnp.sum(jnp.triu(distances, 1)) / (classes * centers * (centers - 1))
