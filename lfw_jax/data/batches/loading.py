"""Pixels of an image set: streamed batch by batch, or decoded once and kept."""

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.data.batches import feeder
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

LOADERS = ("auto", "tfdata", "pillow")
_CHUNK = 64  # small, so that every core has its own even of a short list


def choose_loader(loader: str) -> str:
    """ "tfdata" or "pillow"; "auto" is tf.data where TensorFlow is installed.

    Raises:
      UserError: an unknown loader, or tf.data without TensorFlow.
    """
    if loader not in LOADERS:
        raise UserError(f"--config.data.loader is '{loader}'; expected one of {', '.join(LOADERS)}.")
    installed = importlib.util.find_spec("tensorflow") is not None
    if loader == "tfdata" and not installed:
        raise UserError("--config.data.loader=tfdata needs TensorFlow, which is not installed; use auto or pillow.")
    return loader if loader != "auto" else "tfdata" if installed else "pillow"


def stream(
    images: ImageSet,
    indices: Callable[[int], Int[np.ndarray, "batch"]],
    *,
    start: int,
    stop: int,
    geometry: CropGeometry,
    loader: str = "auto",
) -> Iterator[UInt8[np.ndarray, "batch side side 3"]]:
    """The pixels of the images at `indices(step)`, for every step from `start` to before `stop`.

    Both loaders give the same, bit for bit. Pixels that already have the wanted size are handed out as they are. `indices` may
    be called by several threads and ahead of time.
    """
    if (
        isinstance(images.images, np.ndarray)
        and geometry.crop == 1.0
        and images.images.shape[1:3] == (geometry.stored_side,) * 2
    ):
        pixels = images.images
        return (pixels[indices(step)] for step in range(start, stop))
    if choose_loader(loader) == "pillow":
        return feeder.batches(images, indices, start=start, stop=stop, geometry=geometry)
    from lfw_jax.data.batches import tf_pipeline

    return tf_pipeline.batches(images, indices, start=start, stop=stop, geometry=geometry)


def decode_all(
    images: ImageSet, geometry: CropGeometry, *, loader: str = "auto"
) -> UInt8[np.ndarray, "images side side 3"]:
    """Every image once, in order, as one array: what an evaluation embeds and what a small training set is kept as."""
    stop = -(-len(images) // _CHUNK)

    def chunk(step: int) -> np.ndarray:
        return np.arange(step * _CHUNK, min(len(images), (step + 1) * _CHUNK))

    pixels = np.empty((len(images), geometry.stored_side, geometry.stored_side, 3), np.uint8)
    for step, batch in enumerate(stream(images, chunk, start=0, stop=stop, geometry=geometry, loader=loader)):
        pixels[chunk(step)] = batch
    return pixels
