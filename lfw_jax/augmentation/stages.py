"""The augmentation of a batch: geometry, colour, resolution, JPEG and erasing, in this order."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, UInt8

from lfw_jax.augmentation.colour import recolour
from lfw_jax.augmentation.erasing import erase
from lfw_jax.augmentation.geometry import move
from lfw_jax.augmentation.jpeg import degrade
from lfw_jax.augmentation.options import Augmentation
from lfw_jax.augmentation.resolution import soften
from lfw_jax.augmentation.view import centre, to_unit


def augment_slice(
    key: Key[Array, ""],
    images: UInt8[Array, "slice stored stored 3"],
    side: int,
    options: Augmentation,
    *,
    first: Int[Array, ""] | int = 0,
) -> Float[Array, "slice side side 3"]:
    """Augment a slice of a batch, independently of how the batch is sliced.

    Args:
      key: the key of the whole batch.
      images: stored squares with their margins.
      side: the side of the result in pixels.
      options: the options of the augmentation.
      first: the index in the global batch of the first image of the slice.

    Returns:
      The network's input, in [-1, 1].
    """
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, first + jnp.arange(len(images)))
    return augment(keys, images, side, options)


def augment(
    keys: Key[Array, "batch"], images: UInt8[Array, "batch stored stored 3"], side: int, options: Augmentation
) -> Float[Array, "batch side side 3"]:
    """Augment a batch.

    Args:
      keys: one key per image.
      images: stored squares with their margins, which shifts and rotations use; beyond them the edge is repeated.
      side: the side of the result in pixels.
      options: the options of the augmentation.

    Returns:
      The augmented images, in [-1, 1].
    """
    stages = {
        recolour: True,  # always, to clip rounding errors of the resampling
        soften: options.blurs or options.shrinks,
        degrade: options.jpeg > 0,
        erase: options.erasing > 0,
    }
    if options.moves:
        changed = to_unit(jax.vmap(partial(move, side=side, options=options))(keys, images))
    else:
        changed = centre(images, side)
    for stage, wanted in stages.items():
        if wanted:
            changed = jax.vmap(partial(stage, options=options))(keys, changed)
    return changed
