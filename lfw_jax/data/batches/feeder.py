"""The loader without TensorFlow: a thread pool decodes two batches ahead of the consumer."""

import collections
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.data.batches.batch_memory import BatchMemory
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import Decoders
from lfw_jax.data.images import ImageSet
from lfw_jax.data.storage import LazyImages
from lfw_jax.errors import UserError

_AHEAD = 2
_LARGEST_PART = 32  # images per task of the thread pool


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode_batch(
    images: ImageSet,
    indices: Int[np.ndarray, "batch"],
    decoders: Decoders,
    out: UInt8[np.ndarray, "batch stored stored 3"],
) -> None:
    """Read and decode images of a set, one after another.

    libjpeg-turbo and OpenCV release the interpreter lock while they decode.

    Args:
      images: the set.
      indices: the indices of the images in the set.
      decoders: the pool that lends a decoder to this thread.
      out: the array that receives the pixels.

    Raises:
      UserError: an image cannot be read or decoded; the message names it.
    """
    stored, row = images.images, 0
    sources = stored.sources(indices) if isinstance(stored, LazyImages) else map(stored.__getitem__, indices.tolist())
    try:
        with decoders.lend() as decode:
            for row in range(len(indices)):
                decode(next(sources), out[row])
    except OSError as error:
        raise UserError(
            f"{images.describe(int(indices[row]))} could not be decoded ({error}). Restore or remove it, then start again."
        ) from error


def batches(
    images: ImageSet,
    indices: Callable[[int], Int[np.ndarray, "batch"]],
    *,
    start: int,
    stop: int,
    geometry: CropGeometry,
) -> Iterator[UInt8[np.ndarray, "batch stored stored 3"]]:
    """Yield the decoded batches of the steps from `start` up to, but not including, `stop`.

    Args:
      images: the set.
      indices: the sampler: it returns the indices of the images of a step.
      start: the first step.
      stop: the step after the last one.
      geometry: the crop of each image and its size in pixels.

    Raises:
      UserError: an image cannot be read or decoded; the message names it.
    """
    count, memory, decoders = cores(), BatchMemory(), Decoders(geometry)
    threads = ThreadPoolExecutor(count)

    def begin(step: int) -> tuple[np.ndarray, list[Future[None]]]:
        sampled = indices(step)
        batch = memory.take(len(sampled), geometry.stored_side)
        size = min(_LARGEST_PART, max(1, -(-len(sampled) // count)))
        parts = [slice(first, first + size) for first in range(0, len(sampled), size)]
        return batch, [threads.submit(decode_batch, images, sampled[part], decoders, batch[part]) for part in parts]

    try:
        queue = collections.deque(begin(step) for step in range(start, min(stop, start + _AHEAD)))
        for step in range(start, stop):
            batch, parts = queue.popleft()
            for part in parts:
                part.result()
            if step + _AHEAD < stop:
                queue.append(begin(step + _AHEAD))
            yield batch
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
