"""Whether an image file can be used, found out without decoding it where that is possible."""

import io
from pathlib import Path

from PIL import Image

from lfw_jax.data.decoding.decoder import decode_by_pillow, read_file
from lfw_jax.data.decoding.image_headers import FORMATS, Header, check_size, format_of, read_header

SMALLEST = 8
"""Pixels each way below which no face can be seen, and which a spoilt file often has."""

_START = 65536  # bytes in which nearly every file says what it is


def fault(image: Path | bytes) -> str | None:
    """Why an image cannot be used, in words; None if it can.

    A JPEG is not decoded for this: a header that makes sense and an end marker in the last bytes are what a decoder needs
    not to fail. Everything else is decoded once, unless its header claims more pixels than are decoded.
    """
    try:
        start = image[:_START] if isinstance(image, bytes) else _start(image)
        kind = format_of(start)
        if kind is None:
            return "not an image"
        if kind not in FORMATS:
            return f"a {kind} file, expected {', '.join(FORMATS)}"
        header = read_header(start) or read_header(_content(image))  # a JPEG may have a long preface
        if header is None:
            return f"a {kind} that is cut off before its end"
        if min(header.height, header.width) < SMALLEST:
            return f"{header.width}×{header.height} pixels, expected at least {SMALLEST} each way"
        check_size(header.height, header.width)
        return _jpeg_fault(image, header) if kind == "JPEG" else _still_fault(_content(image))
    except OSError as error:
        return f"unreadable ({error.strerror or error})"


def _content(image: Path | bytes) -> bytes:
    return image if isinstance(image, bytes) else read_file(image)


def _jpeg_fault(image: Path | bytes, header: Header) -> str | None:
    if header.bits != 8:
        return f"a JPEG of {header.bits} bits a channel, expected 8"
    if header.channels not in (1, 3):
        return f"a JPEG in {'CMYK' if header.channels == 4 else f'{header.channels} channels'}, expected RGB or grey"
    if not _ends_as_jpeg(image):
        try:  # whole ones with something behind them exist
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


def _still_fault(encoded: bytes) -> str | None:
    decode_by_pillow(encoded)
    with Image.open(io.BytesIO(encoded), formats=FORMATS) as picture:
        animated = getattr(picture, "is_animated", False)
        return f"an animated {picture.format}, expected a still image" if animated else None


def _start(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return file.read(_START)
