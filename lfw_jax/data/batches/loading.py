"""Loading the pixels of an image set: streamed batch by batch, or decoded into one array."""

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.data.batches import feeder
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

LOADERS = ("auto", "tfdata", "pillow")
_CHUNK = 64  # images; small, so that a short list keeps all cores busy, too


def choose_loader(loader: str) -> str:
    """Return the loader that `config.data.loader` stands for.

    Args:
      loader: "tfdata", "pillow" or "auto", which means "tfdata" if TensorFlow is installed and else "pillow".

    Returns:
      "tfdata" or "pillow".

    Raises:
      UserError: the loader is unknown, or is "tfdata" and TensorFlow is not installed.
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
    """Yield the batch of every step from `start` up to, but not including, `stop`.

    Both loaders yield the same pixels, bit for bit. If the set is an array of pixels of the requested size, they are returned
    unchanged.

    Args:
      images: the set.
      indices: the sampler: it returns the indices of the images of a step. Several threads may call it, ahead of time.
      start: the first step.
      stop: the step after the last one.
      geometry: the crop of each image and its size in pixels.
      loader: one of `LOADERS`.

    Raises:
      UserError: the loader is not available, or an image cannot be read or decoded.
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
    """Decode a whole set into one array, for evaluation and for training sets that fit into memory.

    Args:
      images: the set.
      geometry: the crop of each image and its size in pixels.
      loader: one of `LOADERS`.

    Returns:
      The pixels of every image, in the order of the set.

    Raises:
      UserError: the loader is not available, or an image cannot be read or decoded.
    """
    stop = -(-len(images) // _CHUNK)

    def chunk(step: int) -> np.ndarray:
        return np.arange(step * _CHUNK, min(len(images), (step + 1) * _CHUNK))

    pixels = np.empty((len(images), geometry.stored_side, geometry.stored_side, 3), np.uint8)
    for step, batch in enumerate(stream(images, chunk, start=0, stop=stop, geometry=geometry, loader=loader)):
        pixels[chunk(step)] = batch
    return pixels
