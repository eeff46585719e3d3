"""Resampling of images to another size, exactly symmetric under reflection.

Images are enlarged by cubic interpolation (Keys 1981) and reduced with the same kernel, widened by the factor of the reduction,
which prevents aliasing. Weights are multiples of 1/256: every product and sum is then exact in float32, so that their order,
which reflection changes, does not matter.
"""

import functools

import numpy as np
from jaxtyping import Float, Int, UInt8

_UNIT = (
    256  # 7 bits of |pixel − 128| and 8 bits for each of two weights leave a factor of 2 within the 24 bits of float32
)
_MIDDLE = 128


def even_size(side: int, factor: float) -> int:
    """Return the even number of pixels that is closest to `side · factor`, at least 2.

    With an even width no pixel lies on the axis of reflection, and patches of even size can be reflected exactly.

    Args:
      side: a side of an image in pixels.
      factor: the scaling.
    """
    return max(2, 2 * round(side * factor / 2))


def resample(
    images: UInt8[np.ndarray, "images height width"], height: int, width: int
) -> UInt8[np.ndarray, "images height2 width2"]:
    """Return images of another size.

    Args:
      images: grey images.
      height: the new height in pixels, even.
      width: the new width in pixels, even.

    Returns:
      `[images, height, width]`. The pixel (x, y) of an image is at `(x + ½) · width / old width − ½`, likewise for y.
    """
    centred = images.swapaxes(1, 2).astype(np.float32) - _MIDDLE
    across = _resample_rows(np.ascontiguousarray(centred), width)
    values = _resample_rows(np.ascontiguousarray(across.swapaxes(1, 2)), height)
    return np.clip(np.rint(values * (1 / _UNIT**2) + _MIDDLE), 0, 255).astype(np.uint8)


def _resample_rows(
    values: Float[np.ndarray, "images rows columns"], rows: int
) -> Float[np.ndarray, "images rows2 columns"]:
    """Return the interpolated rows: a sum over few rows each, which is cheaper than a matrix product."""
    first, weights = _interpolation(values.shape[1], rows)
    out = values[:, first] * weights[:, :1]
    for tap in range(1, weights.shape[1]):
        out += values[:, first + tap] * weights[:, tap, None]
    return out


@functools.lru_cache(maxsize=64)
def _interpolation(source: int, target: int) -> tuple[Int[np.ndarray, "target"], Float[np.ndarray, "target taps"]]:
    """Return the first source pixel of each target pixel and the weights from there on: whole numbers that sum to 256."""
    ratio = source / target
    # The first half of the pixels; the second is its reflection, as every rounding is.
    centres = (np.arange(target // 2) + 0.5) * ratio - 0.5
    weights = _cubic((np.arange(source) - centres[:, None]) / max(1.0, ratio))
    weights *= _UNIT / weights.sum(axis=1, keepdims=True)
    whole = np.rint(weights)
    largest = np.argmax(weights, axis=1)
    whole[np.arange(len(whole)), largest] += _UNIT - whole.sum(axis=1)
    whole = np.concatenate((whole, whole[::-1, ::-1])).astype(np.float32)
    first, last = np.argmax(whole != 0, axis=1), source - np.argmax(whole[:, ::-1] != 0, axis=1)
    taps = int(np.max(last - first))
    first = np.minimum(first, source - taps)
    return first, np.take_along_axis(whole, first[:, None] + np.arange(taps), axis=1)


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Return the cubic convolution kernel with a = −½, which is 0 from a distance of 2."""
    x = np.abs(distance)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
