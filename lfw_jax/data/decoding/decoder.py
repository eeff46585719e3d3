"""Decoding of files to square uint8 pixels, used by both loaders so that their batches agree.

JPEGs are decoded by libjpeg-turbo, scaled in its inverse DCT if the target is much smaller. All other images, and every JPEG
that libjpeg-turbo rejects, are decoded by Pillow.
"""

import collections
import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from simplejpeg import decode_jpeg, decode_jpeg_header

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.file_reading import read_file
from lfw_jax.data.decoding.image_headers import check_size, jpeg_preface, orientation
from lfw_jax.data.decoding.pillow_decoder import decode_by_pillow
from lfw_jax.data.decoding.resizing import Resize, resize_box, resizer
from lfw_jax.data.decoding.whole import COLOURS, upright

# libjpeg-turbo scales to any number of eighths, but is fast for these factors only.
_SHRINK = (8, 4, 2)
_LARGEST_RETAINED = 2**22  # bytes
_LONGEST_PREFACE = 2**16  # bytes
_NONE: tuple[bytes, ...] = ()  # no image starts with it
_TRIES = 64  # images in a row


def decode(
    image: Path | str | bytes | UInt8[np.ndarray, "h w 3"],
    geometry: CropGeometry,
    out: UInt8[np.ndarray, "side side 3"] | None = None,
) -> UInt8[np.ndarray, "side side 3"]:
    """Decode an image, crop the centred square and resize it with antialiasing.

    The EXIF orientation is applied, transparency is dropped, and 16 bits are reduced to 8. Of an animation the first frame is
    decoded.

    Args:
      image: a file, its content, or pixels.
      geometry: the crop geometry.
      out: the contiguous output array; None allocates one.

    Returns:
      `[side, side, 3]`, the pixels of the stored square.

    Raises:
      OSError: the image is not readable, or has more than `image_headers.MOST_PIXELS` pixels.
    """
    if out is None:
        out = np.empty((geometry.stored_side, geometry.stored_side, 3), np.uint8)
    Decoder(geometry)(image, out)
    return out


class Decoder:
    """`decode` for many consecutive images.

    The preparation is shared by images that start with the same bytes.
    The less Python runs between two calls of libjpeg-turbo, the less threads wait for each other. A decoder belongs to one
    thread at a time; `Decoders` lends them.

    Args:
      geometry: the crop geometry of all images.
    """

    def __init__(self, geometry: CropGeometry):
        self._geometry = geometry
        self._inner = None
        if geometry.filled_side < geometry.stored_side:
            self._inner = Decoder(
                CropGeometry(geometry.filled_side, geometry.crop * geometry.filled_side / geometry.side)
            )
        self._memory = np.empty(0, np.uint8)  # reused: allocating it takes a fifth of the time of decoding
        self._size = (0, 0)
        self._decode: Callable[..., object] = decode_jpeg  # for images of this size, as is the next attribute
        self._resize: Resize | None = None
        self._preface: bytes | tuple[bytes, ...] = _NONE
        self._tries = _TRIES
        self._turn = 1  # EXIF orientation of images that start with the preface

    def __call__(
        self, image: Path | str | bytes | UInt8[np.ndarray, "h w 3"], out: UInt8[np.ndarray, "side side 3"]
    ) -> None:
        """Decode one image, as `decode` does.

        Args:
          image: a file, its content, or pixels.
          out: the contiguous output array.

        Raises:
          OSError: the image is not readable, or too large.
        """
        if self._inner is not None:
            filled, missing = self._geometry.filled_side, (self._geometry.stored_side - self._geometry.filled_side) // 2
            inner = np.empty((filled, filled, 3), np.uint8)
            self._inner(image, inner)
            out[:] = np.pad(inner, ((missing, missing), (missing, missing), (0, 0)), mode="edge")
            return
        if isinstance(image, np.ndarray):
            self._resize_whole(image, out)
            return
        encoded = image if isinstance(image, bytes) else read_file(image)
        if self._decode_jpeg(encoded, out):
            turn = self._turn
        else:
            pixels, turn = decode_by_pillow(encoded)
            self._resize_whole(pixels, out)
        if turn != 1:  # rotation does not move the centred square
            out[:] = upright(out, turn)

    @property
    def memory(self) -> int:
        """The memory retained for the next image, in bytes."""
        return len(self._memory) if self._inner is None else self._inner.memory

    def _resize_whole(self, pixels: UInt8[np.ndarray, "h w 3"], out: UInt8[np.ndarray, "side side 3"]) -> None:
        resize_box(pixels, self._geometry.box(pixels.shape[0], pixels.shape[1]), out)

    def _decode_jpeg(self, encoded: bytes, out: UInt8[np.ndarray, "side side 3"]) -> bool:
        """Decode by libjpeg-turbo; return false if it rejects the image."""
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
        except ValueError:  # possibly harmless: Pillow decides
            return False
        return True

    def _begin(self, encoded: bytes) -> bool:
        """Prepare for images that start like this one; return false if libjpeg-turbo does not support them."""
        self._preface = _NONE
        if not encoded.startswith(b"\xff\xd8"):
            return False
        height, width, colours, _ = decode_jpeg_header(encoded)
        if colours not in COLOURS:
            return False
        if (height, width) != self._size:
            self._size = (0, 0)
            self._prepare(int(height), int(width))
            self._size = height, width
        self._turn = orientation(encoded)
        if self._tries:  # used up in sets where every image has another preface
            self._tries -= 1
            preface = jpeg_preface(encoded)
            if preface is not None and len(preface) <= _LONGEST_PREFACE:
                self._preface = preface
        return True

    def _prepare(self, height: int, width: int) -> None:
        """Set scale, memory and resizing for images of one size."""
        check_size(height, width)
        top, left, side = self._geometry.box(height, width)
        target = self._geometry.stored_side
        # The square stays at least as large as the target, so that no visible detail is lost.
        shrink = next((factor for factor in _SHRINK if side >= factor * target), 1)
        rows, columns = -(-height // shrink), -(-width // shrink)
        least = (rows, columns) if shrink > 1 else (0, 0)
        decode_to = functools.partial(decode_jpeg, min_height=least[0], min_width=least[1], min_factor=shrink)
        if rows == columns == side / shrink == target:
            self._decode, self._resize = decode_to, None
            return
        size = rows * columns * 3
        if len(self._memory) < size:
            self._decode, self._resize = decode_jpeg, None  # the previous ones hold the memory that is too small
            self._memory = np.empty(0, np.uint8)
            self._memory = np.empty(size, np.uint8)
        pixels = self._memory[:size].reshape(rows, columns, 3)
        self._decode = functools.partial(decode_to, buffer=pixels)
        self._resize = resizer(pixels, (top / shrink, left / shrink, side / shrink), target)


class Decoders:
    """A pool of decoders of one geometry, which any number of threads may use.

    Args:
      geometry: the crop geometry of all images.
    """

    def __init__(self, geometry: CropGeometry):
        self._geometry = geometry
        self._free: collections.deque[Decoder] = collections.deque()

    @contextlib.contextmanager
    def lend(self) -> Iterator[Decoder]:
        """Lend a decoder for exclusive use by the caller."""
        try:
            decoder = self._free.pop()
        except IndexError:
            decoder = Decoder(self._geometry)
        try:
            yield decoder
        finally:
            if decoder.memory <= _LARGEST_RETAINED:
                self._free.append(decoder)
