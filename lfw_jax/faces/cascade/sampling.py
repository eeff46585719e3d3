"""What the networks of the cascade look at: an image at falling scales, and patches cut out of it.

Pixels go from 0 … 255 to (pixel − 127.5) / 128. Images may be smaller than the array they lie in, at its top left.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int32, Num, UInt8

from lfw_jax.faces.mtcnn.settings import SMALLEST_FACE, STEP, WINDOW

_UNROLLED = 24  # pixels of a side averaged into one, up to which the additions are written out for XLA to fuse


def scales(height: int, width: int) -> Float[np.ndarray, "scales"]:
    """The scales at which faces from 20 pixels up to the image's shorter side fill P-Net's window; maybe none."""
    count = round(-((math.log(min(height, width) / WINDOW) / math.log(STEP)) + 1)) if min(height, width) else 0
    return WINDOW / SMALLEST_FACE * STEP ** np.arange(count)


def level_sizes(height: int, width: int, at: Float[np.ndarray, "scales"]) -> Int[np.ndarray, "scales 2"]:
    """Height and width of an image at these scales, cut to whole pixels; 0 at scales that `scales` does not name."""
    sizes = (np.array((height, width)) * at[:, None]).astype(np.int32)
    sizes[len(scales(height, width)) :] = 0
    return sizes


def normalize(images: UInt8[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Pixels from -1 to 1."""
    return (images.astype(jnp.float32) - 127.5) / 128


def _taps(source, target, length: int, count: int, xp) -> tuple:
    """Which pixels make up each pixel of a shrunk side, and their shares: `[..., length, count]` twice."""
    ratio = xp.asarray(source, xp.float32) / xp.asarray(xp.maximum(target, 1), xp.float32)
    start = xp.arange(length, dtype=xp.float32) * ratio[..., None]
    end = xp.arange(1, length + 1, dtype=xp.float32) * ratio[..., None]
    pixel = xp.floor(start)[..., None] + xp.arange(count, dtype=xp.float32)
    overlap = xp.minimum(end[..., None], pixel + 1) - xp.maximum(start[..., None], pixel)
    weights = xp.clip(overlap, 0, None) / ratio[..., None, None]
    last = xp.maximum(xp.asarray(source) - 1, 0)[..., None, None]
    return xp.minimum(pixel.astype(xp.int32), last), weights


def _shrink(x: Float[Array, "n h w 3"], axis: int, indices: Num[Array, "..."], weights: Num[Array, "..."]) -> jax.Array:
    """Weighted sums of the pixels `indices` along rows (axis 1) or columns (axis 2); each image may have its own."""
    beside = [1, 1, 1]
    beside[axis - 1] = indices.shape[-2]

    def term(k: int | jax.Array) -> jax.Array:
        index, weight = indices[..., k], weights[..., k].reshape(-1, *beside)
        if index.ndim == 1:
            return jnp.take(x, index, axis, mode="clip") * weight
        return jax.vmap(lambda image, at: jnp.take(image, at, axis - 1, mode="clip"))(x, index) * weight

    count = indices.shape[-1]
    if count <= _UNROLLED:
        return sum((term(k) for k in range(1, count)), start=term(0))
    indices, weights = jnp.asarray(indices), jnp.asarray(weights)
    return jax.lax.fori_loop(1, count, lambda k, total: total + term(k), term(0))


