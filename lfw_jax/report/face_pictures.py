"""Small pictures of embedded faces, for contact sheets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.inference.model.embedding_table import EmbeddingTable

SIDE = 96
"""Width and height of a picture in pixels."""

_CONTEXT = 1.3  # side of the picture in sides of the face's box
_MISSING = 225  # grey of a photo that cannot be read


def face_pictures(table: EmbeddingTable, rows: Sequence[int]) -> list[UInt8[np.ndarray, "side side 3"]]:
    """Return the picture of each face.

    It is the surroundings of the face in the photo, or the whole photo where no box is known.
    A photo that is not a file, or cannot be read any more, is a grey square.

    Args:
      table: embedded photos.
      rows: their rows.
    """
    return [_picture(Path(str(table.sources[row])), table.boxes[row]) for row in rows]


def _picture(path: Path, box: np.ndarray) -> UInt8[np.ndarray, "side side 3"]:
    try:
        photo = Image.fromarray(decode_whole(path.read_bytes()))
    except OSError:
        return np.full((SIDE, SIDE, 3), _MISSING, np.uint8)
    left, top, right, bottom = box.tolist() if np.isfinite(box).all() else (0, 0, *photo.size)
    half = max(right - left, bottom - top) * (_CONTEXT if np.isfinite(box).all() else 1) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    square = photo.crop((round(x - half), round(y - half), round(x + half), round(y + half)))
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
