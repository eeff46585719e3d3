"""The order of the changes: where things lie, their light, what a poor camera makes of them, what hides them."""

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
    """Changed images of a slice of a step's batch, as floats in [-1, 1]: exactly what the network sees.

    Args:
      key: the key of the whole batch.
      images: stored squares with their margins.
      side: pixels of the result.
      options: how far to go.
      first: place of the slice's first image in the global batch.
    """
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, first + jnp.arange(len(images)))
    return augment(keys, images, side, options)


def augment(
    keys: Key[Array, "batch"], images: UInt8[Array, "batch stored stored 3"], side: int, options: Augmentation
) -> Float[Array, "batch side side 3"]:
    """Changed images as floats in [-1, 1].

    Args:
      keys: one key an image.
      images: stored squares with their margins, on which shifts and rotations draw; beyond them the edge is repeated.
      side: pixels of the result.
      options: how far to go.
    """
    stages = {
        recolour: True,  # clips, too: resampling may leave the range by a rounding error
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
