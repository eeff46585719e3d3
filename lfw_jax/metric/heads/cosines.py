"""What every head shares: products with the prototypes, the target's logit and its margin, the cross-entropy."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.pairs import check_labelled, normalized, safe_sqrt

# A float32 cosine of unit vectors is off by up to five roundings (measured from 2 to 2048 dimensions), so `1 − cos²` and
# `2 − 2·cos` below this cannot be told from 0. They are taken as 0: an embedding on its prototype has exactly the angle 0,
# and the steep slope of the sine there multiplies no rounding error into the gradient. As an angle it is 0.08°.
ROUNDING = 2.0**-19


def inner_products(
    embeddings: Float[Array, "batch dim"], prototypes: Float[Array, "classes dim"]
) -> Float[Array, "batch classes"]:
    """The inner product of every embedding with every prototype, in float32.

    Raises:
      ValueError: shapes that do not fit.
      TypeError: embeddings or prototypes that are no floating-point numbers.
    """
    _check(embeddings, prototypes, ("classes", "dim"))
    return _products(embeddings.astype(jnp.float32), prototypes.astype(jnp.float32))


def cosines(
    embeddings: Float[Array, "batch dim"], prototypes: Float[Array, "classes dim"]
) -> Float[Array, "batch classes"]:
    """The cosine of every embedding with every prototype, in [-1, 1] up to rounding.

    Args:
      embeddings: of any length; one of zeros has cosine 0 to everything.
      prototypes: one direction a class, of any length.

    Raises:
      ValueError: shapes that do not fit.
      TypeError: embeddings or prototypes that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> cosines(jnp.array([[6.0, 0.0], [0.0, -2.0]]), jnp.array([[1.0, 0.0], [0.0, 2.0]])).tolist()
      [[1.0, 0.0], [0.0, -1.0]]
    """
    _check(embeddings, prototypes, ("classes", "dim"))
    return _products(normalized(embeddings), normalized(prototypes))


def center_cosines(
    embeddings: Float[Array, "batch dim"], prototypes: Float[Array, "classes centers dim"]
) -> Float[Array, "batch classes centers"]:
    """The cosine of every embedding with every center of every class; errors as of `cosines`."""
    _check(embeddings, prototypes, ("classes", "centers", "dim"))
    classes, centers, dim = prototypes.shape
    flat = _products(normalized(embeddings), normalized(prototypes).reshape(classes * centers, dim))
    return flat.reshape(-1, classes, centers)


def find_targets(
    logits: Float[Array, "batch classes"], embeddings: Float[Array, "batch dim"], labels: Int[Array, "batch"]
) -> tuple[Bool[Array, "batch classes"], Float[Array, "batch"]]:
    """Which logit is each row's own class, and that logit: NaN where the label has no prototype."""
    check_labelled(embeddings, labels, "embeddings")
    if not len(labels):
        raise ValueError("the mean loss of an empty batch is not defined; expected at least one embedding")
    # A comparison rather than a gather or a scatter: XLA fuses it into the pass over the logits, forwards and backwards.
    target = labels[:, None] == jnp.arange(logits.shape[1])[None]
    own = jnp.sum(jnp.where(target, logits, 0.0), axis=1)
    return target, jnp.where(target.any(axis=1), own, jnp.nan)


def target_cosines(
    embeddings: Float[Array, "batch dim"], labels: Int[Array, "batch"], prototypes: Float[Array, "classes dim"]
) -> tuple[Float[Array, "batch classes"], Bool[Array, "batch classes"], Float[Array, "batch"]]:
    """Cosines, which of them is each row's own class, and that cosine."""
    found = cosines(embeddings, prototypes)
    return found, *find_targets(found, embeddings, labels)


def cross_entropy(
    logits: Float[Array, "batch classes"],
    target: Bool[Array, "batch classes"],
    changed: Float[Array, "batch"],
    scale: float | Float[Array, ""] | Float[Array, "batch"],
) -> Float[Array, ""]:
    """The mean cross-entropy after the targets' logits were changed and all were scaled (by one factor, or one a row)."""
    scale = jnp.asarray(scale, jnp.float32)
    scaled = jnp.where(target, changed[:, None], logits) * (scale[:, None] if scale.ndim else scale)
    return jnp.mean(jax.nn.logsumexp(scaled, axis=1) - scale * changed)


