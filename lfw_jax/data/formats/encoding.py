"""Images as the bytes of image files: copied where they are encoded, made PNG where they are pixels."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image, UnidentifiedImageError

from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

_ENDINGS = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG", ".png"), (b"BM", ".bmp"), (b"GIF8", ".gif"))


def encode_png(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """Pixels as a PNG file, from which they come back as they were."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()


def encoded_image(images: ImageSet, place: int) -> bytes:
    """One image of a set as the bytes of a file.

    Raises:
      UserError: its file cannot be read any more.
    """
    image = images.images[place]
    if isinstance(image, np.ndarray):
        return encode_png(image)
    if not isinstance(image, Path):
        return image
    try:
        return image.read_bytes()
    except OSError as error:
        raise UserError(
            f"{image}: cannot be read ({error.strerror or error}). Was it moved meanwhile? Start again."
        ) from error


def encoded_images(images: ImageSet, places: Iterable[int] | Int[np.ndarray, "chosen"]) -> Iterator[bytes]:
    """Some images of a set, one after another, as the bytes of files."""
    for place in places:
        yield encoded_image(images, int(place))


def picture_size(images: ImageSet, place: int) -> tuple[int, int]:
    """Height and width of an image of a set. Raises UserError for one that is unreadable."""
    image = images.images[place]
    if isinstance(image, np.ndarray):
        return image.shape[0], image.shape[1]
    try:
        with Image.open(io.BytesIO(encoded_image(images, place))) as picture:
            return picture.height, picture.width
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{images.describe(place)}: not a readable image ({error}).") from error


def file_ending(image: bytes) -> str:
    """The ending that a file with this content is named with: .jpg, .png, .bmp or .gif; .jpg for anything else."""
    return next((ending for start, ending in _ENDINGS if image.startswith(start)), ".jpg")
