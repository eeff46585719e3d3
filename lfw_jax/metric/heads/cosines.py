"""Shared parts of the heads: products with prototypes, target logits, cross-entropy."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.labels import check_labelled
from lfw_jax.metric.vectors import nan_unless_finite, normalized, safe_sqrt


def inner_products(
    embeddings: Float[Array, "batch dim"], prototypes: Float[Array, "classes dim"]
) -> Float[Array, "batch classes"]:
    """Return the inner product of every embedding with every prototype.

    Args:
      embeddings: Raw embeddings, float32 or bfloat16.
      prototypes: One weight vector per class.

    Returns:
      Inner products in float32.

    Raises:
      ValueError: If shapes do not match.
      TypeError: If embeddings or prototypes are not floating point.
    """
    _check(embeddings, prototypes, ("classes", "dim"))
    return _products(nan_unless_finite(embeddings), nan_unless_finite(prototypes))


def cosines(
    embeddings: Float[Array, "batch dim"], prototypes: Float[Array, "classes dim"]
) -> Float[Array, "batch classes"]:
    """Return the cosine of every embedding with every prototype.

    Args:
      embeddings: Embeddings of any length. An embedding of zeros has cosine 0 to every prototype.
      prototypes: One weight vector per class, of any length.

    Returns:
      Cosines in float32, in [-1, 1] up to rounding.

    Raises:
      ValueError: If shapes do not match.
      TypeError: If embeddings or prototypes are not floating point.

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
    """Return the cosine of every embedding with every center of every class.

    Args:
      embeddings: Embeddings of any length.
      prototypes: Several weight vectors (centers) per class, of any length.

    Returns:
      Cosines in float32, in [-1, 1] up to rounding.

    Raises:
      ValueError: If shapes do not match.
      TypeError: If embeddings or prototypes are not floating point.
    """
    _check(embeddings, prototypes, ("classes", "centers", "dim"))
    classes, centers, dim = prototypes.shape
    flat = _products(normalized(embeddings), normalized(prototypes).reshape(classes * centers, dim))
    return flat.reshape(-1, classes, centers)


def find_targets(
    logits: Float[Array, "batch classes"], embeddings: Float[Array, "batch dim"], labels: Int[Array, "batch"]
) -> tuple[Bool[Array, "batch classes"], Float[Array, "batch"]]:
    """Return the mask of target logits and the target logit of each row.

    Args:
      logits: One logit per class and embedding.
      embeddings: The embeddings, to check labels against.
      labels: Class of each embedding.

    Returns:
      The mask, true where a column is the row's own class, and the logits there: NaN where the label is outside
      [0, classes).

    Raises:
      ValueError: If there is not exactly one label per embedding, a NumPy label is out of range, or the batch is
        empty.
      TypeError: If labels are not integers.
    """
    check_labelled(embeddings, labels, "embeddings")
    if not len(labels):
        raise ValueError("the mean loss of an empty batch is not defined; expected at least one embedding")
    # A comparison instead of a gather: XLA fuses it into the forward and backward passes over the logits.
    target = labels[:, None] == jnp.arange(logits.shape[1])[None]
    own = jnp.sum(jnp.where(target, logits, 0.0), axis=1)
    return target, jnp.where(target.any(axis=1), own, jnp.nan)


def target_cosines(
    embeddings: Float[Array, "batch dim"], labels: Int[Array, "batch"], prototypes: Float[Array, "classes dim"]
) -> tuple[Float[Array, "batch classes"], Bool[Array, "batch classes"], Float[Array, "batch"]]:
    """Return all cosines, the mask of the target cosines, and the target cosine of each row.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.

    Returns:
      The cosines, the mask and the target cosines, as `cosines` and `find_targets` return them.

    Raises:
      ValueError: If shapes do not match or the batch is empty.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.
    """
    found = cosines(embeddings, prototypes)
    return found, *find_targets(found, embeddings, labels)


def cross_entropy(
    logits: Float[Array, "batch classes"],
    target: Bool[Array, "batch classes"],
    changed: Float[Array, "batch"],
    scale: float | Float[Array, ""] | Float[Array, "batch"],
) -> Float[Array, ""]:
    """Return the mean cross-entropy with modified target logits and scaled logits.

    Args:
      logits: One logit per class and embedding.
      target: True where a column is the row's own class.
      changed: Modified target logit of each row; replaces the one in `logits`.
      scale: Factor of all logits: one number, or one per embedding.

    Returns:
      Mean loss of the batch, a float32 scalar.
    """
    scale = jnp.asarray(scale, jnp.float32)
    scaled = jnp.where(target, changed[:, None], logits) * (scale[:, None] if scale.ndim else scale)
    return jnp.mean(jax.nn.logsumexp(scaled, axis=1) - scale * changed)


def lengths(vectors: Float[Array, "*batch dim"]) -> Float[Array, "*batch"]:
    """Return Euclidean norms in float32.

    The norm of a zero vector has gradient 0; that of an infinite vector is NaN.
    """
    return safe_sqrt(jnp.sum(nan_unless_finite(vectors) ** 2, axis=-1))


def moved(old: float | jax.Array, new: jax.Array, momentum: float) -> jax.Array:
    """Return the moving average `momentum·old + (1 − momentum)·new`, without gradient.

    Raises:
      ValueError: If `momentum` is outside [0, 1].
    """
    if not 0 <= momentum <= 1:
        raise ValueError(f"the momentum is the weight of the old value, 0 ≤ momentum ≤ 1; found {momentum}")
    return jax.lax.stop_gradient(momentum * jnp.asarray(old, jnp.float32) + (1.0 - momentum) * new)


def _products(left: jax.Array, right: jax.Array) -> jax.Array:
    # A scale of 64 multiplies the error of a product: with TF32, the float32 default on GPUs, a logit is off by 0.05.
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
