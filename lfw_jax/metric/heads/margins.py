"""Softmax over classes, plain and on the unit sphere, and fixed margins on the target's angle or cosine."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.cosines import (
    angle,
    center_cosines,
    check_angle,
    check_cosine,
    check_positive,
    cross_entropy,
    drop,
    find_targets,
    inner_products,
    lengths,
    target_cosines,
    with_angular_margin,
)


def softmax(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    bias: Float[Array, "classes"] | None = None,
) -> Float[Array, ""]:
    """Plain softmax: the logits are inner products, nothing is normalised (arXiv:1801.07698, equation 1).

    Args:
      embeddings: raw; their length is how sure the prediction is.
      labels: the class of each embedding, from 0.
      prototypes: one weight vector a class.
      bias: added to each class's logit; None is no bias.

    Raises:
      ValueError: shapes that do not fit, or an empty batch.
      TypeError: labels that are no integers; embeddings, prototypes or bias that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = softmax(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2))
      >>> round(float(loss), 4)  # ln(1 + exp(−2))
      0.1269
    """
    logits = inner_products(embeddings, prototypes)
    if bias is not None:
        if bias.shape != prototypes.shape[:1]:
            raise ValueError(f"expected a bias for each of {prototypes.shape[0]} classes, found shape {bias.shape}")
        if not jnp.issubdtype(bias.dtype, jnp.floating):
            raise TypeError(f"the bias must be floating-point numbers, found {bias.dtype}")
        logits = logits + bias.astype(jnp.float32)[None]
    target, own = find_targets(logits, embeddings, labels)
    return cross_entropy(logits, target, own, 1.0)


def normalized_softmax(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    scale: float = 20.0,
) -> Float[Array, ""]:
    """Normalised softmax: scaled cosines and no margin (Wang et al. 2017, NormFace, arXiv:1704.06369).

    It is equation 2 of arXiv:1801.07698. One over the scale is the temperature of pytorch-metric-learning.

    Args:
      embeddings: of any length; only their direction counts.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      scale: factor of the cosines.

    Raises:
      ValueError: shapes that do not fit, an empty batch, or a scale that is not positive.
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = normalized_softmax(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), scale=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp(−1))
      0.3133
    """
    check_positive("the normalised softmax", scale=scale)
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    return cross_entropy(logits, target, own, scale)


def sphereface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    margin: int = 4,
    scale: float = 1.0,
) -> Float[Array, ""]:
    """SphereFace: the target's angle is multiplied (Liu et al. 2017, A-Softmax, arXiv:1704.08063, section 3.2).

    The target logit is `ψ(θ) = (−1)^k·cos(margin·θ) − 2k` with `k` the number of half turns in `margin·θ`, which makes
    it fall over all of [0, π]. All logits are multiplied by the embedding's length; there is no annealing with the plain
    softmax, as in pytorch-metric-learning. `cos(margin·θ)` is a polynomial of `cos θ`, smooth at cos = ±1.

    Args:
      embeddings: raw; their length multiplies the logits.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      margin: factor of the angle, a whole number from 1.
      scale: another factor of the logits.

    Raises:
      ValueError: a margin that is no whole number, and as of `normalized_softmax`.
      TypeError: as of `normalized_softmax`.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = sphereface(jnp.array([[2.0, 0.0]]), jnp.array([1]), jnp.eye(2), margin=2)
      >>> round(float(loss), 4)  # a right angle is doubled to a half turn: ln(1 + exp(2·1 − 2·(−1)))
      4.0181
    """
    if not float(margin).is_integer() or margin < 1:
        raise ValueError(f"the margin of SphereFace multiplies the angle and is a whole number from 1, found {margin}")
    check_positive("SphereFace", scale=scale)
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    # Chebyshev: cos((n + 1)θ) = 2·cos θ·cos(nθ) − cos((n − 1)θ).
    before, multiple = jnp.ones_like(own), own
    for _ in range(int(margin) - 1):
        before, multiple = multiple, 2.0 * own * multiple - before
    edges = [math.cos(half_turn * math.pi / margin) for half_turn in range(1, int(margin))]
    half_turns = sum((own < edge for edge in edges), start=jnp.zeros_like(own))
    changed = jnp.where(half_turns % 2 == 0, multiple, -multiple) - 2.0 * half_turns
    return cross_entropy(logits, target, changed, scale * lengths(embeddings))


def cosface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    margin: float = 0.35,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """CosFace: the target logit is `cos θ − margin` (Wang et al. 2018, arXiv:1801.09414, equation 4).

    Args and errors as of `normalized_softmax`; `margin` is a difference of cosines, and one outside [0, 2) is a
    ValueError.

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
    """ArcFace: the target logit is `cos(θ + margin)` (Deng et al. 2019, arXiv:1801.07698, equation 3).

    Beyond `θ = π − margin`, where that would rise again, it is `cos θ − margin·sin margin`, as in the authors' code and
    in pytorch-metric-learning; there the value is the same and the gradient at cos = ±1 is NaN, here it is finite.

    Args and errors as of `normalized_softmax`; `margin` is in radians, and one outside [0, π) is a ValueError.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = arcface(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), margin=0.5, scale=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp(−cos 0.5))
      0.3477
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
    """The margins of SphereFace, ArcFace and CosFace in one: the target logit is `cos(m1·θ + m2) − m3`.

    Deng et al. 2019, arXiv:1801.07698, equation 4. The paper does not say what holds beyond `θ* = (π − m2)/m1`, where
    that would rise again. Here it is `cos θ − u·sin u − m3` with `u = π − θ*`, the angle that the margins add at θ*: for
    `m1 = 1` that is ArcFace's rule. (Where u is above 2.33, `1 − cos u` replaces `u·sin u`, which is too little to keep
    the logit from rising.)

    Args:
      embeddings: of any length; only their direction counts.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      m1: factor of the angle; the paper has values from 0.9 to 1.35.
      m2: added to the angle, in radians.
      m3: taken off the cosine.
      scale: factor of the cosines.

    Raises:
      ValueError: a factor that is not positive, margins outside [0, π) and [0, 2), and as of `normalized_softmax`.
      TypeError: as of `normalized_softmax`.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = combined_margin(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), m1=0.9, m2=0.4, m3=0.15, scale=1.0)
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
    """Sub-center ArcFace: ArcFace with the nearest of several centers a class (Deng et al., ECCV 2020, section 3.2).

    Mislabelled and unusual faces gather at centers of their own instead of pulling at the one of the clean faces.

    Args and errors as of `arcface`, but for the prototypes: several directions a class.

    Example:
      >>> import jax.numpy as jnp
      >>> prototypes = jnp.array([[[1.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [0.0, -1.0]]])
      >>> loss = subcenter_arcface(jnp.array([[0.0, 2.0]]), jnp.array([0]), prototypes, margin=0.5, scale=1.0)
      >>> round(float(loss), 4)  # the second center of class 0 is met: ln(1 + exp(−cos 0.5))
      0.3477
    """
    check_angle("sub-center ArcFace", margin=margin)
    check_positive("sub-center ArcFace", scale=scale)
    logits = jnp.max(center_cosines(embeddings, prototypes), axis=2)
    target, own = find_targets(logits, embeddings, labels)
    return cross_entropy(logits, target, with_angular_margin(own, margin), scale)
