"""The tf.data pipeline: sample, read, decode, resize, prefetch. TensorFlow is imported on first use.

tf.data orders and schedules the batches. `feeder.decode_batch` reads and decodes the images; it releases the interpreter lock.
TensorFlow's own operations take about twice as long, decode some files to other pixels and reject others.
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
    """Import TensorFlow without logs below errors or access to the accelerator, which is for JAX."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # No network runs here, and TensorFlow announces oneDNN at every start, whatever the log level.
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
    """Yield the decoded batches of the steps from `start` up to, but not including, `stop`.

    One batch per core is decoded at a time, ahead of the consumer; batches are yielded in the order of the steps. They equal
    those of `feeder.batches`, bit for bit.

    Args:
      images: the set.
      indices: the sampler: it returns the indices of the images of a step. Several threads call it.
      start: the first step.
      stop: the step after the last one.
      geometry: the crop of each image and its size in pixels.

    Raises:
      UserError: an image cannot be read or decoded; the message names it.
    """
    tf, memory, decoders = _tensorflow(), BatchMemory(), Decoders(geometry)
    errors: list[BaseException] = []  # TensorFlow keeps only the text of a Python exception

    def fetch(step: np.int64) -> np.ndarray:
        try:
            sampled = indices(int(step))
            batch = memory.take(len(sampled), geometry.stored_side)
            decode_batch(images, sampled, decoders, batch)
        except BaseException as error:
            errors.append(error)
            raise
        return batch

    decoded = tf.data.Dataset.range(start, stop).map(
        lambda step: tf.numpy_function(fetch, [step], tf.uint8, stateful=False),
        num_parallel_calls=cores(),
        deterministic=True,
    )
    # There is nothing to tune, and a stream would end only at the tuner's next wake-up, which become ever rarer.
    options = tf.data.Options()
    options.autotune.enabled = False
    try:
        for batch in decoded.prefetch(2).with_options(options):
            yield np.asarray(memoryview(batch))
    except tf.errors.OpError:
        if errors:
            raise errors[0] from None
        raise
