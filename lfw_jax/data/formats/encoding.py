"""Images as encoded files: encoded images are copied unchanged, pixels become PNG."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image, UnidentifiedImageError

from lfw_jax.data.decoding.file_formats import format_of
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

_EXTENSIONS = {
    "JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "GIF": ".gif", "PPM": ".ppm", "TIFF": ".tif", "WEBP": ".webp", "AVIF": ".avif",
}  # fmt: skip
_START = 256  # bytes that tell the format


def encode_png(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """Encode pixels losslessly as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()


def encoded_image(images: ImageSet, place: int) -> bytes:
    """Return one image of a set as an encoded file.

    Args:
      images: the image set.
      place: the index of the image.

    Returns:
      The unchanged content of a file or encoded image; a PNG for pixels.

    Raises:
      UserError: the file can no longer be read.
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
            f"{image}: cannot be read ({error.strerror or error}). Was it moved in the meantime? Start again."
        ) from error


def encoded_images(images: ImageSet, indices: Iterable[int] | Int[np.ndarray, "chosen"]) -> Iterator[bytes]:
    """Yield selected images of a set as encoded files, one at a time.

    Args:
      images: the image set.
      indices: the indices of the images, in the order of the result.

    Raises:
      UserError: a file can no longer be read.
    """
    for place in indices:
        yield encoded_image(images, int(place))


def picture_size(images: ImageSet, place: int) -> tuple[int, int]:
    """Return the height and width of one image of a set, in pixels.

    Args:
      images: the image set.
      place: the index of the image.

    Raises:
      UserError: the image is not readable.
    """
    image = images.images[place]
    if isinstance(image, np.ndarray):
        return image.shape[0], image.shape[1]
    try:
        with Image.open(io.BytesIO(encoded_image(images, place))) as picture:
            return picture.height, picture.width
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{images.describe(place)}: not a readable image ({error}).") from error


def file_ending(image: bytes) -> str:
    """Return the file name extension for encoded content: .jpg, .png, .webp and so on; .jpg if unknown."""
    return _EXTENSIONS.get(format_of(image[:_START]) or "", ".jpg")
