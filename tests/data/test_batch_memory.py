"""Batch memory is reused once nothing refers to it, and never before."""

import jax
import numpy as np

from lfw_jax.data.batches.batch_memory import BatchMemory


def address(array: np.ndarray) -> int:
    return array.ctypes.data


def test_memory_is_reused_once_the_batch_is_gone():
    memory = BatchMemory()
    first = memory.take(4, 8)
    assert first.shape == (4, 8, 8, 3)
    assert first.flags.c_contiguous
    assert address(first) % 64 == 0
    before = address(first)
    del first
    assert address(memory.take(3, 8)) == before  # a smaller one fits as well
    assert address(memory.take(40, 8)) != before


def test_memory_that_a_view_refers_to_is_not_reused():
    memory = BatchMemory()
    batch = memory.take(4, 8)
    batch[:] = 7
    view = batch.reshape(2, 2, 8, 8, 3)[1]
    del batch
    for _ in range(3):
        memory.take(4, 8)[:] = 0
    assert (view == 7).all()


def test_batches_alive_at_the_same_time_never_overlap():
    memory = BatchMemory()
    batches = [memory.take(2, 8) for _ in range(5)]
    for number, batch in enumerate(batches):
        batch[:] = number
    assert [int(batch.max()) for batch in batches] == [int(batch.min()) for batch in batches] == list(range(5))


def test_memory_that_jax_adopted_is_not_reused():
    memory = BatchMemory()
    batch = memory.take(64, 32)
    batch[:] = 9
    adopted = jax.device_put(batch)
    del batch
    for _ in range(3):
        memory.take(64, 32)[:] = 0
    assert (np.asarray(adopted) == 9).all()
