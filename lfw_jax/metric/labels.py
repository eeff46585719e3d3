"""Checks of the labels of embeddings."""

from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np


def check_labelled(embeddings: jax.Array, labels: jax.Array, name: str) -> None:
    """Raise unless these are floating-point embeddings [count, dim] with one integer label each.

    Args:
      embeddings: Embeddings to check.
      labels: Their labels.
      name: Name of the embeddings in the message.

    Raises:
      ValueError: If shapes do not match, or a label is outside the range of JAX's integers (`check_label_range`).
      TypeError: If labels are not integers or embeddings are not floating point.
    """
    if embeddings.ndim != 2:
        raise ValueError(f"{name} must be [count, dim], found shape {embeddings.shape}")
    if not jnp.issubdtype(embeddings.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating-point numbers, found {embeddings.dtype}")
    if not hasattr(labels, "dtype"):
        raise TypeError(f"labels must be an array, found {type(labels).__name__}; use numpy.asarray(labels)")
    if labels.shape != embeddings.shape[:1]:
        raise ValueError(
            f"expected one label for each of {embeddings.shape[0]} {name}, found labels of shape {labels.shape}"
        )
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, found {labels.dtype}")
    check_label_range(labels)


def check_label_range(labels: Any) -> None:
    """Raise if a label is outside the range of JAX's integers: int32, or int64 with `jax_enable_x64`.

    JAX reduces greater integers to that range without a warning, so that labels 2³² apart become one class. The values
    of traced labels are unknown: JAX has already reduced NumPy labels that are arguments of a jitted function. Labels
    that a jitted function closes over are checked.

    Args:
      labels: Integer labels.

    Raises:
      ValueError: If a label is out of range.

    Example:
      >>> check_label_range(np.array([7, 7 + 2**32]))
      Traceback (most recent call last):
      ValueError: found the label 4294967303, expected labels from -2147483648 to 2147483647; map the labels to 0 … \
classes − 1, e.g. numpy.unique(labels, return_inverse=True)[1]
    """
    bounds = np.iinfo(jax.dtypes.canonicalize_dtype(np.int64))
    if isinstance(labels, jax.core.Tracer) or np.can_cast(labels.dtype, bounds.dtype) or not labels.size:
        return
    for label in (int(labels.min()), int(labels.max())):
        if not bounds.min <= label <= bounds.max:
            raise ValueError(
                f"found the label {label}, expected labels from {bounds.min} to {bounds.max}; map the labels to 0 … "
                "classes − 1, e.g. numpy.unique(labels, return_inverse=True)[1]"
            )
