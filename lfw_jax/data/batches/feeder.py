"""Batches without TensorFlow: every core decodes a part of a batch, two batches ahead of the consumer."""

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
_LARGEST_PART = 32  # images that one thread takes on at a time


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode_batch(
    images: ImageSet,
    places: Int[np.ndarray, "batch"],
    decoders: Decoders,
    out: UInt8[np.ndarray, "batch stored stored 3"],
) -> None:
    """Fetch and decode some images of a set, one after another; libjpeg-turbo and OpenCV leave Python to other threads.

    Raises:
      UserError: an image that cannot be read or decoded, named.
    """
    stored, row = images.images, 0
    sources = stored.sources(places) if isinstance(stored, LazyImages) else map(stored.__getitem__, places.tolist())
    try:
        with decoders.lend() as decode:
            for row in range(len(places)):
                decode(next(sources), out[row])
    except OSError as error:
        raise UserError(
            f"{images.describe(int(places[row]))} could not be decoded ({error}). Restore or remove it, then start again."
        ) from error


def batches(
    images: ImageSet,
    indices: Callable[[int], Int[np.ndarray, "batch"]],
    *,
    start: int,
    stop: int,
    geometry: CropGeometry,
) -> Iterator[UInt8[np.ndarray, "batch stored stored 3"]]:
    """The pixels of steps `start` to `stop`, where step k shows the images at `indices(k)`.

    Raises:
      UserError: an image that cannot be read or decoded, named.
    """
    count, memory, decoders = cores(), BatchMemory(), Decoders(geometry)
    threads = ThreadPoolExecutor(count)

    def begin(step: int) -> tuple[np.ndarray, list[Future[None]]]:
        places = indices(step)
        batch = memory.take(len(places), geometry.stored_side)
        size = min(_LARGEST_PART, max(1, -(-len(places) // count)))
        parts = [slice(first, first + size) for first in range(0, len(places), size)]
        return batch, [threads.submit(decode_batch, images, places[part], decoders, batch[part]) for part in parts]

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
