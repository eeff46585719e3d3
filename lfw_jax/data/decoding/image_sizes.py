"""Sizes of images of all formats but JPEG, read from their headers."""

import re
import struct
from collections.abc import Callable

from lfw_jax.data.decoding.tiff_tags import HEIGHT, WIDTH, read_tags

Size = tuple[int, int]
"""Height and width in pixels."""

# The width and the height after P1 to P6, between which comments may stand.
_PNM = re.compile(rb"P[1-6](?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})")


def read_size(kind: str, encoded: bytes) -> Size | None:
    """Return the size of an image; None if its header is incomplete.

    Args:
      kind: one of `file_formats.FORMATS` other than JPEG.
      encoded: the content of the file, or its first bytes.

    Raises:
      struct.error: the header is incomplete.
    """
    return _READERS[kind](encoded)


def _png_size(encoded: bytes) -> Size:
    width, height = struct.unpack_from(">II", encoded, 16)
    return height, width


def _gif_size(encoded: bytes) -> Size:
    width, height = struct.unpack_from("<HH", encoded, 6)
    return height, width


def _bmp_size(encoded: bytes) -> Size:
    wide = struct.unpack_from("<I", encoded, 14)[0] >= 40
    width, height = struct.unpack_from("<ii" if wide else "<HH", encoded, 18)
    return abs(height), abs(width)  # a negative height marks top-down row order


def _ppm_size(encoded: bytes) -> Size | None:
    found = _PNM.match(encoded)
    return found and (int(found[2]), int(found[1]))


def _tiff_size(encoded: bytes) -> Size | None:
    tags = read_tags(encoded, (WIDTH, HEIGHT))
    return (tags[HEIGHT], tags[WIDTH]) if len(tags) == 2 else None


def _webp_size(encoded: bytes) -> Size | None:
    kind = encoded[12:16]
    if kind == b"VP8X":  # 24 bits each, less one
        width, height = struct.unpack_from("<II", encoded[24:27] + b"\0" + encoded[27:30] + b"\0")
        return height + 1, width + 1
    if kind == b"VP8L":  # 14 bits each, less one
        (bits,) = struct.unpack_from("<I", encoded, 21)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", encoded, 26)
        return height & 0x3FFF, width & 0x3FFF
    return None


def _avif_size(encoded: bytes) -> Size | None:
    """Return the largest size among the image items of an AVIF: of the image itself, its alpha channel or a tile."""
    meta = _box(encoded, b"meta", 0, len(encoded))
    properties = meta and _box(encoded, b"iprp", meta[0] + 4, meta[1])
    items = properties and _box(encoded, b"ipco", *properties)
    sizes = []
    while items and (found := _box(encoded, b"ispe", *items)):
        width, height = struct.unpack_from(">II", encoded, found[0] + 4)
        sizes.append((height, width))
        items = found[1], items[1]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _box(encoded: bytes, name: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Return the start and the end of the content of the first ISO box of a name within a span."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", encoded, start)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", encoded, start + 8), 16
        size = size or end - start  # 0: up to the end
        if size < head or start + size > end:
            return None
        if kind == name:
            return start + head, start + size
        start += size
    return None


_READERS: dict[str, Callable[[bytes], Size | None]] = {
    "PNG": _png_size, "GIF": _gif_size, "BMP": _bmp_size, "PPM": _ppm_size, "TIFF": _tiff_size, "WEBP": _webp_size,
    "AVIF": _avif_size,
}  # fmt: skip
