"""Decoding by Pillow: all formats, and JPEGs that libjpeg-turbo rejects."""

import io
import struct

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from lfw_jax.data.decoding.image_headers import FORMATS, check_size, read_header

# Exceptions of Pillow's readers for damaged files.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, Image.DecompressionBombError)


def decode_by_pillow(encoded: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """Decode a whole image by Pillow, without EXIF orientation. Raises OSError as `decode` does."""
    header = read_header(encoded)
    if header is None:
        raise OSError("not an image")
    check_size(header.height, header.width)
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as picture:
            if picture.mode.startswith("I"):  # 16-bit grey, which Pillow would clip rather than scale
                grey = (np.asarray(picture) >> 8).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            if "transparency" in picture.info:
                picture = picture.convert("RGBA")
            return np.asarray(picture.convert("RGB"))
    except UnidentifiedImageError:
        raise OSError("not an image") from None
    except _UNREADABLE as error:
        raise OSError(str(error) or type(error).__name__) from error
