"""Where every random number of an image comes from: one number an option, folded into the image's key.

A number that is in use keeps its meaning: then the other options change a run's images no differently when one is added.
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


def symmetric(key: Key[Array, ""], place: int, limit: float) -> Float[Array, ""]:
    """A number between -limit and limit."""
    return jax.random.uniform(jax.random.fold_in(key, place), minval=-limit, maxval=limit)


def share(key: Key[Array, ""], place: int) -> Float[Array, ""]:
    """A number between 0 and 1."""
    return jax.random.uniform(jax.random.fold_in(key, place))


def chosen(key: Key[Array, ""], place: int, probability: float) -> Bool[Array, ""]:
    """Whether this image is one of those that are changed."""
    return jax.random.bernoulli(jax.random.fold_in(key, place), probability)
