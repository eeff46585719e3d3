"""The inputs of the cascade's networks: images at several scales, and patches.

Pixels p from 0 to 255 are mapped to (p − 127.5) / 128. An image may be smaller than its array, in which it is at the top left.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int32, Num, UInt8

from lfw_jax.faces.mtcnn.settings import SMALLEST_FACE, STEP, WINDOW

_UNROLLED = 24  # up to so many pixels of a side per target pixel, the sum is unrolled, so that XLA fuses it


def scales(height: int, width: int) -> Float[np.ndarray, "scales"]:
    """Return the scales at which P-Net is applied to an image; possibly none.

    At these scales, faces from 20 pixels to the image's shorter side fill P-Net's window.

    Args:
      height: the height of the image in pixels.
      width: its width.
    """
    count = round(-((math.log(min(height, width) / WINDOW) / math.log(STEP)) + 1)) if min(height, width) else 0
    return WINDOW / SMALLEST_FACE * STEP ** np.arange(count)


def level_sizes(height: int, width: int, at: Float[np.ndarray, "scales"]) -> Int[np.ndarray, "scales 2"]:
    """Return the height and width of an image at given scales.

    Args:
      height: the height of the image in pixels.
      width: its width.
      at: `[scales]`, which start with those of `scales(height, width)`.

    Returns:
      `[scales, 2]`, truncated to integers; 0 at scales that `scales(height, width)` does not have.
    """
    sizes = (np.array((height, width)) * at[:, None]).astype(np.int32)
    sizes[len(scales(height, width)) :] = 0
    return sizes


def normalize(images: UInt8[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Map pixels from 0 … 255 to about -1 … 1."""
    return (images.astype(jnp.float32) - 127.5) / 128


def _taps(source, target, length: int, count: int, xp) -> tuple:
    """Return the source pixels of each pixel of a reduced side, and their weights: both `[..., length, count]`."""
    ratio = xp.asarray(source, xp.float32) / xp.asarray(xp.maximum(target, 1), xp.float32)
    start = xp.arange(length, dtype=xp.float32) * ratio[..., None]
    end = xp.arange(1, length + 1, dtype=xp.float32) * ratio[..., None]
    pixel = xp.floor(start)[..., None] + xp.arange(count, dtype=xp.float32)
    overlap = xp.minimum(end[..., None], pixel + 1) - xp.maximum(start[..., None], pixel)
    weights = xp.clip(overlap, 0, None) / ratio[..., None, None]
    last = xp.maximum(xp.asarray(source) - 1, 0)[..., None, None]
    return xp.minimum(pixel.astype(xp.int32), last), weights


def _shrink(x: Float[Array, "n h w 3"], axis: int, indices: Num[Array, "..."], weights: Num[Array, "..."]) -> jax.Array:
    """Return weighted sums of the pixels `indices` along axis 1 or 2; images may have indices of their own."""
    shape = [1, 1, 1]
    shape[axis - 1] = indices.shape[-2]

    def term(k: int | jax.Array) -> jax.Array:
        index, weight = indices[..., k], weights[..., k].reshape(-1, *shape)
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
    """Reduce images by area averaging: each pixel is the mean of the rectangle that it covers.

    The result equals TensorFlow's `tf.image.resize(..., method="area")` up to rounding.

    Args:
      images: `[n, h, w, 3]`.
      level: the height and width of the result.
      sizes: `[n, 2]`, the height and width of each image within its array; None if all images fill it.
      targets: `[n, 2]`, the height and width of each reduced image, at most `level`; required with `sizes`.

    Returns:
      `[n, *level, 3]`, the reduced images.
    """
    for axis in (1, 2):
        whole, length = images.shape[axis], level[axis - 1]
        # An image may be reduced slightly more than its array, because its target size was truncated.
        slack = 1.0 if sizes is None else (WINDOW + 1) / WINDOW
        count = min(whole, math.ceil(whole / length * slack) + 1)
        if sizes is None or targets is None:
            indices, weights = _taps(whole, length, length, count, np)
        else:
            indices, weights = _taps(sizes[:, axis - 1], targets[:, axis - 1], length, count, jnp)
        images = _shrink(images, axis, indices, weights)
    return images


def pack(images: UInt8[Array, "n h w 3"]) -> Int32[Array, "n h w"]:
    """Pack the colours of each pixel into one integer, which saves `patches` look-ups."""
    red, green, blue = (images[..., k].astype(jnp.int32) for k in range(3))
    return red | green << 8 | blue << 16


def _colours(packed: Int32[Array, "*shape"]) -> Float[Array, "*shape 3"]:
    return normalize(jnp.stack([packed & 255, packed >> 8 & 255, packed >> 16], axis=-1))


def sample_positions(boxes: Float[Array, "*n 4"], sizes: Int[Array, "*n 2"], side: int) -> Float[Array, "*n 2 side"]:
    """Return the rows and columns at which patches of `side` × `side` pixels sample their images.

    They are those of `tf.image.crop_and_resize` for boxes divided by height and width: the first sample is at
    `top · (h − 1) / h`, the last at `bottom · (h − 1) / h`.

    Args:
      boxes: `[*n, 4]`: left, top, right, bottom, in pixels.
      sizes: `[*n, 2]`, the height and width of the image of each box.
      side: samples along a side.

    Returns:
      `[*n, 2, side]`: rows, then columns, in pixels.
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
    """Sample patches of images bilinearly; samples outside an image are 0.

    Args:
      packed: `[n, h, w]`, from `pack`.
      sizes: `[n, 2]`, the height and width of each image within its array.
      image: `[boxes]`, the index of each patch's image.
      positions: `[boxes, 2, side]`, from `sample_positions`. They must be materialised, like arguments of a jitted function or of
        a loop. If XLA computes them twice, for the neighbouring pixels and for their weights, the two may be rounded differently.

    Returns:
      `[boxes, side, side, 3]`, pixels from -1 to 1.
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
