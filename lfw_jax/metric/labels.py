"""Labels of embeddings."""

import jax
import jax.numpy as jnp


def check_labelled(embeddings: jax.Array, labels: jax.Array, name: str) -> None:
    """Raise unless these are floating-point embeddings [count, dim] with one integer label each.

    Args:
      embeddings: Embeddings to check.
      labels: Their labels.
      name: Name of the embeddings in the message.

    Raises:
      ValueError: If shapes do not match.
      TypeError: If labels are not integers or embeddings are not floating point.
    """
    if embeddings.ndim != 2:
        raise ValueError(f"{name} must be [count, dim], found shape {embeddings.shape}")
    if not jnp.issubdtype(embeddings.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating-point numbers, found {embeddings.dtype}")
    if labels.shape != embeddings.shape[:1]:
        raise ValueError(
            f"expected one label for each of {embeddings.shape[0]} {name}, found labels of shape {labels.shape}"
        )
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, found {labels.dtype}")
