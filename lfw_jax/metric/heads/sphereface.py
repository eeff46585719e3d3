"""SphereFace: a multiplicative margin on the angle to the target."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.heads.cosines import cross_entropy, lengths, target_cosines
from lfw_jax.metric.heads.head_options import check_positive


def sphereface(
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    prototypes: Float[Array, "classes dim"],
    *,
    margin: int = 4,
    scale: float = 1.0,
) -> Float[Array, ""]:
    """SphereFace: the angle to the target is multiplied by the margin.

    Source: Liu et al. 2017, "SphereFace" (A-Softmax, arXiv:1704.08063), section 3.2.

    The target logit is `ψ(θ) = (−1)^k·cos(margin·θ) − 2k` with k the number of half turns in `margin·θ`, so it
    decreases over all of [0, π]. All logits are multiplied by the norm of the embedding. As in
    pytorch-metric-learning, there is no annealing with the plain softmax. `cos(margin·θ)` is computed as a polynomial
    of `cos θ`, which is smooth at cos = ±1.

    Args:
      embeddings: Raw embeddings; their norm multiplies the logits.
      labels: Class of each embedding: an index from 0 into `prototypes`.
      prototypes: One weight vector per class, of any length; only its direction matters.
      margin: Factor of the angle, a whole number of at least 1.
      scale: Another factor of the logits, positive.

    Returns:
      Mean loss of the batch, a float32 scalar; NaN if a label is outside [0, classes).

    Raises:
      ValueError: If shapes do not match, the batch is empty, `margin` is not a whole number of at least 1, or `scale`
        is not positive.
      TypeError: If labels are not integers, or if embeddings or prototypes are not floating point.

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
