"""The gallery of the service: the faces that a search compares with."""

import base64
import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int, UInt8

from lfw_jax.report.thumbnails import jpeg_file

Picture = Callable[[int], UInt8[np.ndarray, "side side 3"] | None]
"""Returns the picture of a row of the gallery; None if its file cannot be read."""


class Nearest(Protocol):
    """The nearest faces of a gallery, nearest first."""

    @property
    def rows(self) -> Int[np.ndarray, "probes top"]:
        """The rows of the gallery."""
        ...

    @property
    def distances(self) -> Float[np.ndarray, "probes top"]:
        """The Euclidean distances, from 0 to 2."""
        ...


class Index(Protocol):
    """Finds the nearest faces of a gallery."""

    def search(self, embeddings: Float[np.ndarray, "probes dim"], top: int) -> Nearest:
        """Return the nearest faces of each probe.

        Args:
          embeddings: the embeddings of the probes.
          top: the number of faces.
        """
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class ServedGallery:
    """A gallery.

    Attributes:
      index: finds the nearest faces.
      identities: the identity of each face; "" for none.
      sources: the file of each face, or its position in its source.
      picture: returns the picture of a face.
    """

    index: Index
    identities: Sequence[str]
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
