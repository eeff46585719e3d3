"""A pool of batch arrays: memory that is no longer referenced is reused for the next batches."""

import math
import sys
import threading

import numpy as np
from jaxtyping import UInt8

_ALIGNED = 64  # bytes, so that TensorFlow and XLA adopt a batch without copying it


def _references(arrays: list[np.ndarray], index: int) -> int:
    return sys.getrefcount(arrays[index])


_UNUSED = _references([np.empty(1)], 0)  # the reference count of an array that only the list holds


class BatchMemory:
    """A thread-safe pool of arrays for batches.

    An array is reused once nothing refers to it or to a view of it: neither Python, nor TensorFlow or JAX if they adopted its
    memory. Fresh memory would cost about a tenth of the time that decoding takes, because the system maps it page by page.
    """

    def __init__(self):
        self._arrays: list[np.ndarray] = []
        self._lock = threading.Lock()

    def take(self, count: int, side: int) -> UInt8[np.ndarray, "count side side 3"]:
        """Return a contiguous array with arbitrary content for `count` images of side `side`."""
        shape = (count, side, side, 3)
        size = math.prod(shape) + _ALIGNED
        with self._lock:
            unused = (
                index
                for index in range(len(self._arrays))
                if len(self._arrays[index]) >= size and _references(self._arrays, index) == _UNUSED
            )
            index = next(unused, None)
            if index is None:
                index = len(self._arrays)
                self._arrays.append(np.empty(size, np.uint8))
            memory = self._arrays[index]
            first = -memory.ctypes.data % _ALIGNED
            return memory[first : first + math.prod(shape)].reshape(shape)
