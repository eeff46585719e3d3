"""From a file to square uint8 pixels. Both loaders come here, so that a batch is the same whichever fetches it.

JPEGs go through libjpeg-turbo, shrunk in its inverse DCT where the target is much smaller. Everything else, and every JPEG that
libjpeg-turbo complains of, goes through Pillow.
"""

import dataclasses
import functools
import io
import math
import os
import struct
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import simplejpeg
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from lfw_jax.data.batches.image_headers import FORMATS, Header, check_size, format_of, orientation, read_header
from lfw_jax.data.batches.resizing import Resize, resize_box, resizer

SMALLEST = 8
"""Pixels each way below which no face can be seen, and which a spoilt file often has."""

_START = 65536  # bytes in which nearly every file says what it is
# libjpeg-turbo shrinks to any number of eighths, but is quick for these alone.
_SHRINK = (8, 4, 2)
_COLOURS = ("YCbCr", "Gray", "RGB")  # of which libjpeg-turbo makes the RGB that Pillow makes
_LARGEST_SCRATCH = 2**22
_of_this_thread = threading.local()
_MIRRORED = (2, 4, 5, 7)  # values of EXIF's orientation
_QUARTER_TURNS = (0, 0, 0, 2, 2, 1, 3, 3, 1)  # by orientation, counter-clockwise, after mirroring
# What Pillow's readers raise at files that are no good.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, Image.DecompressionBombError)


@dataclasses.dataclass(frozen=True)
class Framing:
    """Which square of an image the network sees, and how large.

    Attributes:
      side: pixels of the square that a network sees.
      crop: side of the centred square that this shows, as a share of the image's shorter side; 1 is the largest square.
      margin: pixels kept beyond each edge (at the scale of `side`), for augmentation to draw on instead of black. Where
        the image ends before them, its edge is repeated.
    """

    side: int
    crop: float = 1.0
    margin: int = 0

    @functools.cached_property
    def stored(self) -> int:
        """Pixels of the stored square, margins included."""
        return self.side + 2 * self.margin

    @functools.cached_property
    def filled(self) -> int:
        """Pixels of the stored square, in its middle, that an image has; beyond them its edge is repeated."""
        return self.stored - 2 * max(0, math.ceil((self.stored - self.side / self.crop) / 2 - 1e-6))

    def box(self, height: int, width: int) -> tuple[int, int, int]:
        """Top, left and side of what fills the stored square, whole pixels, never beyond the image."""
        shorter = min(height, width)
        side = min(shorter, max(1, round(self.crop * shorter * self.filled / self.side)))
        return (height - side) // 2, (width - side) // 2, side


def decode(
    image: Path | str | bytes | UInt8[np.ndarray, "h w 3"],
    framing: Framing,
    out: UInt8[np.ndarray, "side side 3"] | None = None,
) -> UInt8[np.ndarray, "side side 3"]:
    """Decode, turn as EXIF says, crop the centred square, resize with antialiasing.

    Transparency is dropped, 16 bits become 8, and of an animation the first picture counts.

    Args:
      image: a file, its content, or pixels.
      framing: which square, and how large it becomes.
      out: where to write it, contiguous; a new array where it is None.

    Raises:
      OSError: no readable image, or one of more than `image_headers.MOST_PIXELS` pixels.
    """
    if out is None:
        out = np.empty((framing.stored, framing.stored, 3), np.uint8)
    if framing.filled < framing.stored:
        missing = (framing.stored - framing.filled) // 2
        inside = decode(image, Framing(framing.filled, framing.crop * framing.filled / framing.side))
        out[:] = np.pad(inside, ((missing, missing), (missing, missing), (0, 0)), mode="edge")
        return out
    if isinstance(image, np.ndarray):
        resize_box(image, framing.box(image.shape[0], image.shape[1]), out)
        return out
    encoded = image if isinstance(image, bytes) else _read(image)
    if not (encoded.startswith(b"\xff\xd8") and _decode_jpeg(encoded, framing, out)):
        pixels = decode_by_pillow(encoded)
        resize_box(pixels, framing.box(pixels.shape[0], pixels.shape[1]), out)
    turn = orientation(encoded)
    if turn != 1:  # the centred square is the same before and after
        out[:] = np.rot90(out[:, ::-1] if turn in _MIRRORED else out, _QUARTER_TURNS[turn])
    return out


