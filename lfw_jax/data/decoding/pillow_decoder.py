"""Decoding by Pillow: all formats, and JPEGs that libjpeg-turbo rejects."""

import io
import struct

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from lfw_jax.data.decoding.image_headers import check_size, orientation, read_header
from lfw_jax.data.decoding.tiff_tags import exif_orientation

# Exceptions of Pillow's readers for damaged files. A warning is one if the caller turns warnings into errors.
_UNREADABLE = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error, Warning,
    Image.DecompressionBombError,
)  # fmt: skip
_REFUSED_TIFFS = {"I": "32 bits", "F": "32 bits", "CMYK": "CMYK"}  # by mode; a PGM of 16 bits has the mode I, too


def decode_by_pillow(encoded: bytes) -> tuple[UInt8[np.ndarray, "h w 3"], int]:
    """Decode a whole image by Pillow.

    Args:
      encoded: the content of the file.

    Returns:
      The pixels, and the EXIF orientation in which they are stored, 1 to 8.

    Raises:
      OSError: the image is not readable, or too large.
    """
    header = read_header(encoded)
    if header is None:
        raise OSError("not an image")
    check_size(header.height, header.width)
    try:
        with Image.open(io.BytesIO(encoded), formats=(header.format,)) as picture:
            check_size(picture.height, picture.width)  # a file may state two sizes
            if header.format == "TIFF" and picture.mode in _REFUSED_TIFFS:
                raise OSError(f"a TIFF in {_REFUSED_TIFFS[picture.mode]}, expected RGB or grey of 8 or 16 bits")
            pixels = _rgb(picture)
            # Pillow has turned a TIFF. Other formats may store the block behind the pixels, which are read by now.
            turn = orientation(encoded) if header.format == "JPEG" else exif_orientation(_exif(picture))
            return pixels, turn
    except UnidentifiedImageError:
        raise OSError("not an image") from None
    except _UNREADABLE as error:
        raise OSError(str(error) or type(error).__name__) from error


def _rgb(picture: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    if picture.mode.startswith("I"):  # 16-bit grey, which Pillow would clip rather than scale
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return np.asarray(picture.convert("RGB"))


def _exif(picture: Image.Image) -> bytes:
    found = picture.info.get("exif", b"")
    return found if isinstance(found, bytes) else b""
