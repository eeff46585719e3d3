"""Random erasing (Zhong et al. 2020, arXiv:1708.04896)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from lfw_jax.augmentation import draws
from lfw_jax.augmentation.options import Augmentation


def erase(
    key: Key[Array, ""], image: Float[Array, "side side 3"], *, options: Augmentation
) -> Float[Array, "side side 3"]:
    """Erase a rectangle of 2 % to 20 % of the area with an aspect ratio of at most 3.

    Args:
      key: the key of the image.
      image: the image, in [-1, 1].
      options: the probability and the fill.
    """
    side = image.shape[0]
    chance, area, aspect, down, across = jax.random.uniform(jax.random.fold_in(key, draws.ERASING), (5,))
    ratio = jnp.exp((2 * aspect - 1) * jnp.log(3.0))
    area = side * side * (0.02 + 0.18 * area)
    height, width = jnp.minimum(jnp.sqrt(area * ratio), side), jnp.minimum(jnp.sqrt(area / ratio), side)
    top, left = down * (side - height), across * (side - width)
    index = jnp.arange(side)
    inside = ((index >= top) & (index < top + height))[:, None] & ((index >= left) & (index < left + width))[None]
    fill: jax.Array | float = 0.0
    if options.erasing_fill == "noise":
        fill = jax.random.uniform(jax.random.fold_in(key, draws.ERASING_NOISE), image.shape, minval=-1.0, maxval=1.0)
    return jnp.where((inside & (chance < options.erasing))[..., None], fill, image)
