"""The random numbers of an image.

Each has a fixed stream number that is folded into the key of the image. Stream numbers must never be reassigned. A new option
then leaves the random numbers of all others unchanged.
"""

import jax
from jaxtyping import Array, Bool, Float, Key

ROTATION, SCALE, DOWN, ACROSS, FLIP = 0, 1, 2, 3, 4
SATURATION, CONTRAST, BRIGHTNESS = 5, 6, 7
ERASING = 8
GRAYSCALE = 9
BLUR, BLUR_SIGMA = 10, 11
DOWNSCALE, DOWNSCALE_FACTOR = 12, 13
JPEG, JPEG_QUALITY = 14, 15
ERASING_NOISE = 16


def symmetric(key: Key[Array, ""], stream: int, limit: float) -> Float[Array, ""]:
    """Return a uniform number between -limit and limit from a stream of a key."""
    return jax.random.uniform(jax.random.fold_in(key, stream), minval=-limit, maxval=limit)


def share(key: Key[Array, ""], stream: int) -> Float[Array, ""]:
    """Return a uniform number between 0 and 1 from a stream of a key."""
    return jax.random.uniform(jax.random.fold_in(key, stream))


def chosen(key: Key[Array, ""], stream: int, probability: float) -> Bool[Array, ""]:
    """Return True with the given probability, from a stream of a key."""
    return jax.random.bernoulli(jax.random.fold_in(key, stream), probability)
