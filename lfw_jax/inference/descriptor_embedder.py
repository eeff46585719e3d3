"""Descriptors with fitted backends as a representation of images."""

import dataclasses

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.unit_length import unit_length
from lfw_jax.data.images import ImageSet
from lfw_jax.faces.face_descriptors import BATCH, FaceDescriptors, Features, described_batches
from lfw_jax.faces.landmarks import landmarks_in_crops
from lfw_jax.inference.representation import DecodedImages


@dataclasses.dataclass(frozen=True, eq=False)
class DescriptorEmbedder:
    """Descriptors, a fitted backend for each, and perhaps one for all together.

    The embeddings of the backends, each of length 1, are concatenated, so that the cosine of two images is the mean of those of
    the backends.

    Attributes:
      descriptors: the descriptors.
      backends: the fitted backend of each descriptor.
      joint: the backend of the concatenated vectors of all, as each backend reduces them; None for none.
      flip: test-time augmentation: the embedding of the mirror image is added.
    """

    descriptors: FaceDescriptors
    backends: tuple[FittedBackend, ...]
    joint: FittedBackend | None = None
    flip: bool = True

    @property
    def shift(self) -> int:
        """Offset of shifted crops: 0, as there are none."""
        return 0

    def embed_decoded(self, decoded: DecodedImages) -> Float[np.ndarray, "images dim"]:
        """Embed decoded images.

        Args:
          decoded: the images, whose alignment has the landmarks, and their stored squares.
        """
        return self.embed_faces(decoded.pixels, landmarks_in_crops(decoded.images, self.descriptors.geometry))

    def embed_faces(
        self, pixels: UInt8[np.ndarray, "images stored stored 3"], landmarks: Float[np.ndarray, "images 5 2"]
    ) -> Float[np.ndarray, "images dim"]:
        """Embed decoded faces.

        Args:
          pixels: their stored squares.
          landmarks: the five points of each face, in their pixels.
        """
        parts = (slice(start, start + BATCH) for start in range(0, len(landmarks), BATCH))
        views = (self.descriptors.views(pixels[part], landmarks[part], flip=self.flip) for part in parts)
        return np.concatenate([self.embed_views(found) for found in views])

    def embed_images(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Decode and embed an image set, batch by batch.

        Args:
          images: the set.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        batches = described_batches(self.descriptors, images, flip=self.flip)
        return np.concatenate([self.embed_views(views) for views in batches])

    def embed_views(self, views: list[Features]) -> Float[np.ndarray, "images dim"]:
        """Embed images given by the features of their views.

        Few images are filled up to a whole batch, because the last bits of a matrix product depend on the number of its rows: an
        image has the same embedding alone and among others.

        Args:
          views: the features by view and descriptor, of at most `BATCH` images.
        """
        images = len(views[0][0])
        filled = [[part[np.minimum(np.arange(BATCH), images - 1)] for part in features] for features in views]
        embeddings = zip(*map(self._embed_view, filled), strict=True)
        parts = [unit_length(np.sum(of_views, axis=0))[:images] for of_views in embeddings]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _embed_view(self, features: Features) -> list[Float[np.ndarray, "images dim"]]:
        """Return the embedding of each backend, of length 1."""
        pairs = list(zip(self.backends, features, strict=True))
        reduced = [np.asarray(backend.reduced(part)) for backend, part in pairs]
        found = [backend.directions(part, reduced=True) for backend, part in zip(self.backends, reduced, strict=True)]
        if self.joint is not None:
            found.append(self.joint.directions(np.concatenate(reduced, axis=1)))
        return [np.asarray(part) for part in found]
