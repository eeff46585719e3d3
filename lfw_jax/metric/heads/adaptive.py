"""Margins that adapt: to the stage of training (CurricularFace), to the length of the embedding (MagFace, AdaFace).

A head with a state takes it as an argument and never changes it; `…_next_…` gives the state after a batch, without
gradient. The published training updates the state first and takes the loss with the new one.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.cosines import (
    angle,
    check_angle,
    check_positive,
    check_state,
    cross_entropy,
    lengths,
    target_cosines,
    turned,
    with_angular_margin,
)

# AdaFace's: lengths are kept within these, and the angle this far from 0 and π; it is also added to the deviation.
_SHORTEST, _LONGEST, _EPSILON = 1e-3, 100.0, 1e-3


def curricularface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    t: float | Float[Array, ""],
    margin: float = 0.5,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """CurricularFace: ArcFace that weighs hard negatives by the stage (Huang et al. 2020, arXiv:2004.00288, section 3.2).

    The target logit is ArcFace's. A negative is hard if its cosine is above `cos(θ + margin)` of the target (beyond
    `θ = π − margin` too, as in the authors' code); its logit is `(t + cos θ_j)·cos θ_j`. Early on, t is near 0 and hard
    negatives count less; later they count more. The published training updates t first:

        t = curricularface_next_t(embeddings, labels, prototypes, t)
        loss = curricularface(embeddings, labels, prototypes, t=t)

    Args:
      embeddings: of any length; only their direction counts.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      t: the running mean of the cosine with the own prototype; it gets no gradient.
      margin: in radians.
      scale: factor of the cosines.

    Raises:
      ValueError: shapes that do not fit, an empty batch, a t that is not one number, a margin outside [0, π), or a scale
        that is not positive.
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

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
    """The t of CurricularFace after this batch: `momentum·t + (1 − momentum)·mean(cos θ)` of the targets (equation 9).

    Args:
      embeddings: of any length; only their direction counts.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      t: that of the batch before; 0 at first.
      momentum: how much of the old value stays.

    Returns:
      The new t, without gradient; NaN if a label has no prototype.

    Raises:
      ValueError: shapes that do not fit, an empty batch, a t that is not one number, or a momentum outside [0, 1].
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> t = curricularface_next_t(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), 0.0)
      >>> round(float(t), 4)
      0.01
    """
    check_state("CurricularFace", t=t)
    _, _, own = target_cosines(embeddings, labels, prototypes)
    return _moved(t, jnp.mean(own), momentum)


def magface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    lower_norm: float = 10.0,
    upper_norm: float = 110.0,
    lower_margin: float = 0.45,
    upper_margin: float = 0.8,
    regularizer: float = 35.0,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """MagFace: ArcFace whose margin grows with the embedding's length (Meng et al. 2021, arXiv:2103.06627, section 3.2).

    With a the length, kept within [lower_norm, upper_norm], the margin rises linearly from lower_margin to upper_margin,
    and `regularizer·(a/upper_norm² + 1/a)` is added, which rewards length: what is easy to tell grows long, so that the
    length says how good the picture is. Beyond `θ = π − margin` the target logit is ArcFace's. (The authors' code has
    that rule too, but by default it takes the margin off wherever θ is above π/2, which the paper does not.)

    Args:
      embeddings: raw: to normalise them first would make every margin the lowest.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      lower_norm: length with the lowest margin; shorter ones count as this long, without gradient to their length.
      upper_norm: length with the highest margin; longer ones likewise.
      lower_margin: in radians.
      upper_margin: in radians.
      regularizer: λ_g of the paper.
      scale: factor of the cosines.

    Raises:
      ValueError: shapes that do not fit, an empty batch, bounds that are not `0 < lower_norm < upper_norm` and
        `0 ≤ lower_margin ≤ upper_margin < π`, a regularizer below 0, or a scale that is not positive.
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = magface(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), regularizer=0.0, scale=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp(−cos 0.45))
      0.341
    """
    check_positive("MagFace", lower_norm=lower_norm, upper_norm=upper_norm, scale=scale)
    check_angle("MagFace", lower_margin=lower_margin, upper_margin=upper_margin)
    if not lower_norm < upper_norm:
        raise ValueError(f"MagFace needs lower_norm < upper_norm, found {lower_norm} and {upper_norm}")
    if lower_margin > upper_margin:
        raise ValueError(f"MagFace needs lower_margin ≤ upper_margin, found {lower_margin} and {upper_margin}")
    if not 0 <= regularizer < math.inf:
        raise ValueError(f"the regularizer of MagFace is a weight of at least 0, found {regularizer}")
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    norms = jnp.clip(lengths(embeddings), lower_norm, upper_norm)
    margins = lower_margin + (upper_margin - lower_margin) / (upper_norm - lower_norm) * (norms - lower_norm)
    loss = cross_entropy(logits, target, with_angular_margin(own, margins), scale)
    return loss + regularizer * jnp.mean(norms / upper_norm**2 + 1.0 / norms)


