"""Headers of image files, read without decoding: format, size, colours, orientation."""

import dataclasses
import struct
from collections.abc import Iterator

FORMATS = ("JPEG", "PNG", "BMP", "GIF")
"""The supported formats."""

MOST_PIXELS = 2**26
"""The pixels of the largest image that is decoded: 8,192 × 8,192. A file of a few kilobytes may claim far more."""

_SIGNATURES = {
    b"\xff\xd8": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"BM": "BMP", b"GIF87a": "GIF", b"GIF89a": "GIF",
    b"RIFF": "WEBP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"\0\0\0\x0cjP": "JPEG 2000", b"%PDF": "PDF", b"PK\x03\x04": "ZIP",
}  # fmt: skip
_EXIF = b"Exif\0\0"
_EXIF_WITHIN = 1024  # EXIF is the first or second segment of a JPEG
_ORIENTATION = 0x0112
_SCAN, _END = 0xDA, 0xD9  # JPEG's markers


@dataclasses.dataclass(frozen=True)
class Header:
    """The header of an image file.

    Attributes:
      format: one of `FORMATS`.
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


def format_of(start: bytes) -> str | None:
    """Return the format that the first bytes of a file indicate, supported or not; None if unknown."""
    if start[4:8] == b"ftyp":
        return "HEIF or AVIF"
    return next((name for signature, name in _SIGNATURES.items() if start.startswith(signature)), None)


def read_header(encoded: bytes) -> Header | None:
    """Return the header of a JPEG, PNG, BMP or GIF; None if it is incomplete or the format is another."""
    kind = format_of(encoded)
    try:
        if kind == "JPEG":
            return _read_jpeg_header(encoded)
        if kind == "PNG":
            width, height = struct.unpack_from(">II", encoded, 16)
        elif kind == "GIF":
            width, height = struct.unpack_from("<HH", encoded, 6)
        elif kind == "BMP" and struct.unpack_from("<I", encoded, 14)[0] >= 40:
            width, height = struct.unpack_from("<ii", encoded, 18)  # a negative height marks top-down row order
        elif kind == "BMP":
            width, height = struct.unpack_from("<HH", encoded, 18)
        else:
            return None
    except struct.error:
        return None
    return Header(kind, abs(height), abs(width))


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
    tiff = before_pixels[start + len(_EXIF) : start + len(_EXIF) + 65536]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:  # it points outside the segment
        return 1
    return 1