def lengths(vectors: Float[Array, "*batch dim"]) -> Float[Array, "*batch"]:
    """Euclidean lengths in float32; that of a vector of zeros has gradient 0."""
    return safe_sqrt(jnp.sum(vectors.astype(jnp.float32) ** 2, axis=-1))


def sine(cosine: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The sine of an angle in [0, π] from its cosine, with gradient 0 at cos = ±1."""
    squared = (1.0 - cosine) * (1.0 + cosine)
    return safe_sqrt(jnp.where(squared > ROUNDING, squared, 0.0))


def angle(cosine: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The angle in [0, π] of a cosine: `acos` with gradient 0 at cos = ±1, where that of `acos` is infinite."""
    return jnp.arctan2(sine(cosine), cosine)


def turned(cosine: Float[Array, "*shape"], margin: float | Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`cos(θ + margin)` from `cos θ`, margin in radians."""
    return cosine * jnp.cos(margin) - sine(cosine) * jnp.sin(margin)


def with_angular_margin(
    cosine: Float[Array, "*shape"], margin: float | Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """`cos(θ + margin)` up to `θ = π − margin`, where it would rise again; `cos θ − drop(margin)` beyond."""
    return jnp.where(cosine >= -jnp.cos(margin), turned(cosine, margin), cosine - drop(margin))


def drop(margin: float | Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """What beyond `θ = π − margin` is taken off `cos θ`, so that the target logit never rises with the angle.

    It is ArcFace's `margin·sin(margin)`. Above a margin of 2.33 that were too little: the logit would jump up.
    """
    return jnp.maximum(margin * jnp.sin(margin), 1.0 - jnp.cos(margin))


def check_positive(head: str, **options: float | jax.Array) -> None:
    """Raise, in words, unless every option is a positive finite number; arrays may be traced and are left alone."""
    for name, value in options.items():
        if not isinstance(value, jax.Array) and not 0 < value < math.inf:
            raise ValueError(f"the {name} of {head} must be a positive number, found {value}")


def check_angle(head: str, **margins: float) -> None:
    """Raise, in words, unless every margin is an angle in [0, π)."""
    for name, value in margins.items():
        if not 0 <= value < math.pi:
            raise ValueError(f"the {name} of {head} is in radians, 0 ≤ {name} < π; found {value}")


def check_cosine(head: str, **margins: float) -> None:
    """Raise, in words, unless every margin is a difference of cosines in [0, 2)."""
    for name, value in margins.items():
        if not 0 <= value < 2:
            raise ValueError(f"the {name} of {head} is a difference of cosines, 0 ≤ {name} < 2; found {value}")


def check_state(head: str, **states: float | jax.Array) -> None:
    """Raise, in words, unless every state is one number."""
    for name, value in states.items():
        if jnp.ndim(value) != 0:
            raise ValueError(f"the {name} of {head} is one number, found an array of shape {jnp.shape(value)}")


def _products(left: jax.Array, right: jax.Array) -> jax.Array:
    # A scale of 64 multiplies the error of a product: TF32, the default for float32 on GPUs, would move a logit by 0.05.
    return jnp.matmul(left, right.T, precision=jax.lax.Precision.HIGHEST)


def _check(embeddings: jax.Array, prototypes: jax.Array, axes: tuple[str, ...]) -> None:
    if embeddings.ndim != 2 or prototypes.ndim != len(axes) or embeddings.shape[-1] != prototypes.shape[-1]:
        raise ValueError(
            f"expected embeddings [batch, dim] and prototypes [{', '.join(axes)}] of one dim, found shapes "
            f"{embeddings.shape} and {prototypes.shape}"
        )
    for name, found in (("embeddings", embeddings), ("prototypes", prototypes)):
        if not jnp.issubdtype(found.dtype, jnp.floating):
            raise TypeError(f"{name} must be floating-point numbers, found {found.dtype}")
