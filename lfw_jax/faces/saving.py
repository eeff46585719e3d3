"""An aligned crop as a file."""

import io
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from lfw_jax.atomic_files import replaced_atomically

FileFormat = Literal["jpg", "png"]


def encode_crop(pixels: UInt8[np.ndarray, "h w 3"], file_format: FileFormat) -> bytes:
    """A crop as a file's content.

    "jpg" has quality 100 and colour at full resolution: it differs from the pixels by about one grey level, and every
    reader of face sets takes it. "png" is exact, as large, and slower to read.
    """
    content = io.BytesIO()
    picture = Image.fromarray(pixels)
    if file_format == "jpg":
        picture.save(content, format="JPEG", quality=100, subsampling=0)
    else:
        picture.save(content, format="PNG", compress_level=1)
    return content.getvalue()


def save_crop(path: Path, pixels: UInt8[np.ndarray, "h w 3"], file_format: FileFormat) -> None:
    """Write a crop whole or not at all; its folder is made. Raises OSError."""
    content = encode_crop(pixels, file_format)
    with replaced_atomically(path) as unfinished:
        try:
            unfinished.write_bytes(content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
