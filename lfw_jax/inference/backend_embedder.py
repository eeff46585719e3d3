"""A trained network with a fitted backend on its embeddings."""

import dataclasses

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.data.images import ImageSet
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.representation import DecodedImages


@dataclasses.dataclass(frozen=True, eq=False)
class BackendEmbedder:
    """A network whose embeddings are compared by a fitted backend.

    Attributes:
      embedder: the network.
      backend: the backend, fitted on the embeddings of the training images.
    """

    embedder: Embedder
    backend: FittedBackend

    @property
    def flip(self) -> bool:
        """True if the embedding of the mirror image is added."""
        return self.embedder.flip

    @property
    def shift(self) -> int:
        """Offset in pixels of four additional, shifted crops; 0 for none."""
        return self.embedder.shift

    def embed(self, pixels: UInt8[np.ndarray, "images stored stored 3"]) -> Float[np.ndarray, "images dim"]:
        """Embed decoded images.

        Args:
          pixels: their stored squares.
        """
        return self._directions(self.embedder.embed(pixels))

    def embed_decoded(self, decoded: DecodedImages) -> Float[np.ndarray, "images dim"]:
        """Embed decoded images.

        Args:
          decoded: the images and their stored squares.
        """
        return self.embed(decoded.pixels)

    def embed_images(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Decode and embed an image set.

        Args:
          images: the set.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        return self._directions(self.embedder.embed_images(images))

    def _directions(self, embeddings: Float[np.ndarray, "images dim"]) -> Float[np.ndarray, "images dim"]:
        return np.asarray(self.backend.directions(embeddings), np.float32)
