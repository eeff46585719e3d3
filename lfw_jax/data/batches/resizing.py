"""A square of an image brought to another size."""

import math

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image

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
    top, left, side = box
    ratio = side / len(out)
    if ratio >= _FEWER_PIXELS:
        picture = Image.fromarray(pixels)
        resized = picture.resize(out.shape[1::-1], Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
        out[:] = np.asarray(resized)
        return
    row, column = math.floor(top), math.floor(left)
    square = pixels[row : math.ceil(top + side), column : math.ceil(left + side)]
    if ratio > _SOFTEN_FROM:
        square = _soften(square, ratio)
    if square.shape == out.shape:
        out[:] = square
    elif square.shape[0] == square.shape[1] == side:
        cv2.resize(square, out.shape[1::-1], dst=out, interpolation=cv2.INTER_LINEAR)
    else:
        _interpolate(square, top - row, left - column, ratio, out)


def _soften(square: UInt8[np.ndarray, "h w 3"], ratio: float) -> UInt8[np.ndarray, "h w 3"]:
    """Blur by as much as antialiasing would beyond bilinear interpolation.

    The triangle that antialiasing weighs pixels with has the variance ratio² / 6, the one of interpolation 1 / 6. Three
    weights (a, 1 − 2a, a) add 2a.
    """
    weight = (ratio * ratio - 1) / 12
    kernel = np.array([weight, 1 - 2 * weight, weight], np.float32)
    return cv2.sepFilter2D(square, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)


def _interpolate(
    square: UInt8[np.ndarray, "h w 3"], top: float, left: float, ratio: float, out: UInt8[np.ndarray, "side side 3"]
) -> None:
    """Bilinear interpolation from a corner between pixels: pixel i's centre lies at (i + ½)·ratio from it."""
    shift = ratio / 2 - 0.5
    to_source = np.array([[ratio, 0, left + shift], [0, ratio, top + shift]])
    cv2.warpAffine(
        square,
        to_source,
        out.shape[1::-1],
        dst=out,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
