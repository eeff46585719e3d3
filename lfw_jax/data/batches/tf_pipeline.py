"""The tf.data pipeline: draw, read, decode, resize, prefetch. TensorFlow is imported on first use.

tf.data orders and schedules; images are read and decoded by `feeder.decode_batch`, which leaves Python to other threads.
TensorFlow's own operations take about twice as long for it, and read some files otherwise or not at all.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.data.batches.batch_memory import BatchMemory
from lfw_jax.data.batches.feeder import cores, decode_batch
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import Decoders
from lfw_jax.data.images import ImageSet


def _tensorflow() -> Any:
    """TensorFlow, kept away from the accelerator, which belongs to JAX, and silent but for errors."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # No network runs here. With oneDNN TensorFlow says so at every start, whatever the log level.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
    return tf


def batches(
    images: ImageSet,
    indices: Callable[[int], Int[np.ndarray, "batch"]],
    *,
    start: int,
    stop: int,
    geometry: CropGeometry,
) -> Iterator[UInt8[np.ndarray, "batch stored stored 3"]]:
    """The pixels of steps `start` to `stop`, where step k shows the images at `indices(k)`.

    As many batches as there are cores are decoded at a time, ahead of the consumer; the order is that of the steps. The
    batches are those of `feeder.batches`, bit for bit. `indices` is called by several threads.

    Raises:
      UserError: an image that cannot be read or decoded, named.
    """
    tf, memory, decoders = _tensorflow(), BatchMemory(), Decoders(geometry)
    stopped: list[BaseException] = []  # TensorFlow keeps only the text of what Python raises

    def fetch(step: np.int64) -> np.ndarray:
        try:
            places = indices(int(step))
            batch = memory.take(len(places), geometry.stored_side)
            decode_batch(images, places, decoders, batch)
        except BaseException as error:
            stopped.append(error)
            raise
        return batch

    decoded = tf.data.Dataset.range(start, stop).map(
        lambda step: tf.numpy_function(fetch, [step], tf.uint8, stateful=False),
        num_parallel_calls=cores(),
        deterministic=True,
    )
    # Nothing is left to tune, and a stream would end only at the tuner's next look: they come ever more rarely.
    options = tf.data.Options()
    options.autotune.enabled = False
    try:
        for batch in decoded.prefetch(2).with_options(options):
            yield np.asarray(memoryview(batch))
    except tf.errors.OpError:
        if stopped:
            raise stopped[0] from None
        raise
