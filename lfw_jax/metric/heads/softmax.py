"""Softmax heads without a margin: plain and normalised."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.cosines import cross_entropy, find_targets, inner_products, target_cosines
from lfw_jax.metric.heads.head_options import check_positive


def softmax(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    bias: Float[Array, "classes"] | None = None,
) -> Float[Array, ""]:
    """Plain softmax: the logits are inner products; nothing is normalised.

    Source: Deng et al. 2019, "ArcFace" (arXiv:1801.07698), equation 1.

    Args:
      embeddings: Raw embeddings; longer ones give more confident predictions.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class.
      bias: One bias per class, added to its logit; None for no bias.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match or the batch is empty.
      TypeError: If labels are not integers, or if embeddings, prototypes or bias are not floating point.

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
    """Normalised softmax: scaled cosines without a margin.

    Source: Wang et al. 2017, "NormFace" (arXiv:1704.06369); equation 2 of Deng et al. 2019 (arXiv:1801.07698). The
    temperature of pytorch-metric-learning is `1 / scale`.

    Args:
      embeddings: Embeddings of any length; only their direction matters.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      scale: Factor of the cosines, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, or `scale` is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> loss = normalized_softmax(jnp.array([[2.0, 0.0]]), jnp.array([0]), jnp.eye(2), scale=1.0)
      >>> round(float(loss), 4)  # ln(1 + exp(−1))
      0.3133
    """
    check_positive("the normalised softmax", scale=scale)
    logits, target, own = target_cosines(embeddings, labels, prototypes)
    return cross_entropy(logits, target, own, scale)
