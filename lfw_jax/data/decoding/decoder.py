"""From a file to square uint8 pixels. Both loaders come here, so that a batch is the same whichever fetches it.

JPEGs go through libjpeg-turbo, shrunk in its inverse DCT where the target is much smaller. Everything else, and every JPEG that
libjpeg-turbo complains of, goes through Pillow.
"""

import collections
import contextlib
import functools
import io
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError
from simplejpeg import decode_jpeg, decode_jpeg_header

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.image_headers import FORMATS, check_size, jpeg_preface, orientation, read_header
from lfw_jax.data.decoding.resizing import Resize, resize_box, resizer

_AT_ONCE = 65536  # bytes; few files have more
# libjpeg-turbo shrinks to any number of eighths, but is quick for these alone.
_SHRINK = (8, 4, 2)
_COLOURS = ("YCbCr", "Gray", "RGB")  # of which libjpeg-turbo makes the RGB that Pillow makes
_LARGEST_KEPT = 2**22  # bytes
_LONGEST_PREFACE = 2**16  # bytes
_NONE: tuple[bytes, ...] = ()  # nothing starts with it
_TRIES = 64  # images in a row
_MIRRORED = (2, 4, 5, 7)  # values of EXIF's orientation
_QUARTER_TURNS = (0, 0, 0, 2, 2, 1, 3, 3, 1)  # by orientation, counter-clockwise, after mirroring
# What Pillow's readers raise at files that are no good.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, Image.DecompressionBombError)


def decode(
    image: Path | str | bytes | UInt8[np.ndarray, "h w 3"],
    geometry: CropGeometry,
    out: UInt8[np.ndarray, "side side 3"] | None = None,
) -> UInt8[np.ndarray, "side side 3"]:
    """Decode, turn as EXIF says, crop the centred square, resize with antialiasing.

    Transparency is dropped, 16 bits become 8, and of an animation the first picture counts.

    Args:
      image: a file, its content, or pixels.
      geometry: which square, and how large it becomes.
      out: where to write it, contiguous; a new array where it is None.

    Raises:
      OSError: no readable image, or one of more than `image_headers.MOST_PIXELS` pixels.
    """
    if out is None:
        out = np.empty((geometry.stored_side, geometry.stored_side, 3), np.uint8)
    Decoder(geometry)(image, out)
    return out


