"""The loss of a collapsed network, by which a training that is stuck there is recognised."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from lfw_jax.training.objectives.objective import Objective

_SPREAD = 1e-4


def collapsed_loss(objective: Objective, labels: Int[np.ndarray, "batch"], embedding_dim: int) -> float | None:
    """Return the loss of nearly equal embeddings, such as the margin of a triplet loss.

    The embeddings differ by noise of relative size 1e-4, so that miners have an order to select by, as in a real collapse.

    Args:
      objective: the training objective.
      labels: the labels of a batch.
      embedding_dim: length of an embedding.

    Returns:
      The loss; None for an objective with prototypes, whose loss depends on them, and for a loss that is not positive.
    """
    params = objective.init(jax.random.key(0))
    if "prototypes" in params:
        return None
    noise = jax.random.normal(jax.random.key(1), (len(labels), embedding_dim))
    embeddings = jnp.ones(embedding_dim) + _SPREAD * noise
    loss, _ = jax.jit(objective.apply)(params, objective.state, embeddings, jnp.asarray(labels), jax.random.key(2))
    value = float(loss)
    return value if np.isfinite(value) and value > 0 else None
