"""Normalisation of embeddings to length 1."""

import numpy as np
from jaxtyping import Float


def unit_length(embeddings: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Return embeddings of length 1, in float64. An embedding of zeros has no direction and stays zero.

    Args:
      embeddings: any length. Those that are not finite give values that are not finite.
    """
    embeddings = np.asarray(embeddings, np.float64)
    with np.errstate(invalid="ignore"):  # infinity / infinity is NaN, which the caller reports
        # Division by the largest entry prevents overflow and underflow of the squares.
        largest = np.max(np.abs(embeddings), axis=1, keepdims=True, initial=0.0)
        embeddings = embeddings / np.where(largest == 0, 1.0, largest)
        norms = np.sqrt(np.sum(embeddings**2, axis=1, keepdims=True))
        return embeddings / np.where(norms == 0, 1.0, norms)
