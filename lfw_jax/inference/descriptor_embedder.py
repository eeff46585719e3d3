"""Texture descriptors with fitted backends as a representation of images."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Num, UInt8

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.unit_length import unit_length
from lfw_jax.data.batches.loading import stream
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.descriptors import TEMPLATE_EYE_DISTANCE, DescriptorSettings, describe, mirrored
from lfw_jax.inference.landmarks import landmarks_in_crops
from lfw_jax.inference.representation import DecodedImages

_TEMPLATE_SIDE = 112
_BATCH = 128


@dataclasses.dataclass(frozen=True)
class Descriptors:
    """The descriptors of aligned faces, and how their images are read.

    Attributes:
      settings: the descriptors, such as one for each scale.
      geometry: the crop geometry; the network input of other models is the template's square here.
      loader: the loader that decodes image sets, one of `lfw_jax.data.batches.loading.LOADERS`.
    """

    settings: tuple[DescriptorSettings, ...]
    geometry: CropGeometry
    loader: str = "auto"

    def describe(
        self, pixels: UInt8[np.ndarray, "images stored stored 3"], landmarks: Float[np.ndarray, "images 5 2"]
    ) -> list[Num[np.ndarray, "images dim"]]:
        """Return the features of decoded images by descriptor.

        Args:
          pixels: the stored squares.
          landmarks: the five points of each face, in their pixels.
        """
        distance = TEMPLATE_EYE_DISTANCE * self.geometry.side / _TEMPLATE_SIDE
        return [describe(pixels, landmarks, settings, eye_distance=distance) for settings in self.settings]

    def batches(self, images: ImageSet) -> Iterator[list[Num[np.ndarray, "batch dim"]]]:
        """Yield the features of an image set, batch by batch, in its order.

        Args:
          images: the set.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        landmarks, stop = landmarks_in_crops(images, self.geometry), -(-len(images) // _BATCH)

        def indices(batch: int) -> np.ndarray:
            return np.arange(batch * _BATCH, min(len(images), (batch + 1) * _BATCH))

        decoded = stream(images, indices, start=0, stop=stop, geometry=self.geometry, loader=self.loader)
        for batch, pixels in enumerate(decoded):
            yield self.describe(pixels, landmarks[indices(batch)])


@dataclasses.dataclass(frozen=True, eq=False)
class DescriptorEmbedder:
    """Descriptors, a fitted backend for each, and perhaps one for all together.

    The embeddings of the backends, each of length 1, are concatenated, so that the cosine of two images is the mean of those of
    the backends.

    Attributes:
      descriptors: the descriptors.
      backends: the fitted backend of each descriptor.
      joint: the backend of the concatenated embeddings of all; None for none.
      flip: test-time augmentation: the embedding of the mirror image is added.
    """

    descriptors: Descriptors
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
        landmarks, parts = landmarks_in_crops(decoded.images, self.descriptors.geometry), []
        for start in range(0, len(landmarks), _BATCH):
            part = slice(start, start + _BATCH)
            parts.append(self.embed_features(self.descriptors.describe(decoded.pixels[part], landmarks[part])))
        return np.concatenate(parts)

    def embed_images(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Decode and embed an image set, batch by batch.

        Args:
          images: the set.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        return np.concatenate([self.embed_features(features) for features in self.descriptors.batches(images)])

    def embed_features(self, features: Sequence[Num[np.ndarray, "images dim"]]) -> Float[np.ndarray, "images dim"]:
        """Embed images given by their features.

        Args:
          features: the features by descriptor.
        """
        views = [list(features)]
        if self.flip:
            pairs = zip(features, self.descriptors.settings, strict=True)
            views.append([mirrored(part, settings) for part, settings in pairs])
        embeddings = zip(*map(self._embed_view, views), strict=True)
        parts = [unit_length(np.sum(of_views, axis=0)) for of_views in embeddings]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _embed_view(self, features: Sequence[Num[np.ndarray, "images dim"]]) -> list[Float[np.ndarray, "images dim"]]:
        """Return the embedding of each backend, of length 1."""
        reduced = [np.asarray(backend.reduced(part)) for backend, part in zip(self.backends, features, strict=True)]
        found = [backend.directions(part, reduced=True) for backend, part in zip(self.backends, reduced, strict=True)]
        if self.joint is not None:
            found.append(self.joint.directions(np.concatenate(reduced, axis=1)))
        return [np.asarray(part) for part in found]