def adaface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    norm_mean: float | Float[Array, ""],
    norm_std: float | Float[Array, ""],
    margin: float = 0.4,
    h: float = 0.333,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """AdaFace: by their length, hard or easy samples weigh more (Kim et al. 2022, arXiv:2204.00964, equations 16 to 19).

    The length, kept within [0.001, 100], is standardised to `z = clip(h·(length − norm_mean)/(norm_std + 0.001), −1, 1)`,
    without gradient. The target logit is `cos(θ − margin·z) − margin·(1 + z)`, its angle kept within [0.001, π − 0.001]:
    ArcFace for the shortest, CosFace for the mean, and for the longest a negative margin on the angle beside twice that of
    CosFace. The authors' code also keeps every cosine within ±0.999; here none is clipped. The published training updates
    the statistics first:

        norm_mean, norm_std = adaface_next_statistics(embeddings, norm_mean, norm_std)
        loss = adaface(embeddings, labels, prototypes, norm_mean=norm_mean, norm_std=norm_std)

    Args:
      embeddings: raw: their length stands for the quality of the picture.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class, of any length.
      norm_mean: running mean of the lengths; it gets no gradient.
      norm_std: running standard deviation of the lengths; it gets no gradient.
      margin: in radians for the angle, and a difference of cosines.
      h: how far z spreads: a third puts about two thirds of the lengths within a third of the full adaptation.
      scale: factor of the cosines.

    Raises:
      ValueError: shapes that do not fit, an empty batch, statistics that are not one number each, a margin outside [0, 1],
        or an h or a scale that is not positive.
      TypeError: labels that are no integers, or embeddings or prototypes that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> embeddings, labels = jnp.array([[2.0, 0.0]]), jnp.array([0])
      >>> loss = adaface(embeddings, labels, jnp.eye(2), norm_mean=2.0, norm_std=1.0, scale=1.0)
      >>> round(float(loss), 4)  # a length like the mean: ln(1 + exp(0.4 − 1))
      0.4375
    """
    check_state("AdaFace", norm_mean=norm_mean, norm_std=norm_std)
    check_positive("AdaFace", h=h, scale=scale)
    if not 0 <= margin <= 1:
        raise ValueError(f"the margin of AdaFace, 0 ≤ margin ≤ 1, is at most doubled as a cosine; found {margin}")
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    mean, deviation = (jnp.asarray(statistic, jnp.float32) for statistic in (norm_mean, norm_std))
    quality = jnp.clip((_bounded_lengths(embeddings) - mean) / (deviation + _EPSILON) * h, -1.0, 1.0)
    quality = jax.lax.stop_gradient(quality)
    theta = jnp.clip(angle(own) - margin * quality, _EPSILON, math.pi - _EPSILON)
    return cross_entropy(logits, target, jnp.cos(theta) - margin * (1.0 + quality), scale)


def adaface_next_statistics(
    embeddings: Float[Array, "batch dim"],
    norm_mean: float | Float[Array, ""],
    norm_std: float | Float[Array, ""],
    *,
    momentum: float = 0.99,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Mean and standard deviation of AdaFace after this batch (Kim et al. 2022, arXiv:2204.00964, equation 17).

    Args:
      embeddings: raw.
      norm_mean: that of the batch before; the authors begin with 20.
      norm_std: that of the batch before; the authors begin with 100.
      momentum: how much of the old values stays (one less the `t_alpha` of the authors' code).

    Returns:
      The new mean and the new standard deviation, without gradient. The deviation of a batch is the unbiased one; a batch
      of one has none, and leaves the old one as it was.

    Raises:
      ValueError: embeddings that are no [batch, dim], an empty batch, statistics that are not one number each, or a
        momentum outside [0, 1].
      TypeError: embeddings that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> mean, deviation = adaface_next_statistics(jnp.array([[3.0, 4.0], [0.0, 7.0]]), 20.0, 100.0)
      >>> round(float(mean), 4), round(float(deviation), 4)
      (19.86, 99.0141)
    """
    if embeddings.ndim != 2 or not len(embeddings):
        raise ValueError(f"expected embeddings [batch, dim] with at least one of them, found shape {embeddings.shape}")
    if not jnp.issubdtype(embeddings.dtype, jnp.floating):
        raise TypeError(f"embeddings must be floating-point numbers, found {embeddings.dtype}")
    check_state("AdaFace", norm_mean=norm_mean, norm_std=norm_std)
    norms = _bounded_lengths(embeddings)
    deviation = jnp.std(norms, ddof=1) if len(norms) > 1 else jnp.asarray(norm_std, jnp.float32)
    return _moved(norm_mean, jnp.mean(norms), momentum), _moved(norm_std, deviation, momentum)


def _bounded_lengths(embeddings: jax.Array) -> jax.Array:
    return jnp.clip(lengths(embeddings), _SHORTEST, _LONGEST)


def _moved(old: float | jax.Array, new: jax.Array, momentum: float) -> jax.Array:
    """An exponential moving average, without gradient."""
    if not 0 <= momentum <= 1:
        raise ValueError(f"the momentum is how much of the old value stays, 0 ≤ momentum ≤ 1; found {momentum}")
    return jax.lax.stop_gradient(momentum * jnp.asarray(old, jnp.float32) + (1.0 - momentum) * new)
