"""JPEG compression simulated without entropy coding (ITU-T T.81, libjpeg's quality scaling).

The discrete cosine transform of 8×8 blocks is quantised by a table. Chroma has half the resolution (4:2:0), the default of
libjpeg and Pillow.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from lfw_jax.augmentation import draws
from lfw_jax.augmentation.colour import LUMA
from lfw_jax.augmentation.options import Augmentation
from lfw_jax.augmentation.view import to_unit

# Tables K.1 and K.2 of ITU-T T.81, Annex K.
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_CHROMINANCE = np.full((8, 8), 99)
_CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

_FREQUENCY, _INDEX = np.arange(8)[:, None], np.arange(8)[None]
# Row k is the cosine of frequency k; rows are orthonormal.
_COSINES = np.cos((2 * _INDEX + 1) * _FREQUENCY * np.pi / 16) * np.where(_FREQUENCY == 0, np.sqrt(1 / 8), 1 / 2)

# RGB to YCbCr (JFIF), and back.
_BLUE, _RED = 1 - LUMA[2], 1 - LUMA[0]
_TO_YCC = np.array(
    [LUMA, [-LUMA[0] / (2 * _BLUE), -LUMA[1] / (2 * _BLUE), 0.5], [0.5, -LUMA[1] / (2 * _RED), -LUMA[2] / (2 * _RED)]]
)
_TO_RGB = np.linalg.inv(_TO_YCC)


def degrade(
    key: Key[Array, ""], image: Float[Array, "side side 3"], *, options: Augmentation
) -> Float[Array, "side side 3"]:
    """Apply JPEG compression of a random quality with the probability of the options.

    Args:
      key: the key of the image.
      image: the image, in [-1, 1].
      options: the probability and the lowest quality.
    """
    chosen = draws.chosen(key, draws.JPEG, options.jpeg)
    quality = jax.random.randint(jax.random.fold_in(key, draws.JPEG_QUALITY), (), options.jpeg_quality, 101)
    return jnp.where(chosen, compress(image, quality), image)


def compress(image: Float[Array, "side side 3"], quality: Int[Array, ""] | int) -> Float[Array, "side side 3"]:
    """Compress and decompress an image.

    Args:
      image: the image, in [-1, 1].
      quality: libjpeg's quality, 1 to 100.

    Returns:
      The decompressed image, in [-1, 1], with integer grey values.
    """
    side = image.shape[0]
    half, whole = (
        -(-side // 2),
        -(-side // 16) * 16,
    )  # the side of the chroma planes; the side padded to full chroma blocks
    pixels = jnp.moveaxis(jnp.round(127.5 * image + 127.5), -1, 0)
    # At the edges, libjpeg repeats the last column before, but the last row after it halves the chroma.
    planes = jnp.round(_mixed(_extended(pixels, 2 * half, whole), _TO_YCC))
    half_up = jnp.where(jnp.arange(whole // 2) % 2, 0.5, 0.25)  # libjpeg's alternating rounding bias
    chroma = jnp.floor(planes[1:].reshape(2, half, 2, whole // 2, 2).mean((2, 4)) + half_up)
    planes, chroma = _extended(planes, whole, whole), _extended(chroma, whole // 2, whole // 2)
    luma = _coded(planes[:1] - 128.0, quantisation(_LUMINANCE, quality)) + 128.0
    chroma = _coded(chroma, quantisation(_CHROMINANCE, quality))[:, :half, :half]
    chroma = _doubled(_doubled(chroma, 1), 2)
    back = _mixed(jnp.concatenate([luma[:, :side, :side], chroma[:, :side, :side]]), _TO_RGB)
    return to_unit(jnp.clip(jnp.round(jnp.moveaxis(back, 0, -1)), 0.0, 255.0))


def quantisation(table: Int[np.ndarray, "8 8"], quality: Int[Array, ""] | int) -> Int[Array, "8 8"]:
    """Scale a quantisation table to a quality as libjpeg does; at 100 it is all ones.

    Args:
      table: the table for quality 50.
      quality: libjpeg's quality, 1 to 100.
    """
    quality = jnp.asarray(quality, jnp.int32)
    percent = jnp.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return jnp.clip((jnp.asarray(table) * percent + 50) // 100, 1, 255)


def _coded(planes: jax.Array, table: jax.Array) -> jax.Array:
    """Quantise the block coefficients of planes `[…, height, width]` that are centred at 0."""
    *rest, height, width = planes.shape
    blocks = planes.reshape(*rest, height // 8, 8, width // 8, 8)
    cosines = jnp.asarray(_COSINES, planes.dtype)
    turned = jnp.einsum("ui,...yixj,vj->...yuxv", cosines, blocks, cosines, precision="highest")
    steps = table.astype(planes.dtype)[:, None, :]
    rounded = jnp.round(turned / steps) * steps
    back = jnp.einsum("ui,...yuxv,vj->...yixj", cosines, rounded, cosines, precision="highest")
    return jnp.clip(jnp.round(back), -128.0, 127.0).reshape(planes.shape)


def _extended(planes: jax.Array, height: int, width: int) -> jax.Array:
    """Pad planes to a size by repeating their last row and column."""
    return jnp.pad(planes, ((0, 0), (0, height - planes.shape[1]), (0, width - planes.shape[2])), mode="edge")


def _doubled(planes: jax.Array, axis: int) -> jax.Array:
    """Double the resolution along an axis by libjpeg's fancy upsampling, with weights 3/4 and 1/4."""
    planes = jnp.moveaxis(planes, axis, -1)
    beside = jnp.pad(planes, [(0, 0)] * (planes.ndim - 1) + [(1, 1)], mode="edge")
    both = jnp.stack([3 * planes + beside[..., :-2], 3 * planes + beside[..., 2:]], axis=-1) / 4
    return jnp.moveaxis(both.reshape(*planes.shape[:-1], -1), -1, axis)


def _mixed(planes: jax.Array, matrix: np.ndarray) -> jax.Array:
    """Multiply three planes by a 3×3 matrix, as sums, because so small a matrix product is slow."""
    return jnp.stack([sum(float(weight) * plane for weight, plane in zip(row, planes, strict=True)) for row in matrix])
