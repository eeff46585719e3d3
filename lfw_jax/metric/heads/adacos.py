"""AdaCos: softmax whose scale follows from the number of classes or from the batch."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.angles import angle
from lfw_jax.metric.heads.cosines import cross_entropy, target_cosines
from lfw_jax.metric.heads.head_options import check_positive, check_state


def adacos_scale(num_classes: int) -> float:
    """Return the fixed scale of AdaCos, `√2·ln(C − 1)`.

    Source: Zhang et al. 2019, "AdaCos: Adaptively Scaling Cosine Logits" (arXiv:1905.00292), equation 12.

    Args:
      num_classes: Number of classes C, at least 3.

    Returns:
      The scale, a positive number.

    Raises:
      ValueError: If there are fewer than three classes, for which the scale is not positive.

    Example:
      >>> round(adacos_scale(5749), 3)  # the identities of LFW
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
    """AdaCos: softmax of scaled cosines without a margin.

    Source: Zhang et al. 2019, "AdaCos: Adaptively Scaling Cosine Logits" (arXiv:1905.00292), section 4.

    The dynamic form carries its scale from batch to batch, starting at `adacos_scale`. The published training updates
    the scale first and computes the loss with the new one:

        scale = adacos_next_scale(embeddings, labels, prototypes, scale)
        loss = adacos(embeddings, labels, prototypes, scale=scale)

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      scale: Factor of the cosines, positive, without gradient. None selects the fixed scale of this number of classes.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `scale` is not one positive number, or it is None with
        fewer than three classes.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

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
    """Return the scale of dynamic AdaCos after this batch.

    Source: Zhang et al. 2019, "AdaCos: Adaptively Scaling Cosine Logits" (arXiv:1905.00292), section 4.2.

    The scale is `ln(B) / cos(min(π/4, θ))`. B is the mean over the batch of `Σ_{j≠y} exp(scale·cos θ_j)`; θ is the
    median angle between an embedding and its own prototype (the mean of the middle two for an even batch). As in the
    paper, nothing keeps the scale positive if B is below 1; this needs a handful of classes that all lie opposite the
    batch.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      scale: Scale after the previous batch; `adacos_scale(classes)` for the first batch.

    Returns:
      The new scale, a float32 scalar without gradient; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, there are fewer than three classes, or `scale` is not one
        positive number.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

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
    # logsumexp, because exp(scale·cos θ) overflows float32 from a scale of 89 on.
    others = jnp.where(target, -jnp.inf, jax.lax.stop_gradient(jnp.asarray(scale, jnp.float32)) * logits)
    log_mean = jax.nn.logsumexp(others) - math.log(len(labels))
    return log_mean / jnp.cos(jnp.minimum(math.pi / 4, jnp.median(angle(own))))
