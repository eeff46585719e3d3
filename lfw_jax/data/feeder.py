"""Batches without TensorFlow: Pillow on a few threads, one batch ahead of the consumer."""

import collections
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.data.decoding import Framing, decode
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

_AHEAD = 2


def batches(
    images: ImageSet,
    indices: Callable[[int], Int[np.ndarray, "batch"]],
    *,
    start: int,
    stop: int,
    framing: Framing,
) -> Iterator[UInt8[np.ndarray, "batch side side 3"]]:
    """The pixels of steps `start` to `stop`, where step k shows the images at `indices(k)`.

    The same batches as `tf_pipeline.batches`, up to the rounding of the resize (a few grey levels).

    Raises:
      UserError: an image that cannot be decoded, named.
    """

    def one(index: int) -> np.ndarray:
        try:
            return decode(images.images[index], framing)
        except OSError as error:
            raise UserError(f"{images.describe(index)} could not be decoded ({error}).") from error

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        queue: collections.deque[list[Future[np.ndarray]]] = collections.deque()
        for step in range(start, min(stop, start + _AHEAD)):
            queue.append([threads.submit(one, i) for i in indices(step).tolist()])
        for step in range(start, stop):
            batch = np.stack([future.result() for future in queue.popleft()])
            if step + _AHEAD < stop:
                queue.append([threads.submit(one, i) for i in indices(step + _AHEAD).tolist()])
            yield batch
