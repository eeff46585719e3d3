"""Embeddings of an evaluation list: every image once, with its mirror image."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from lfw_jax.augmentation import to_unit

Embed = Callable[[Any, UInt8[Array, "batch side side 3"]], Float[Array, "batch dim"]]


def make_embed(network: Callable[[Any, Array], Array], *, side: int, flip: bool, shift: int = 0) -> Embed:
    """A jitted function from variables and stored squares to embeddings.

    Args:
      network: from variables and float images in [-1, 1], `[batch, side, side, 3]`, to raw embeddings.
      side: pixels of the central square that the network sees.
      flip: whether the mirror image's raw embedding is added, as InsightFace's evaluation does.
      shift: where it is not 0, the raw embeddings of four squares shifted by so many pixels along the diagonals are added
        as well; the images need that much margin. Unaligned faces gain from it.
    """

    def embed(variables: Any, images: UInt8[Array, "batch stored stored 3"]) -> Float[Array, "batch dim"]:
        margin = (images.shape[1] - side) // 2
        steps = [(0, 0)] + [(shift * down, shift * across) for down in (-1, 1) for across in (-1, 1) if shift]
        corners = [(margin + down, margin + across) for down, across in steps]
        views = [images[:, top : top + side, left : left + side] for top, left in corners]
        views += [view[:, :, ::-1] for view in views if flip]
        # A loop over the views, rather than all of them side by side, compiles the network once.
        unit = to_unit(jnp.stack(views).astype(jnp.float32))
        return jax.lax.map(lambda view: network(variables, view), unit).sum(axis=0)

    return jax.jit(embed)


def embed_all(
    embed: Embed, variables: Any, images: UInt8[np.ndarray, "images stored stored 3"], *, batch_size: int
) -> Float[np.ndarray, "images dim"]:
    """The embeddings of all images; the last batch is filled up, so that one shape is compiled."""
    parts = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        filled = np.concatenate([batch, np.zeros((batch_size - len(batch), *batch.shape[1:]), batch.dtype)])
        parts.append(np.asarray(embed(variables, jnp.asarray(filled)))[: len(batch)])
    return np.concatenate(parts)
