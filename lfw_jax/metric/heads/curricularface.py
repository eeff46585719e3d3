"""CurricularFace: a margin head that adapts to the stage of training."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.angles import turned, with_angular_margin
from lfw_jax.metric.heads.cosines import cross_entropy, moved, target_cosines
from lfw_jax.metric.heads.head_options import check_angle, check_positive, check_state


def curricularface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    t: float | Float[Array, ""],
    margin: float = 0.5,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """CurricularFace: ArcFace that weights hard negatives by the stage of training.

    Source: Huang et al. 2020, "CurricularFace" (arXiv:2004.00288), section 3.2.

    The target logit is that of ArcFace. A negative is hard if its cosine is above `cos(θ + margin)` of the target
    (also beyond `θ = π − margin`, as in the authors' code); its logit is `(t + cos θ_j)·cos θ_j`. Early in training t
    is near 0 and hard negatives have little weight; later their weight grows. The published training updates t first:

        t = curricularface_next_t(embeddings, labels, prototypes, t)
        loss = curricularface(embeddings, labels, prototypes, t=t)

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      t: Running mean of the cosine between embeddings and their own prototypes, without gradient.
      margin: Angular margin in radians, in [0, π).
      scale: Factor of the cosines, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `t` is not one number, `margin` is outside [0, π), or
        `scale` is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> embeddings, prototypes = jnp.array([[0.0, 2.0]]), jnp.eye(2)
      >>> loss = curricularface(embeddings, jnp.array([0]), prototypes, t=0.2, margin=0.5, scale=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp((0.2 + 1)·1 + sin 0.5))
      1.8504
    """
    check_state("CurricularFace", t=t)
    check_angle("CurricularFace", margin=margin)
    check_positive("CurricularFace", scale=scale)
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    t = jax.lax.stop_gradient(jnp.asarray(t, jnp.float32))
    hard = logits > turned(own, margin)[:, None]
    weighted = jnp.where(hard, (t + logits) * logits, logits)
    return cross_entropy(weighted, target, with_angular_margin(own, margin), scale)


def curricularface_next_t(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    t: float | Float[Array, ""],
    *,
    momentum: float = 0.99,
) -> Float[Array, ""]:
    """Return the t of CurricularFace after this batch.

    Source: Huang et al. 2020, "CurricularFace" (arXiv:2004.00288), equation 9:
    `momentum·t + (1 − momentum)·mean(cos θ)` over the target cosines of the batch.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      t: Value after the previous batch; 0 for the first batch.
      momentum: Weight of the previous value, in [0, 1].

    Returns:
      The new t, a float32 scalar without gradient; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `t` is not one number, or `momentum` is outside [0, 1].
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> t = curricularface_next_t(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), 0.0)
      >>> round(float(t), 4)
      0.01
    """
    check_state("CurricularFace", t=t)
    _, _, own = target_cosines(embeddings, labels, prototypes)
    return moved(t, jnp.mean(own), momentum)
