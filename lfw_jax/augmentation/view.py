"""What a network is shown of a stored square, unchanged, and the way from grey values to floats and back."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8


def centre(images: UInt8[Array, "batch stored stored 3"], side: int) -> Float[Array, "batch side side 3"]:
    """The central square as floats in [-1, 1]: what a network is shown where nothing is changed."""
    margin = (images.shape[1] - side) // 2
    return to_unit(images[:, margin : margin + side, margin : margin + side].astype(jnp.float32))


def to_unit(pixels: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """0…255 to -1…1, the scaling of the field: `(x − 127.5) / 127.5`."""
    return (pixels - 127.5) / 127.5


def to_pixels(unit: Float[Array | np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """-1…1 back to whole grey values, to be looked at."""
    return np.rint(127.5 * np.asarray(unit, np.float32) + 127.5).clip(0, 255).astype(np.uint8)
