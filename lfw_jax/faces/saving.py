"""Writing aligned crops to files."""

import io
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from lfw_jax.atomic_files import replaced_atomically

FileFormat = Literal["jpg", "png"]


def encode_crop(pixels: UInt8[np.ndarray, "h w 3"], file_format: FileFormat) -> bytes:
    """Encode a crop.

    Args:
      pixels: `[h, w, 3]`, RGB.
      file_format: "jpg" has quality 100 without chroma subsampling; it differs from the pixels by about one grey level, and all
        tools for face sets read it. "png" is lossless, about as large, and slower to read.

    Returns:
      The content of the file.
    """
    content = io.BytesIO()
    picture = Image.fromarray(pixels)
    if file_format == "jpg":
        picture.save(content, format="JPEG", quality=100, subsampling=0)
    else:
        picture.save(content, format="PNG", compress_level=1)
    return content.getvalue()


def save_crop(path: Path, pixels: UInt8[np.ndarray, "h w 3"], file_format: FileFormat) -> None:
    """Write a crop atomically.

    Args:
      path: the file; its folder is created.
      pixels: `[h, w, 3]`, RGB.
      file_format: as for `encode_crop`.

    Raises:
      OSError: the file cannot be written.
    """
    content = encode_crop(pixels, file_format)
    with replaced_atomically(path) as unfinished:
        try:
            unfinished.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
