"""Resizing of a square part of an image."""

import functools
import math
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image


class Resize(Protocol):
    """A function that resizes the pixels for which it was created."""

    def __call__(self, *, dst: UInt8[np.ndarray, "side side 3"]) -> object:
        """Write the result to `dst`."""


# Up to this ratio, bilinear interpolation alone differs from antialiasing by about half a grey level.
_SOFTEN_FROM = 1.25
_FEWER_PIXELS = 2.0


def resize_box(
    pixels: UInt8[np.ndarray, "h w 3"], box: tuple[float, float, float], out: UInt8[np.ndarray, "side side 3"]
) -> None:
    """Resize a square bilinearly, with antialiasing if it becomes smaller.

    The result equals Pillow's antialiased bilinear resize up to a few grey levels, in a fifth of the time if the square
    shrinks to more than half.

    Args:
      pixels: the image.
      box: top, left and side of the square, in fractional pixels.
      out: the output array, which has the target size.
    """
    resizer(pixels, box, len(out))(dst=out)


def resizer(pixels: UInt8[np.ndarray, "h w 3"], box: tuple[float, float, float], target: int) -> Resize:
    """Prepare `resize_box` for an array whose content changes between calls.

    Args:
      pixels: the array, read on every call.
      box: top, left and side of the square, in fractional pixels.
      target: the side of the result, in pixels.

    Returns:
      The function that resizes the current content.
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
    """Blur by the difference between antialiasing and bilinear interpolation.

    The triangle filter of antialiasing has the variance ratio² / 6, that of interpolation 1 / 6. The kernel (a, 1 − 2a, a)
    adds 2a.
    """
    weight = (ratio * ratio - 1) / 12
    kernel = np.array([weight, 1 - 2 * weight, weight], np.float32)
    return cv2.sepFilter2D(square, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)


def _interpolate(
    square: UInt8[np.ndarray, "h w 3"], dst: UInt8[np.ndarray, "side side 3"], *, top: float, left: float, ratio: float
) -> None:
    """Interpolate bilinearly from a fractional corner; pixel i has its centre (i + ½)·ratio from it."""
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
