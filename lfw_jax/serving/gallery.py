"""The gallery of the service: the faces that a search compares with."""

import base64
import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import PurePath

import numpy as np
from jaxtyping import UInt8

from lfw_jax.inference.model.gallery import Gallery
from lfw_jax.report.thumbnails import jpeg_file

Picture = Callable[[int], UInt8[np.ndarray, "side side 3"] | None]
"""Returns the picture of a row of the gallery; None if its file cannot be read."""


@dataclasses.dataclass(frozen=True, eq=False)
class ServedGallery:
    """A gallery.

    Attributes:
      faces: the faces to search.
      sources: the file of each face, or its position in its source, as clients see it.
      picture: returns the picture of a face.
    """

    faces: Gallery
    sources: Sequence[str]
    picture: Picture

    def __len__(self) -> int:
        return len(self.sources)


def shown_sources(sources: Sequence[str]) -> list[str]:
    """Return files without the folder that all have in common.

    Clients need not know where on this machine they are.

    Args:
      sources: files, or places in a source.
    """
    absolute = [source for source in sources if os.path.isabs(source)]
    if len(absolute) < len(sources):
        return [PurePath(source).name if os.path.isabs(source) else source for source in sources]
    common = os.path.commonpath([os.path.dirname(source) for source in sources]) if sources else ""
    return [os.path.relpath(source, common) for source in sources]


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG file as a data URI.

    Args:
      jpeg: its content.
    """
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def picture_uri(gallery: ServedGallery, row: int) -> str | None:
    """Return the picture of a face of the gallery as a data URI; None if its file cannot be read.

    Args:
      gallery: the gallery.
      row: the row of the face.
    """
    pixels = gallery.picture(row)
    return None if pixels is None else data_uri(jpeg_file(pixels))
