"""The tf.data pipeline: read, decode, crop, resize, batch, prefetch. TensorFlow is imported on first use."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.data.decoding import Framing
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf


def _tensorflow() -> Any:
    """TensorFlow, kept away from the accelerator, which belongs to JAX, and silent but for errors."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # No network runs here. With oneDNN TensorFlow says so at every start, whatever the log level.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
    return tf


def _reader(tf: Any, images: ImageSet) -> "Callable[[tf.Tensor], tf.Tensor]":
    """A function from an image's place to its uint8 pixels before cropping."""
    if isinstance(images.images, np.ndarray):
        pixels = tf.constant(images.images)
        return lambda index: pixels[index]
    files = tf.constant([str(image) if isinstance(image, Path) else image for image in images.images])
    on_disk = images.storage == "files"

    def decode(index: "tf.Tensor") -> "tf.Tensor":
        encoded = tf.io.read_file(files[index]) if on_disk else files[index]
        return tf.io.decode_image(encoded, channels=3, expand_animations=False)

    return decode


def batches(
    images: ImageSet,
    indices: Callable[[int], Int[np.ndarray, "batch"]],
    *,
    start: int,
    stop: int,
    framing: Framing,
) -> Iterator[UInt8[np.ndarray, "batch side side 3"]]:
    """The pixels of steps `start` to `stop`, where step k shows the images at `indices(k)`.

    Reading and decoding run in parallel and ahead of the consumer; the order is that of the steps.

    Raises:
      UserError: an image that cannot be decoded, named.
    """
    tf = _tensorflow()
    read = _reader(tf, images)

    def frame(index: "tf.Tensor") -> "tf.Tensor":
        picture = read(index)
        picture.set_shape([None, None, 3])
        shape = tf.shape(picture)
        shorter = tf.minimum(shape[0], shape[1])
        share = framing.crop * framing.stored / framing.side
        side = tf.cast(tf.round(tf.cast(shorter, tf.float64) * share), tf.int32)
        side = tf.clip_by_value(side, 1, shorter)
        top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
        square = picture[top : top + side, left : left + side]
        resized = tf.image.resize(square, (framing.stored, framing.stored), method="bilinear", antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)

    def places() -> Iterator[np.ndarray]:
        for step in range(start, stop):
            yield indices(step).astype(np.int64)

    steps = tf.data.Dataset.from_generator(places, output_signature=tf.TensorSpec([None], tf.int64))
    # One batch is decoded image by image in parallel, and the next batches meanwhile.
    decoded = steps.map(
        lambda batch: tf.map_fn(frame, batch, fn_output_signature=tf.uint8, parallel_iterations=16),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    try:
        yield from decoded.prefetch(2).as_numpy_iterator()
    except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, tf.errors.PermissionDeniedError) as error:
        raise UserError(
            f"an image could not be read while batches were made: {error.message.splitlines()[0]}."
        ) from error