class Decoder:
    """`decode` for many images, one after another: what one of them took to find out serves the next ones that start alike.

    The less Python between two calls of libjpeg-turbo, the less threads wait for one another. It belongs to one thread at a
    time: `Decoders` lends them.

    Args:
      geometry: which square of every image, and how large it becomes.
    """

    def __init__(self, geometry: CropGeometry):
        self._geometry = geometry
        self._inside = None
        if geometry.filled_side < geometry.stored_side:
            self._inside = Decoder(
                CropGeometry(geometry.filled_side, geometry.crop * geometry.filled_side / geometry.side)
            )
        self._memory = np.empty(0, np.uint8)  # used again: getting it anew takes a fifth of the time of decoding
        self._size = (0, 0)
        self._decode: Callable[..., object] = decode_jpeg  # of images of that size, and what follows
        self._resize: Resize | None = None
        self._preface: bytes | tuple[bytes, ...] = _NONE
        self._tries = _TRIES
        self._turn = 1  # of images that start with the preface

    def __call__(
        self, image: Path | str | bytes | UInt8[np.ndarray, "h w 3"], out: UInt8[np.ndarray, "side side 3"]
    ) -> None:
        """Decode one image, as `decode` does.

        Args:
          image: a file, its content, or pixels.
          out: where to write it, contiguous.

        Raises:
          OSError: no readable image, or too large a one.
        """
        if self._inside is not None:
            filled, missing = self._geometry.filled_side, (self._geometry.stored_side - self._geometry.filled_side) // 2
            inside = np.empty((filled, filled, 3), np.uint8)
            self._inside(image, inside)
            out[:] = np.pad(inside, ((missing, missing), (missing, missing), (0, 0)), mode="edge")
            return
        if isinstance(image, np.ndarray):
            self._resize_whole(image, out)
            return
        encoded = image if isinstance(image, bytes) else read_file(image)
        if self._decode_jpeg(encoded, out):
            turn = self._turn
        else:
            self._resize_whole(decode_by_pillow(encoded), out)
            turn = orientation(encoded)
        if turn != 1:  # the centred square is the same before and after
            out[:] = np.rot90(out[:, ::-1] if turn in _MIRRORED else out, _QUARTER_TURNS[turn])

    @property
    def memory(self) -> int:
        """Bytes that are kept for the next image."""
        return len(self._memory) if self._inside is None else self._inside.memory

    def _resize_whole(self, pixels: UInt8[np.ndarray, "h w 3"], out: UInt8[np.ndarray, "side side 3"]) -> None:
        resize_box(pixels, self._geometry.box(pixels.shape[0], pixels.shape[1]), out)

    def _decode_jpeg(self, encoded: bytes, out: UInt8[np.ndarray, "side side 3"]) -> bool:
        """Whether libjpeg-turbo did it without complaint."""
        try:
            if encoded.startswith(self._preface):
                self._tries = _TRIES
            elif not self._begin(encoded):
                return False
            if self._resize is None:
                self._decode(encoded, buffer=out)
            else:
                self._decode(encoded)
                self._resize(dst=out)
        except ValueError:  # it may be harmless: Pillow decides
            return False
        return True

    def _begin(self, encoded: bytes) -> bool:
        """Get ready for images that start like this one; whether libjpeg-turbo can be asked for them."""
        self._preface = _NONE
        if not encoded.startswith(b"\xff\xd8"):
            return False
        height, width, colours, _ = decode_jpeg_header(encoded)
        if colours not in _COLOURS:
            return False
        if (height, width) != self._size:
            self._size = (0, 0)
            self._prepare(int(height), int(width))
            self._size = height, width
        self._turn = orientation(encoded)
        if self._tries:  # none are left in a set where every image starts in its own way
            self._tries -= 1
            preface = jpeg_preface(encoded)
            if preface is not None and len(preface) <= _LONGEST_PREFACE:
                self._preface = preface
        return True

    def _prepare(self, height: int, width: int) -> None:
        """For images of one size: by how much libjpeg-turbo shrinks them, into which memory, and what follows."""
        check_size(height, width)
        top, left, side = self._geometry.box(height, width)
        target = self._geometry.stored_side
        # The square stays at least as large as the target: nothing is lost that would be seen.
        shrink = next((factor for factor in _SHRINK if side >= factor * target), 1)
        rows, columns = -(-height // shrink), -(-width // shrink)
        least = (rows, columns) if shrink > 1 else (0, 0)
        decode_to = functools.partial(decode_jpeg, min_height=least[0], min_width=least[1], min_factor=shrink)
        if rows == columns == side / shrink == target:
            self._decode, self._resize = decode_to, None
            return
        size = rows * columns * 3
        if len(self._memory) < size:
            self._decode, self._resize = decode_jpeg, None  # what they were holds the memory that is too small
            self._memory = np.empty(0, np.uint8)
            self._memory = np.empty(size, np.uint8)
        pixels = self._memory[:size].reshape(rows, columns, 3)
        self._decode = functools.partial(decode_to, buffer=pixels)
        self._resize = resizer(pixels, (top / shrink, left / shrink, side / shrink), target)


class Decoders:
    """Decoders of one geometry for threads that come and go. Any number of threads may ask.

    Args:
      geometry: which square of every image, and how large it becomes.
    """

    def __init__(self, geometry: CropGeometry):
        self._geometry = geometry
        self._free: collections.deque[Decoder] = collections.deque()

    @contextlib.contextmanager
    def lend(self) -> Iterator[Decoder]:
        """One that nobody else has meanwhile."""
        try:
            decoder = self._free.pop()
        except IndexError:
            decoder = Decoder(self._geometry)
        try:
            yield decoder
        finally:
            if decoder.memory <= _LARGEST_KEPT:
                self._free.append(decoder)


def decode_whole(image: Path | bytes | UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """The whole picture at its own size, turned as EXIF says. Raises OSError as `decode` does."""
    if isinstance(image, np.ndarray):
        return image
    encoded = image if isinstance(image, bytes) else read_file(image)
    pixels = None
    if encoded.startswith(b"\xff\xd8"):
        try:
            height, width, colours, _ = decode_jpeg_header(encoded)
            check_size(int(height), int(width))
            if colours in _COLOURS:
                pixels = decode_jpeg(encoded)
        except ValueError:  # it may be harmless: Pillow decides
            pixels = None
    if pixels is None:
        pixels = decode_by_pillow(encoded)
    turn = orientation(encoded)
    if turn == 1:
        return pixels
    return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if turn in _MIRRORED else pixels, _QUARTER_TURNS[turn]))


def read_file(path: Path | str) -> bytes:
    """A file, a third quicker than `Path.read_bytes`."""
    file = os.open(path, os.O_RDONLY)
    try:
        content = os.read(file, _AT_ONCE)
        if len(content) == _AT_ONCE:  # less is all there is
            while more := os.read(file, max(_AT_ONCE, os.fstat(file).st_size - len(content))):
                content += more
        return content
    finally:
        os.close(file)


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
