"""Heads with a fixed margin on the target's angle or cosine."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.angles import angle, drop, with_angular_margin
from lfw_jax.metric.heads.cosines import center_cosines, cross_entropy, find_targets, target_cosines
from lfw_jax.metric.heads.head_options import check_angle, check_cosine, check_positive


def cosface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    margin: float = 0.35,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """CosFace: the target logit is `cos θ − margin`.

    Source: Wang et al. 2018, "CosFace" (arXiv:1801.09414), equation 4.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      margin: Difference of cosines, in [0, 2).
      scale: Factor of the cosines, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `margin` is outside [0, 2), or `scale` is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = cosface(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), margin=0.5, scale=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp(−0.5))
      0.4741
    """
    check_cosine("CosFace", margin=margin)
    check_positive("CosFace", scale=scale)
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    return cross_entropy(logits, target, own - margin, scale)


def arcface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    margin: float = 0.5,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """ArcFace: the target logit is `cos(θ + margin)`.

    Source: Deng et al. 2019, "ArcFace" (arXiv:1801.07698), equation 3.

    Beyond `θ = π − margin`, where `cos(θ + margin)` would rise again, the target logit is `cos θ −
    margin·sin(margin)`, as in the authors' code and in pytorch-metric-learning. The values agree with theirs; the
    gradient at cos = ±1 is NaN there and finite here.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      margin: Angular margin in radians, in [0, π).
      scale: Factor of the cosines, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `margin` is outside [0, π), or `scale` is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> embeddings, labels, prototypes = jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2)
      >>> loss, gradient = jax.value_and_grad(arcface)(embeddings, labels, prototypes, margin=0.5, scale=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp(−cos 0.5))
      0.3477
      >>> gradient.shape
      (1, 2)
    """
    check_angle("ArcFace", margin=margin)
    check_positive("ArcFace", scale=scale)
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    return cross_entropy(logits, target, with_angular_margin(own, margin), scale)


def combined_margin(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    m1: float = 1.0,
    m2: float = 0.5,
    m3: float = 0.0,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """Combined margin: the target logit is `cos(m1·θ + m2) − m3`.

    Source: Deng et al. 2019, "ArcFace" (arXiv:1801.07698), equation 4. It combines the margins of SphereFace, ArcFace
    and CosFace.

    The paper does not define the logit beyond `θ* = (π − m2)/m1`, where this would rise again. Here it is `cos θ −
    u·sin u − m3` with `u = π − θ*`, the angle that the margins add at θ*; for `m1 = 1` this is ArcFace's rule. If u
    is above 2.33, `1 − cos u` replaces `u·sin u`, which would be too small to keep the logit from rising.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      m1: Factor of the angle, positive; the paper uses values from 0.9 to 1.35.
      m2: Added to the angle, in radians, in [0, π).
      m3: Subtracted from the cosine, in [0, 2).
      scale: Factor of the cosines, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `m1` or `scale` is not positive, `m2` is outside [0, π),
        or `m3` is outside [0, 2).
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> embeddings, labels, prototypes = jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2)
      >>> loss = combined_margin(embeddings, labels, prototypes, m1=0.9, m2=0.4, m3=0.15, scale=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp(0.15 − cos 0.4))
      0.3802
    """
    check_positive("the combined margin", m1=m1, scale=scale)
    check_angle("the combined margin", m2=m2)
    check_cosine("the combined margin", m3=m3)
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    changed = jnp.cos(m1 * angle(own) + m2)
    edge = (math.pi - m2) / m1
    if edge < math.pi:
        changed = jnp.where(own >= math.cos(edge), changed, own - drop(math.pi - edge))
    return cross_entropy(logits, target, changed - m3, scale)


def subcenter_arcface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes centers dim"],
    *,
    margin: float = 0.5,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """Sub-center ArcFace: ArcFace with the nearest of several centers per class.

    Source: Deng et al. 2020, "Sub-center ArcFace: Boosting Face Recognition by Large-Scale Noisy Web Faces" (ECCV),
    section 3.2. Mislabelled and unusual faces gather at centers of their own instead of pulling at the center of the
    clean faces.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: Several weight vectors (centers) per class, of any length; only their direction matters.
      margin: Angular margin in radians, in [0, π).
      scale: Factor of the cosines, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `margin` is outside [0, π), or `scale` is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> prototypes = jnp.array([[[1.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [0.0, -1.0]]])
      >>> loss = subcenter_arcface(jnp.array([[0.0, 2.0]]), jnp.array([0]), prototypes, margin=0.5, scale=1.0)
      >>> round(float(loss), 4)  # the embedding lies on the second center of class 0: ln(1 + exp(−cos 0.5))
      0.3477
    """
    check_angle("sub-center ArcFace", margin=margin)
    check_positive("sub-center ArcFace", scale=scale)
    logits = jnp.max(center_cosines(embeddings, prototypes), axis=2)
    target, own = find_targets(logits, embeddings, labels)
    return cross_entropy(logits, target, with_angular_margin(own, margin), scale)
