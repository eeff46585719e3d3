"""Proxies: prototypes that stand for the classes' embeddings in losses of pairs and triplets."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.cosines import (
    ROUNDING,
    center_cosines,
    check_cosine,
    check_positive,
    cross_entropy,
    find_targets,
    target_cosines,
)
from lfw_jax.metric.pairs import normalized, safe_sqrt


def proxy_anchor(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    margin: float = 0.1,
    alpha: float = 32.0,
) -> Float[Array, ""]:
    """Proxy-Anchor: each prototype pulls its class and pushes the rest (Kim et al. 2020, arXiv:2003.13911, equation 4).

    `ln(1 + Σ exp(−alpha·(s − margin)))` over the embeddings of a class, its mean over the classes in the batch, plus
    `ln(1 + Σ exp(alpha·(s + margin)))` over those of other classes, its mean over all classes; s is the cosine.

    Args:
      embeddings: of any length; only their direction counts.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      margin: a cosine: positives are pulled above it, negatives pushed below its opposite.
      alpha: factor of the cosines; the higher, the more the hardest embeddings count.

    Raises:
      ValueError: shapes that do not fit, an empty batch, a margin outside [0, 2), or an alpha that is not positive.
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

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
    # A class without embeddings pulls nothing: its term is ln(1) = 0, and it must not count in the mean.
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
    """SoftTriple: softmax over classes of several centers each (Qian et al. 2019, arXiv:1909.05235, section 3).

    The similarity to a class is the mean of the cosines with its centers, weighted by their softmax at temperature gamma.

    Args:
      embeddings: of any length; only their direction counts.
      labels: the class of each embedding, from 0.
      prototypes: several directions a class, of any length.
      la: λ of the paper, factor of the similarities.
      gamma: temperature of the choice among centers; towards 0 the nearest one alone counts.
      margin: δ of the paper, taken off the similarity to the own class.
      tau: weight of the paper's term that merges centers of a class, the mean over classes of
        `Σ_{s<t} √(2 − 2·cos(w_s, w_t)) / (centers·(centers − 1))`; 0 leaves it out, as pytorch-metric-learning does.

    Raises:
      ValueError: shapes that do not fit, an empty batch, a margin outside [0, 2), a la or gamma that is not positive, or
        a tau below 0.
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

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
        raise ValueError(f"the tau of SoftTriple is a weight of at least 0, found {tau}")
    found = center_cosines(embeddings, prototypes)
    similarity = jnp.sum(jax.nn.softmax(found / gamma, axis=2) * found, axis=2)
    target, own = find_targets(similarity, embeddings, labels)
    loss = cross_entropy(similarity, target, own - margin, la)
    return loss if tau == 0 else loss + tau * _spread(prototypes)


def _log_one_plus_sum(exponents: jax.Array) -> jax.Array:
    """`ln(1 + Σ exp)` over the batch; the 1 as a row of zeros keeps a column of −inf from a NaN gradient."""
    return jax.nn.logsumexp(jnp.pad(exponents, ((1, 0), (0, 0))), axis=0)


def _spread(prototypes: jax.Array) -> jax.Array:
    """How far apart the centers of a class are; 0 for one center."""
    classes, centers, _ = prototypes.shape
    if centers == 1:
        return jnp.zeros(())
    unit = normalized(prototypes)
    products = jnp.einsum("csd,ctd->cst", unit, unit, precision=jax.lax.Precision.HIGHEST)
    squared = 2.0 - 2.0 * products
    distances = safe_sqrt(jnp.where(squared > ROUNDING, squared, 0.0))
    return jnp.sum(jnp.triu(distances, 1)) / (classes * centers * (centers - 1))
