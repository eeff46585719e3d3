"""Headers of image files, read without decoding: format, size, colours, orientation."""

import dataclasses
import struct
from collections.abc import Iterator

from lfw_jax.data.decoding.file_formats import FORMATS, format_of
from lfw_jax.data.decoding.image_sizes import read_size
from lfw_jax.data.decoding.tiff_tags import exif_orientation

MOST_PIXELS = 2**26
"""The pixels of the largest image that is decoded: 8,192 × 8,192. A file of a few kilobytes may claim far more."""

_EXIF = b"Exif\0\0"
_EXIF_WITHIN = 1024  # EXIF is the first or second segment of a JPEG
_SCAN, _END = 0xDA, 0xD9  # JPEG's markers


@dataclasses.dataclass(frozen=True)
class Header:
    """The header of an image file.

    Attributes:
      format: one of `file_formats.FORMATS`.
      height: in pixels.
      width: in pixels.
      channels: of a JPEG: 1 for grey, 3 for colour, 4 for CMYK; 0 for other formats.
      bits: per channel of a JPEG; 0 for other formats.
    """

    format: str
    height: int
    width: int
    channels: int = 0
    bits: int = 0


def read_header(encoded: bytes) -> Header | None:
    """Return the header of an image; None if it is incomplete or its format is not supported."""
    kind = format_of(encoded)
    try:
        if kind == "JPEG":
            return _read_jpeg_header(encoded)
        size = read_size(kind, encoded) if kind in FORMATS else None
    except struct.error:
        return None
    return Header(kind, *size) if kind and size else None


def _read_jpeg_header(encoded: bytes) -> Header | None:
    for marker, position in _segments(encoded):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, channels = struct.unpack_from(">BHHB", encoded, position + 4)
            return Header("JPEG", height, width, channels, bits)
    return None


def jpeg_preface(encoded: bytes) -> bytes | None:
    """Return the bytes before the pixels of a JPEG; None if no pixels follow.

    JPEGs that start with the same preface have the same size, colours and orientation.

    Args:
      encoded: the content of the file.
    """
    if not encoded.startswith(b"\xff\xd8"):
        return None
    try:
        return next((encoded[:position] for marker, position in _segments(encoded) if marker == _SCAN), None)
    except struct.error:
        return None


def _segments(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker and position of every segment of a JPEG, up to the first scan."""
    position = 2
    while position + 4 <= len(encoded):
        marker = encoded[position + 1]
        if encoded[position] != 0xFF or marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD7:
            position += 1  # fill bytes and markers without a segment
            continue
        if marker == _END:
            return
        yield marker, position
        if marker == _SCAN:
            return
        position += 2 + struct.unpack_from(">H", encoded, position + 2)[0]


def check_size(height: int, width: int) -> None:
    """Check that an image is not too large to be decoded.

    Args:
      height: in pixels.
      width: in pixels.

    Raises:
      OSError: the image has more than `MOST_PIXELS` pixels.
    """
    if height * width > MOST_PIXELS:
        raise OSError(f"{width:,}×{height:,} pixels, more than the {MOST_PIXELS:,} that are decoded")


def orientation(encoded: bytes) -> int:
    """Return the EXIF orientation of a JPEG, 1 (upright) to 8; 1 if it has none."""
    if encoded.find(_EXIF, 0, _EXIF_WITHIN) < 0 or not encoded.startswith(b"\xff\xd8"):
        return 1
    before_pixels = jpeg_preface(encoded) or encoded
    start = before_pixels.find(_EXIF, 0, _EXIF_WITHIN)
    if start < 0:
        return 1
    return exif_orientation(before_pixels[start : start + len(_EXIF) + 65536])
