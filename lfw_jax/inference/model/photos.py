"""Photos as users have them: files, encoded content, pixels or Pillow images, one or several."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.errors import UserError
from lfw_jax.faces.detection import Face

Picture = str | os.PathLike[str] | bytes | UInt8[np.ndarray, "h w 3"] | Image.Image
"""A picture: the path of a file, the content of a file, RGB pixels, or a Pillow image."""

Pictures = Picture | Sequence[Picture]
"""One picture, or several: a sequence, or an array `[n, height, width, 3]`."""

_CHANNELS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """A picture and its name in messages.

    Attributes:
      name: its path, or its number among the pictures of a call.
      content: the content of its file, or RGB pixels.
    """

    name: str
    content: bytes | UInt8[np.ndarray, "h w 3"]

    def decode(self) -> UInt8[np.ndarray, "h w 3"]:
        """Return the whole picture, upright.

        Raises:
          UserError: the content is not a picture that can be decoded.
        """
        try:
            return decode_whole(self.content)
        except OSError as error:
            raise UserError(f"{self.name}: cannot be read as an image ({error}). Choose another file.") from error


@dataclasses.dataclass(frozen=True, eq=False)
class FacePhoto:
    """A decoded photo with the face in it that counts.

    Attributes:
      pixels: the whole photo.
      face: the face, in its pixels; None for its centre.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    face: Face | None = None


def is_one(pictures: Pictures) -> bool:
    """Return true for a single picture, false for a sequence of pictures or an array `[n, h, w, 3]`.

    Args:
      pictures: one picture, or several.
    """
    if isinstance(pictures, np.ndarray):
        return pictures.ndim <= _CHANNELS
    return isinstance(pictures, str | os.PathLike | bytes | Image.Image)


def photos_of(pictures: Pictures) -> list[Photo]:
    """Return one picture or several as photos. Files are read, but not decoded.

    Args:
      pictures: one picture, or several.

    Raises:
      UserError: there is no picture, a file cannot be read, or pixels have another type or shape.
    """
    if not is_one(pictures) and not isinstance(pictures, Iterable):
        raise UserError(
            f"found {type(pictures).__name__}, expected one picture or several, such as a path or a list of paths."
        )
    several = [pictures] if is_one(pictures) else list(pictures)  # pyright: ignore[reportArgumentType]
    return [_photo(picture, number) for number, picture in enumerate(several, 1)]


def _photo(picture: object, number: int) -> Photo:
    name = f"image {number}"
    if isinstance(picture, bytes):
        return Photo(name, picture)
    if isinstance(picture, Image.Image):
        return Photo(name, np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), np.uint8))
    if isinstance(picture, str | os.PathLike):
        try:
            return Photo(os.fspath(picture), Path(picture).read_bytes())
        except OSError as error:
            raise UserError(f"{picture}: cannot be read ({error.strerror}). Check the path.") from error
    if isinstance(picture, np.ndarray):
        if picture.dtype == np.uint8 and picture.ndim == _CHANNELS and picture.shape[2] == _CHANNELS and picture.size:
            return Photo(name, np.ascontiguousarray(picture))
        raise UserError(
            f"{name}: found an array of {picture.dtype} {list(picture.shape)}, expected uint8 RGB pixels [height, width, 3]."
        )
    raise UserError(
        f"{name}: found a {type(picture).__name__}, expected a path, the content of an image file, uint8 pixels "
        "[height, width, 3] or a Pillow image."
    )
