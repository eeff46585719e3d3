"""Decoding of whole images at their own size."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from simplejpeg import decode_jpeg, decode_jpeg_header

from lfw_jax.data.decoding.file_reading import read_file
from lfw_jax.data.decoding.image_headers import check_size, orientation
from lfw_jax.data.decoding.pillow_decoder import decode_by_pillow

COLOURS = ("YCbCr", "Gray", "RGB")
"""The colour spaces of JPEGs for which libjpeg-turbo yields the same RGB as Pillow."""

_MIRRORED = (2, 4, 5, 7)  # values of the EXIF orientation
_QUARTER_TURNS = (0, 0, 0, 2, 2, 1, 3, 3, 1)  # by EXIF orientation, counter-clockwise, after mirroring


def decode_whole(image: Path | bytes | UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Decode a whole image at its own size, with its EXIF orientation applied.

    Args:
      image: a file, its content, or pixels, which are returned unchanged.

    Raises:
      OSError: the image is not readable, or too large.
    """
    if isinstance(image, np.ndarray):
        return image
    encoded = image if isinstance(image, bytes) else read_file(image)
    pixels, turn = None, 1
    if encoded.startswith(b"\xff\xd8"):
        try:
            height, width, colours, _ = decode_jpeg_header(encoded)
            check_size(int(height), int(width))
            if colours in COLOURS:
                pixels, turn = decode_jpeg(encoded), orientation(encoded)
        except ValueError:  # possibly harmless: Pillow decides
            pixels = None
    if pixels is None:
        pixels, turn = decode_by_pillow(encoded)
    return np.ascontiguousarray(upright(pixels, turn))


def upright(pixels: UInt8[np.ndarray, "h w 3"], turn: int) -> UInt8[np.ndarray, "_ _ 3"]:
    """Return a view of the pixels, mirrored and rotated as an EXIF orientation demands.

    Args:
      pixels: `[h, w, 3]`, the pixels as stored.
      turn: the value of the EXIF orientation, from 1 to 8.
    """
    return np.rot90(pixels[:, ::-1] if turn in _MIRRORED else pixels, _QUARTER_TURNS[turn])
