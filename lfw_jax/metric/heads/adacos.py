"""AdaCos: a scale that follows from the number of classes, or from the batch."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.cosines import angle, check_positive, check_state, cross_entropy, target_cosines


def adacos_scale(num_classes: int) -> float:
    """The fixed scale of AdaCos, `√2·ln(C − 1)` (Zhang et al. 2019, arXiv:1905.00292, equation 12).

    Raises:
      ValueError: fewer than three classes, for which it is not positive.

    Example:
      >>> round(adacos_scale(5749), 3)  # the people of LFW
      12.242
    """
    if num_classes < 3:
        raise ValueError(f"the AdaCos scale needs at least 3 classes, found {num_classes}")
    return math.sqrt(2.0) * math.log(num_classes - 1)


def adacos(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    scale: float | Float[Array, ""] | None = None,
) -> Float[Array, ""]:
    """AdaCos: softmax of scaled cosines, no margin (Zhang et al. 2019, arXiv:1905.00292, section 4).

    The dynamic form carries its scale from batch to batch, from `adacos_scale` on. The published training updates the
    scale first and takes the loss with the new one:

        scale = adacos_next_scale(embeddings, labels, prototypes, scale)
        loss = adacos(embeddings, labels, prototypes, scale=scale)

    Args:
      embeddings: of any length; only their direction counts.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      scale: factor of the cosines; None is the fixed one for this number of classes. It gets no gradient.

    Raises:
      ValueError: shapes that do not fit, an empty batch, a scale that is not one positive number, or None with fewer than
        three classes.
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = adacos(jnp.array([[2.0, 0.0, 0.0]]), jnp.array([0]), jnp.eye(3))
      >>> round(float(loss), 4)  # ln(1 + 2·exp(−√2·ln 2))
      0.5599
    """
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    if scale is None:
        scale = adacos_scale(prototypes.shape[0])
    check_state("AdaCos", scale=scale)
    check_positive("AdaCos", scale=scale)
    return cross_entropy(logits, target, own, jax.lax.stop_gradient(scale))


def adacos_next_scale(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    scale: float | Float[Array, ""],
) -> Float[Array, ""]:
    """The scale of dynamic AdaCos after this batch (Zhang et al. 2019, arXiv:1905.00292, section 4.2).

    `ln(B) / cos(min(π/4, θ))` with B the mean over the batch of `Σ_{j≠y} exp(scale·cos θ_j)`, and θ the median angle
    between an embedding and its own prototype (of an even number the mean of the middle two). As in the paper nothing
    keeps it positive where B is below 1, which takes a handful of classes that all lie opposite the batch.

    Args:
      embeddings: of any length; only their direction counts.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      scale: that of the batch before; at first `adacos_scale` of the number of classes.

    Returns:
      The new scale, without gradient; NaN if a label has no prototype.

    Raises:
      ValueError: shapes that do not fit, an empty batch, fewer than three classes, or a scale that is not one positive
        number.
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> scale = adacos_next_scale(jnp.array([[2.0, 0.0, 0.0]]), jnp.array([0]), jnp.eye(3), adacos_scale(3))
      >>> round(float(scale), 4)  # ln(2·exp(0)) / cos(0)
      0.6931
    """
    if prototypes.shape[0] < 3:
        raise ValueError(f"the AdaCos scale needs at least 3 classes, found {prototypes.shape[0]}")
    check_state("AdaCos", scale=scale)
    check_positive("AdaCos", scale=scale)
    logits, target, own = jax.lax.stop_gradient(target_cosines(embeddings, labels, prototypes))
    # The logarithm of a sum of exponentials, at once: exp(scale·cos θ) itself overflows from a scale of 89 on.
    others = jnp.where(target, -jnp.inf, jax.lax.stop_gradient(jnp.asarray(scale, jnp.float32)) * logits)
    log_mean = jax.nn.logsumexp(others) - math.log(len(labels))
    return log_mean / jnp.cos(jnp.minimum(math.pi / 4, jnp.median(angle(own))))
