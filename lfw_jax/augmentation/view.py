"""The input of a network without augmentation, and the conversion between grey values and floats."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8


def centre(images: UInt8[Array, "batch stored stored 3"], side: int) -> Float[Array, "batch side side 3"]:
    """Return the network's input without augmentation: the central square, in [-1, 1].

    Args:
      images: stored squares with their margins.
      side: the side of the result in pixels.
    """
    margin = (images.shape[1] - side) // 2
    return to_unit(images[:, margin : margin + side, margin : margin + side].astype(jnp.float32))


def to_unit(pixels: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Scale grey values from 0…255 to [-1, 1] by the convention of the field: `(x − 127.5) / 127.5`."""
    return (pixels - 127.5) / 127.5


def to_pixels(unit: Float[Array | np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Convert floats in [-1, 1] to integer grey values for display."""
    return np.rint(127.5 * np.asarray(unit, np.float32) + 127.5).clip(0, 255).astype(np.uint8)
