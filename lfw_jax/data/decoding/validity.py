"""Checks that an image file is usable, without decoding it if possible."""

import io
from pathlib import Path

from PIL import Image

from lfw_jax.data.decoding.file_formats import FORMATS, format_of, unsupported
from lfw_jax.data.decoding.file_reading import read_file
from lfw_jax.data.decoding.image_headers import Header, check_size, read_header
from lfw_jax.data.decoding.pillow_decoder import decode_by_pillow

SMALLEST = 8
"""The smallest side of an image in pixels. Smaller images show no face, and damaged files often claim such sizes."""

_START = 65536  # bytes that contain the header of nearly every file


def fault(image: Path | bytes) -> str | None:
    """Return the reason why an image cannot be used, or None if it can.

    A JPEG is not decoded: with a valid header and an end marker in the last bytes, a decoder does not fail. Other formats are
    decoded once, unless the header claims too many pixels.

    Args:
      image: a file or its content.
    """
    try:
        start = image[:_START] if isinstance(image, bytes) else _start(image)
        kind = format_of(start)
        if kind is None:
            return "not an image"
        if kind not in FORMATS:
            return unsupported(kind)
        header = read_header(start) or read_header(_content(image))  # a JPEG may have a long preface
        if header is None:
            return f"a {kind} that is cut off before its end"
        if min(header.height, header.width) < SMALLEST:
            return f"{header.width}×{header.height} pixels, expected at least {SMALLEST} each way"
        check_size(header.height, header.width)
        return _jpeg_fault(image, header) if kind == "JPEG" else _still_fault(kind, _content(image))
    except OSError as error:
        return f"unreadable ({error.strerror or error})"


def _content(image: Path | bytes) -> bytes:
    return image if isinstance(image, bytes) else read_file(image)


def _jpeg_fault(image: Path | bytes, header: Header) -> str | None:
    if header.bits != 8:
        return f"a JPEG of {header.bits} bits per channel, expected 8"
    if header.channels not in (1, 3):
        return f"a JPEG in {'CMYK' if header.channels == 4 else f'{header.channels} channels'}, expected RGB or grey"
    if not _ends_as_jpeg(image):
        try:  # some complete JPEGs have trailing data
            decode_by_pillow(_content(image))
        except OSError:
            return "a JPEG that is cut off before its end"
    return None


def _ends_as_jpeg(image: Path | bytes) -> bool:
    if isinstance(image, bytes):
        return b"\xff\xd9" in image[-64:]
    with image.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - 64))
        return b"\xff\xd9" in file.read()


def _still_fault(kind: str, encoded: bytes) -> str | None:
    decode_by_pillow(encoded)
    with Image.open(io.BytesIO(encoded), formats=(kind,)) as picture:
        if not getattr(picture, "is_animated", False):
            return None
        return (
            "a TIFF of several pages, expected one image"
            if kind == "TIFF"
            else f"an animated {kind}, expected a still image"
        )


def _start(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return file.read(_START)