def decode_whole(image: Path | bytes | UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The whole picture at its own size, turned as EXIF says. Raises OSError as `decode` does."""
    if isinstance(image, np.ndarray):
        return image
    encoded = image if isinstance(image, bytes) else _read(image)
    pixels = None
    if encoded.startswith(b"\xff\xd8"):
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(encoded)
            check_size(int(height), int(width))
            if colours in _COLOURS:
                pixels = simplejpeg.decode_jpeg(encoded)
        except ValueError:  # it may be harmless: Pillow decides
            pixels = None
    if pixels is None:
        pixels = decode_by_pillow(encoded)
    turn = orientation(encoded)
    if turn == 1:
        return pixels
    return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if turn in _MIRRORED else pixels, _QUARTER_TURNS[turn]))


def _read(path: Path | str, at_most: int = sys.maxsize) -> bytes:
    """A file, a third quicker than `Path.read_bytes`."""
    file = os.open(path, os.O_RDONLY)
    try:
        content = os.read(file, min(at_most, _START))
        if len(content) == _START < at_most:  # less is all there is
            while more := os.read(file, max(_START, os.fstat(file).st_size - len(content))):
                content += more
        return content
    finally:
        os.close(file)


def _decode_jpeg(encoded: bytes, framing: Framing, out: UInt8[np.ndarray, "side side 3"]) -> bool:
    """Whether libjpeg-turbo did it without complaint."""
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(encoded)
        if colours not in _COLOURS:
            return False
        plan = _plan(framing, height, width)
        memory = out if plan.resize is None else _scratch(plan.size)
        pixels = simplejpeg.decode_jpeg(
            encoded, min_height=plan.min_height, min_width=plan.min_width, min_factor=plan.shrink, buffer=memory
        )
    except ValueError:  # it may be harmless: Pillow decides
        return False
    if plan.resize is not None:
        plan.resize(pixels, out)
    return True


class _Plan(NamedTuple):
    """How to decode images of one size: by how much to shrink them meanwhile, to what (0: as they are), how many bytes that
    is, and what to do then; None: nothing."""

    shrink: int
    min_height: int
    min_width: int
    size: int
    resize: Resize | None


@functools.lru_cache(4096)  # most images of a set have the size of others
def _plan(framing: Framing, height: int, width: int) -> _Plan:
    check_size(height, width)
    top, left, side = framing.box(height, width)
    # The square stays at least as large as the target: nothing is lost that would be seen.
    shrink = next((factor for factor in _SHRINK if side >= factor * framing.stored), 1)
    height, width = -(-height // shrink), -(-width // shrink)
    box, target = (top / shrink, left / shrink, side / shrink), framing.stored
    resize = None if box == (0, 0, height) and height == width == target else resizer(box, target)
    least = (height, width) if shrink > 1 else (0, 0)
    return _Plan(shrink, *least, height * width * 3, resize)


def _scratch(size: int) -> UInt8[np.ndarray, "bytes"]:
    """Memory that a thread uses again for its next image: getting it anew takes a fifth of the time of decoding."""
    if size > _LARGEST_SCRATCH:
        return np.empty(size, np.uint8)
    kept = getattr(_of_this_thread, "scratch", None)
    if kept is None or len(kept) < size:
        kept = _of_this_thread.scratch = np.empty(size, np.uint8)
    return kept


def decode_by_pillow(encoded: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """The whole picture, not turned, by way of Pillow. Raises OSError as `decode` does."""
    header = read_header(encoded)
    if header is None:
        raise OSError("not an image")
    check_size(header.height, header.width)
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as picture:
            if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip rather than scale
                grey = (np.asarray(picture) >> 8).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            if "transparency" in picture.info:
                picture = picture.convert("RGBA")
            return np.asarray(picture.convert("RGB"))
    except UnidentifiedImageError:
        raise OSError("not an image") from None
    except _UNREADABLE as error:
        raise OSError(str(error) or type(error).__name__) from error


def fault(image: Path | bytes) -> str | None:
    """Why an image cannot be used, in words; None if it can.

    A JPEG is not decoded for this: a header that makes sense and an end marker in the last bytes are what a decoder needs
    not to fail. Everything else is decoded once, unless its header claims more pixels than are decoded.
    """
    try:
        start = image[:_START] if isinstance(image, bytes) else _read(image, at_most=_START)
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
        return f"unreadable ({error})"


def _content(image: Path | bytes) -> bytes:
    return image if isinstance(image, bytes) else _read(image)


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