def shrink(
    images: Float[Array, "n h w 3"],
    level: tuple[int, int],
    sizes: Int[Array, "n 2"] | None = None,
    targets: Int[Array, "n 2"] | None = None,
) -> Float[Array, "n h2 w2 3"]:
    """Images resized to a smaller size by area: each pixel is the mean of the rectangle it covers.

    Equal to TensorFlow's `tf.image.resize(..., method="area")` up to rounding.

    Args:
      images: what to resize.
      level: height and width of the result.
      sizes: height and width of each image in its array; None: all fill it.
      targets: height and width that each image gets, at most `level`; needed with `sizes`.
    """
    for axis in (1, 2):
        whole, length = images.shape[axis], level[axis - 1]
        # An image in its array may be shrunk a little more than the array, for its size was cut to whole pixels.
        slack = 1.0 if sizes is None else (WINDOW + 1) / WINDOW
        count = min(whole, math.ceil(whole / length * slack) + 1)
        if sizes is None or targets is None:
            indices, weights = _taps(whole, length, length, count, np)
        else:
            indices, weights = _taps(sizes[:, axis - 1], targets[:, axis - 1], length, count, jnp)
        images = _shrink(images, axis, indices, weights)
    return images


def pack(images: UInt8[Array, "n h w 3"]) -> Int32[Array, "n h w"]:
    """A pixel's three colours in one number, so that a patch needs a third of the look-ups."""
    red, green, blue = (images[..., k].astype(jnp.int32) for k in range(3))
    return red | green << 8 | blue << 16


def _colours(packed: Int32[Array, "*shape"]) -> Float[Array, "*shape 3"]:
    return normalize(jnp.stack([packed & 255, packed >> 8 & 255, packed >> 16], axis=-1))


def sample_positions(boxes: Float[Array, "*n 4"], sizes: Int[Array, "*n 2"], side: int) -> Float[Array, "*n 2 side"]:
    """Where a patch of `side` × `side` pixels looks into its image: rows, then columns, in pixels.

    As `tf.image.crop_and_resize` with boxes divided by height and width: the first sample is at `top · (h − 1) / h`,
    the last at `bottom · (h − 1) / h`.

    Args:
      boxes: left, top, right, bottom; pixels.
      sizes: height and width of the image that each box is in.
      side: samples along a side.
    """
    extent = jnp.maximum(sizes, 1).astype(jnp.float32)
    low, high = boxes[..., 1::-1] / extent, boxes[..., 3:1:-1] / extent
    step = (high - low) * (extent - 1) / (side - 1)
    return (low * (extent - 1))[..., None] + jnp.arange(side, dtype=jnp.float32) * step[..., None]


def patches(
    packed: Int32[Array, "n h w"],
    sizes: Int[Array, "n 2"],
    image: Int[Array, "boxes"],
    positions: Float[Array, "boxes 2 side"],
) -> Float[Array, "boxes side side 3"]:
    """Pixels at the given rows and columns of images, from -1 to 1: bilinear, 0 beyond the image.

    Args:
      packed: from `pack`.
      sizes: height and width of each image in its array.
      image: which image each patch is of.
      positions: from `sample_positions`. They must lie in memory, as the arguments of a jitted function or of a loop do:
        where XLA computes them twice, for the neighbours and for their shares, the two may round to different pixels.
    """
    _, height, width = packed.shape
    last = (sizes[image] - 1).astype(jnp.float32)[..., None]
    inside = (positions >= 0) & (positions <= last)
    positions = jnp.clip(positions, 0, last)
    nearest = jnp.stack([jnp.floor(positions), jnp.ceil(positions)])
    share = (positions - nearest[0])[..., None]
    nearest = nearest.astype(jnp.int32)
    flat, start = packed.reshape(-1), image[:, None, None] * (height * width)

    def row(rows: Int[Array, "boxes side"]) -> Float[Array, "boxes side side 3"]:
        left, right = (
            _colours(jnp.take(flat, start + rows[:, :, None] * width + columns[:, None, :], mode="clip"))
            for columns in nearest[:, :, 1]
        )
        return left + (right - left) * share[:, None, 1]

    upper, lower = row(nearest[0, :, 0]), row(nearest[1, :, 0])
    patch = upper + (lower - upper) * share[:, 0, :, None]
    return jnp.where((inside[:, 0, :, None] & inside[:, 1, None, :])[..., None], patch, 0)
