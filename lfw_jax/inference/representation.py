"""Representations: maps from images to embeddings, whose distances at unit length are the scores."""

import dataclasses
from typing import Protocol

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.data.images import ImageSet


@dataclasses.dataclass(frozen=True, eq=False)
class DecodedImages:
    """Images with their pixels.

    Attributes:
      images: the images.
      pixels: their stored squares, by the crop geometry of the representation, in the same order.
    """

    images: ImageSet
    pixels: UInt8[np.ndarray, "images stored stored 3"]


class Representation(Protocol):
    """A map from images to raw embeddings of any length.

    A network (`Embedder`), and a network or texture descriptors with a fitted backend, are representations. Everything that
    evaluates or uses embeddings works with each of them.
    """

    @property
    def flip(self) -> bool:
        """True if the mirror image is part of the embedding."""
        ...

    @property
    def shift(self) -> int:
        """Offset in pixels of four additional, shifted crops; 0 for none."""
        ...

    def embed_decoded(self, decoded: DecodedImages) -> Float[np.ndarray, "images dim"]:
        """Embed decoded images.

        Args:
          decoded: the images, and their pixels by the crop geometry of this representation.

        Returns:
          The raw embeddings, in the order of the images.
        """
        ...

    def embed_images(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Decode and embed an image set.

        Args:
          images: the set.

        Returns:
          The raw embeddings, in the order of the set.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        ...
