"""Heads with margins that adapt to the embedding norm: MagFace and AdaFace.

AdaFace takes its state as an argument and never changes it. `adaface_next_statistics` returns the state after a
batch, without gradient. The published training updates the state first and computes the loss with the new one.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.angles import angle, with_angular_margin
from lfw_jax.metric.heads.cosines import cross_entropy, lengths, moved, target_cosines
from lfw_jax.metric.heads.head_options import check_angle, check_positive, check_state

# AdaFace clips norms to [_SHORTEST, _LONGEST] and angles to [_EPSILON, π − _EPSILON]. It also adds _EPSILON to the
# standard deviation.
_SHORTEST, _LONGEST, _EPSILON = 1e-3, 100.0, 1e-3


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
    """MagFace: ArcFace with a margin that grows with the norm of the embedding.

    Source: Meng et al. 2021, "MagFace" (arXiv:2103.06627), section 3.2.

    Let a be the norm, clipped to [lower_norm, upper_norm]. The margin rises linearly from `lower_margin` to
    `upper_margin`, and the term `regularizer·(a/upper_norm² + 1/a)` rewards long embeddings. Embeddings of easy
    images grow long, so the norm becomes a measure of image quality. Beyond `θ = π − margin` the target logit is that
    of ArcFace. (The authors' code has this rule too, but by default it drops the margin wherever θ is above π/2,
    unlike the paper.)

    Args:
      embeddings: Raw embeddings. Normalising them first would give every sample the lowest margin.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      lower_norm: Norm with the lowest margin. Shorter embeddings count as this long, without gradient to their norm.
      upper_norm: Norm with the highest margin. Longer embeddings count as this long, without gradient to their norm.
      lower_margin: Lowest angular margin in radians.
      upper_margin: Highest angular margin in radians.
      regularizer: Weight of the term that rewards long embeddings (λ_g in the paper), at least 0.
      scale: Factor of the cosines, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `0 < lower_norm < upper_norm` or
        `0 ≤ lower_margin ≤ upper_margin < π` does not hold, `regularizer` is below 0, or `scale` is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

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
        raise ValueError(f"the regularizer of MagFace must be finite and at least 0, found {regularizer}")
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
    """AdaFace: margins that emphasise hard or easy samples depending on the embedding norm.

    Source: Kim et al. 2022, "AdaFace" (arXiv:2204.00964), equations 16 to 19.

    The norm, clipped to [0.001, 100], is standardised without gradient to `z = clip(h·(norm − norm_mean)/(norm_std +
    0.001), −1, 1)`. The target logit is `cos(θ − margin·z) − margin·(1 + z)`, with the angle clipped to [0.001, π −
    0.001]. This is ArcFace for the shortest embeddings (z = −1) and CosFace for the mean norm (z = 0). For the
    longest (z = 1) it is a negative angular margin and twice the additive margin of CosFace. The authors' code also
    clips every cosine to ±0.999; here none is clipped. The published training updates the statistics first:

        norm_mean, norm_std = adaface_next_statistics(embeddings, norm_mean, norm_std)
        loss = adaface(embeddings, labels, prototypes, norm_mean=norm_mean, norm_std=norm_std)

    Args:
      embeddings: Raw embeddings; their norm stands for the image quality.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      norm_mean: Running mean of the norms, without gradient.
      norm_std: Running standard deviation of the norms, without gradient.
      margin: Margin in [0, 1]: radians for the angle, and a difference of cosines.
      h: Spread of z, positive. With a third, about two thirds of the norms fall within a third of the full adaptation.
      scale: Factor of the cosines, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, a statistic is not one number, `margin` is outside [0,
        1], or `h` or `scale` is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> embeddings, labels = jnp.array([[2.0, 0.0]]), jnp.array([0])
      >>> loss = adaface(embeddings, labels, jnp.eye(2), norm_mean=2.0, norm_std=1.0, scale=1.0)
      >>> round(float(loss), 4)  # a norm equal to the mean: ln(1 + exp(0.4 − 1))
      0.4375
    """
    check_state("AdaFace", norm_mean=norm_mean, norm_std=norm_std)
    check_positive("AdaFace", h=h, scale=scale)
    if not 0 <= margin <= 1:
        raise ValueError(f"the margin of AdaFace must be in [0, 1], as it is doubled in the cosine; found {margin}")
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
    """Return the running mean and standard deviation of AdaFace after this batch.

    Source: Kim et al. 2022, "AdaFace" (arXiv:2204.00964), equation 17.

    Args:
      embeddings: Raw embeddings.
      norm_mean: Mean after the previous batch; the authors start at 20.
      norm_std: Standard deviation after the previous batch; the authors start at 100.
      momentum: Weight of the previous values, in [0, 1] (one minus `t_alpha` of the authors' code).

    Returns:
      The new mean and the new standard deviation, float32 scalars without gradient. The standard deviation of a batch
      is the unbiased one; a batch of one embedding has none and leaves the previous value unchanged.

    Raises:
      ValueError: If embeddings are not [batch, dim], the batch is empty, a statistic is not one number, or `momentum`
        is outside [0, 1].
      TypeError: If embeddings are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> mean, deviation = adaface_next_statistics(jnp.array([[3.0, 4.0], [0.0, 7.0]]), 20.0, 100.0)
      >>> round(float(mean), 4), round(float(deviation), 4)
      (19.86, 99.0141)
    """
    if embeddings.ndim != 2 or not len(embeddings):
        raise ValueError(f"expected embeddings [batch, dim] with at least one row, found shape {embeddings.shape}")
    if not jnp.issubdtype(embeddings.dtype, jnp.floating):
        raise TypeError(f"embeddings must be floating-point numbers, found {embeddings.dtype}")
    check_state("AdaFace", norm_mean=norm_mean, norm_std=norm_std)
    norms = _bounded_lengths(embeddings)
    deviation = jnp.std(norms, ddof=1) if len(norms) > 1 else jnp.asarray(norm_std, jnp.float32)
    return moved(norm_mean, jnp.mean(norms), momentum), moved(norm_std, deviation, momentum)


def _bounded_lengths(embeddings: jax.Array) -> jax.Array:
    return jnp.clip(lengths(embeddings), _SHORTEST, _LONGEST)
