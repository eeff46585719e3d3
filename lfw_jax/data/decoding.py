"""From a file to square uint8 pixels without TensorFlow, and the checks that keep a bad file out of an epoch."""

import dataclasses
import io
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

_FORMATS = ("JPEG", "PNG", "BMP", "GIF")  # what Pillow and TensorFlow both read
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclasses.dataclass(frozen=True)
class Framing:
    """Which square of an image the network sees, and how large.

    Attributes:
      side: pixels of the square that a network sees.
      crop: side of the centred square that this shows, as a share of the image's shorter side; 1 is the largest square.
      margin: pixels kept beyond each edge (at the scale of `side`), for augmentation to draw on instead of black.
    """

    side: int
    crop: float = 1.0
    margin: int = 0

    @property
    def stored(self) -> int:
        """Pixels of the stored square, margins included."""
        return self.side + 2 * self.margin

    def box(self, height: int, width: int) -> tuple[int, int, int]:
        """Top, left and side of the stored square in an image, whole pixels, never beyond the image."""
        shorter = min(height, width)
        side = min(shorter, max(1, round(self.crop * shorter * self.stored / self.side)))
        return (height - side) // 2, (width - side) // 2, side


def _open(image: Path | bytes) -> Image.Image:
    return Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)


def decode(image: Path | bytes | UInt8[np.ndarray, "h w 3"], framing: Framing) -> UInt8[np.ndarray, "side side 3"]:
    """Decode, crop the centred square, resize with antialiasing. Raises OSError for what is no readable image."""
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else _open(image).convert("RGB")
    top, left, side = framing.box(picture.height, picture.width)
    box = (left, top, left + side, top + side)
    square = picture.resize((framing.stored, framing.stored), Image.Resampling.BILINEAR, box=box)
    return np.asarray(square, np.uint8)


def fault(image: Path | bytes) -> str | None:
    """Why an image cannot be used, in words; None if it can.

    A JPEG is not decoded for this: a header that Pillow understands and an end marker in the last bytes are what a
    decoder needs not to fail. Everything else is decoded once.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _open(image) as picture:
                if picture.format not in _FORMATS:
                    return f"a {picture.format} file, expected {', '.join(_FORMATS)}"
                if picture.format != "JPEG":
                    picture.convert("RGB")
                elif not _ends_as_jpeg(image):
                    return "a JPEG that is cut off before its end"
                elif picture.mode not in ("RGB", "L"):
                    return f"a JPEG in {picture.mode}, expected RGB or grey"
    except UnidentifiedImageError:
        return "not an image"
    except _UNREADABLE as error:
        return f"unreadable ({error})"
    return None


def _ends_as_jpeg(image: Path | bytes) -> bool:
    if isinstance(image, bytes):
        return b"\xff\xd9" in image[-64:]
    with image.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - 64))
        return b"\xff\xd9" in file.read()
