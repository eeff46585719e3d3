"""A square of an image brought to another size."""

import functools
import math
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image


class Resize(Protocol):
    """Brings to another size what it was made for."""

    def __call__(self, *, dst: UInt8[np.ndarray, "side side 3"]) -> object:
        """Write the result to `dst`."""


# Up to here bilinear interpolation alone differs from antialiasing by about half a grey level.
_SOFTEN_FROM = 1.25
_FEWER_PIXELS = 2.0


def resize_box(
    pixels: UInt8[np.ndarray, "h w 3"], box: tuple[float, float, float], out: UInt8[np.ndarray, "side side 3"]
) -> None:
    """Resize a square bilinearly, with antialiasing where it shrinks.

    Equal to Pillow's antialiased bilinear resize up to a few grey levels, in a fifth of the time where the square shrinks to
    more than half.

    Args:
      pixels: the image.
      box: top, left and side of the square; fractions of a pixel count.
      out: where to write it; its size is the target's.
    """
    resizer(pixels, box, len(out))(dst=out)


def resizer(pixels: UInt8[np.ndarray, "h w 3"], box: tuple[float, float, float], target: int) -> Resize:
    """`resize_box` of whatever lies in some memory whenever it is called: for many images it is worked out once.

    Args:
      pixels: the memory.
      box: top, left and side of the square.
      target: pixels of the result's side.
    """
    top, left, side = box
    ratio = side / target
    if ratio >= _FEWER_PIXELS:
        return functools.partial(_shrink, pixels, box=(left, top, left + side, top + side))
    row, column = math.floor(top), math.floor(left)
    rows, columns = slice(row, math.ceil(top + side)), slice(column, math.ceil(left + side))
    whole = rows.stop - rows.start == columns.stop - columns.start == side
    square = pixels[rows, columns]
    if not whole:
        change = functools.partial(_interpolate, top=top - row, left=left - column, ratio=ratio)
    elif side == target:
        change = _copy
    else:
        change = functools.partial(cv2.resize, dsize=(target, target), interpolation=cv2.INTER_LINEAR)
    if ratio <= _SOFTEN_FROM:
        return functools.partial(change, square)
    return lambda dst: change(_soften(square, ratio), dst=dst)


def _shrink(pixels: np.ndarray, dst: np.ndarray, *, box: tuple[float, float, float, float]) -> None:
    resized = Image.fromarray(pixels).resize(dst.shape[1::-1], Image.Resampling.BILINEAR, box=box)
    dst[:] = np.asarray(resized)


def _copy(square: UInt8[np.ndarray, "side side 3"], dst: UInt8[np.ndarray, "side side 3"]) -> None:
    dst[:] = square


def _soften(square: UInt8[np.ndarray, "h w 3"], ratio: float) -> UInt8[np.ndarray, "h w 3"]:
    """Blur by as much as antialiasing would beyond bilinear interpolation.

    The triangle that antialiasing weighs pixels with has the variance ratio² / 6, the one of interpolation 1 / 6. Three
    weights (a, 1 − 2a, a) add 2a.
    """
    weight = (ratio * ratio - 1) / 12
    kernel = np.array([weight, 1 - 2 * weight, weight], np.float32)
    return cv2.sepFilter2D(square, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)


def _interpolate(
    square: UInt8[np.ndarray, "h w 3"], dst: UInt8[np.ndarray, "side side 3"], *, top: float, left: float, ratio: float
) -> None:
    """Bilinear interpolation from a corner between pixels: pixel i's centre lies at (i + ½)·ratio from it."""
    shift = ratio / 2 - 0.5
    to_source = np.array([[ratio, 0, left + shift], [0, ratio, top + shift]])
    cv2.warpAffine(
        square,
        to_source,
        dst.shape[1::-1],
        dst=dst,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
