"""Colour augmentation."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from lfw_jax.augmentation import draws
from lfw_jax.augmentation.options import Augmentation

LUMA = (0.299, 0.587, 0.114)  # the weights of red, green and blue in ITU-R BT.601, JPEG and Pillow


def recolour(
    key: Key[Array, ""], image: Float[Array, "side side 3"], *, options: Augmentation
) -> Float[Array, "side side 3"]:
    """Change saturation, contrast and brightness, and clip the result to [-1, 1].

    Args:
      key: the key of the image.
      image: the image, in [-1, 1].
      options: the strengths; a change of strength 0 is not compiled.
    """
    if options.saturation:
        grey = _luma(image)
        image = grey + (image - grey) * (1 + draws.symmetric(key, draws.SATURATION, options.saturation))
    if options.grayscale:
        image = jnp.where(draws.chosen(key, draws.GRAYSCALE, options.grayscale), _luma(image), image)
    if options.contrast:
        mean = image.mean()
        image = mean + (image - mean) * (1 + draws.symmetric(key, draws.CONTRAST, options.contrast))
    if options.brightness:
        image = image + 2 * draws.symmetric(key, draws.BRIGHTNESS, options.brightness)
    return jnp.clip(image, -1.0, 1.0)


def _luma(image: jax.Array) -> jax.Array:
    return (image @ jnp.array(LUMA, image.dtype))[..., None]
