"""Classification heads on the unit sphere: embeddings × prototypes → scalar.

Every head normalises embeddings and prototypes, changes the logit of each embedding's own class by a margin, scales, and
returns the mean softmax cross-entropy as a float32 scalar. Margins of angular heads are in radians. Inputs may be float32
or bfloat16; products and sums are taken in float32. No head calls `acos`, so value and gradient are finite everywhere,
cos = ±1 included; an all-zero embedding has cosine 0 to everything and gradient 0. A label without a prototype makes the
loss NaN: no shape can tell, and a wrong number would go unseen.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.pairs import check_labelled, normalized, root


def cosines(
    embeddings: Float[Array, "batch dim"], prototypes: Float[Array, "classes dim"]
) -> Float[Array, "batch classes"]:
    """The cosine of every embedding with every prototype, in [-1, 1] up to rounding.

    Raises:
      ValueError: shapes that do not fit.
      TypeError: embeddings or prototypes that are no floating-point numbers.
    """
    if embeddings.ndim != 2 or prototypes.ndim != 2 or embeddings.shape[1] != prototypes.shape[1]:
        raise ValueError(
            "expected embeddings [batch, dim] and prototypes [classes, dim] of one dim, found shapes "
            f"{embeddings.shape} and {prototypes.shape}"
        )
    # A scale of 64 multiplies the error of a product: TF32, the default for float32 on GPUs, would move a logit by 0.05.
    return jnp.matmul(normalized(embeddings), normalized(prototypes).T, precision=jax.lax.Precision.HIGHEST)


def softmax(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """Normalised softmax: no margin (Wang et al. 2017, NormFace, arXiv:1704.06369).

    Args:
      embeddings: raw or normalised.
      labels: the class of each embedding, from 0.
      prototypes: one direction a class.
      scale: factor of the cosines.

    Raises:
      ValueError: shapes that do not fit.
      TypeError: labels that are no integers, or embeddings that are no floating-point numbers.
    """
    logits, target, own = _logits(embeddings, labels, prototypes)
    return _cross_entropy(logits, target, own, scale)


def cosface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    margin: float = 0.35,
    scale: float = 64.0,
) -> Float[Array, ""]:
    """CosFace: the target logit is `cos θ − margin` (Wang et al. 2018, arXiv:1801.09414, equation 4).

    Args and errors as of `softmax`; `margin` is a cosine.
    """
    logits, target, own = _logits(embeddings, labels, prototypes)
    return _cross_entropy(logits, target, own - margin, scale)


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

    Args and errors as of `softmax`; `margin` is in radians, and one outside [0, π) is a ValueError.
    """
    if not 0 <= margin < math.pi:
        raise ValueError(f"the margin of ArcFace is in radians, 0 ≤ margin < π; found {margin}")
    logits, target, own = _logits(embeddings, labels, prototypes)
    # cos(θ + m) = cos θ cos m − sin θ sin m; `root` holds the slope of sin θ at 0 where it has none.
    turned = own * math.cos(margin) - root(1.0 - own**2) * math.sin(margin)
    changed = jnp.where(own >= -math.cos(margin), turned, own - margin * math.sin(margin))
    return _cross_entropy(logits, target, changed, scale)


def adacos_scale(num_classes: int) -> float:
    """The fixed scale of AdaCos, `√2·ln(C − 1)` (Zhang et al. 2019, arXiv:1905.00292, equation 12).

    Raises:
      ValueError: fewer than three classes, for which it is not positive.
    """
    if num_classes < 3:
        raise ValueError(f"the AdaCos scale needs at least 3 classes, found {num_classes}")
    return math.sqrt(2.0) * math.log(num_classes - 1)


def _logits(
    embeddings: jax.Array, labels: jax.Array, prototypes: jax.Array
) -> tuple[Float[Array, "batch classes"], Bool[Array, "batch classes"], Float[Array, "batch"]]:
    """Cosines, which of them is each row's own class, and that cosine."""
    found = cosines(embeddings, prototypes)
    check_labelled(embeddings, labels, "embeddings")
    # A comparison rather than a gather or a scatter: XLA fuses it into the pass over the logits, forwards and backwards.
    target = labels[:, None] == jnp.arange(prototypes.shape[0])[None]
    own = jnp.sum(jnp.where(target, found, 0.0), axis=1)
    return found, target, jnp.where(target.any(axis=1), own, jnp.nan)


def _cross_entropy(
    logits: Float[Array, "batch classes"],
    target: Bool[Array, "batch classes"],
    changed: Float[Array, "batch"],
    scale: float,
) -> Float[Array, ""]:
    """The mean cross-entropy after the targets' logits were changed and all were scaled."""
    scaled = scale * jnp.where(target, changed[:, None], logits)
    return jnp.mean(jax.nn.logsumexp(scaled, axis=1) - scale * changed)
