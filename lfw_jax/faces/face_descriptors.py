"""Descriptors of decoded faces: texture around landmarks, or Fisher vectors of dense SIFT."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float, Num, UInt8

from lfw_jax.data.batches.loading import stream
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.descriptors import TEMPLATE_EYE_DISTANCE, DescriptorSettings, describe, grey, mirrored
from lfw_jax.descriptors.dense_sift import DenseSift
from lfw_jax.descriptors.fisher_vector import Vocabulary, fisher_vectors
from lfw_jax.faces.landmarks import landmarks_in_crops

Features = list[Num[np.ndarray, "images dim"]]
"""The features of some images by descriptor."""

BATCH = 128
"""Images that are decoded and described together."""

_TEMPLATE_SIDE = 112


class FaceDescriptors(Protocol):
    """Descriptors of decoded faces, each of which gets a backend of its own."""

    @property
    def geometry(self) -> CropGeometry:
        """The crop geometry of the images."""
        ...

    @property
    def loader(self) -> str:
        """The loader that decodes image sets, one of `lfw_jax.data.batches.loading.LOADERS`."""
        ...

    @property
    def roots(self) -> Sequence[bool]:
        """For each descriptor, true if its features are counts, whose square roots are compared."""
        ...

    def views(
        self,
        pixels: UInt8[np.ndarray, "images stored stored 3"],
        landmarks: Float[np.ndarray, "images 5 2"],
        *,
        flip: bool,
    ) -> list[Features]:
        """Return the features of images, and with `flip` those of the mirrored images.

        Args:
          pixels: the stored squares.
          landmarks: the five points of each face, in their pixels.
          flip: true for the mirrored images too.
        """
        ...


@dataclasses.dataclass(frozen=True)
class TextureDescriptors:
    """Histograms of binary patterns or gradients around the landmarks.

    Attributes:
      settings: the descriptors, such as one for each scale.
      geometry: the crop geometry; its input square is that of the alignment's template.
      loader: the loader that decodes image sets.
    """

    settings: tuple[DescriptorSettings, ...]
    geometry: CropGeometry
    loader: str = "auto"

    @property
    def roots(self) -> tuple[bool, ...]:
        """For each descriptor, true if its features are counts, whose square roots are compared."""
        return tuple(settings.kind == "lbp" for settings in self.settings)

    def views(
        self,
        pixels: UInt8[np.ndarray, "images stored stored 3"],
        landmarks: Float[np.ndarray, "images 5 2"],
        *,
        flip: bool,
    ) -> list[Features]:
        """Return the features of images, and with `flip` those of the mirrored images.

        Args:
          pixels: the stored squares.
          landmarks: the five points of each face, in their pixels.
          flip: true for the mirrored images too.
        """
        distance = TEMPLATE_EYE_DISTANCE * self.geometry.side / _TEMPLATE_SIDE
        found = [describe(pixels, landmarks, settings, eye_distance=distance) for settings in self.settings]
        if not flip:
            return [found]
        return [found, [mirrored(part, settings) for part, settings in zip(found, self.settings, strict=True)]]


@dataclasses.dataclass(frozen=True, eq=False)
class FisherDescriptors:
    """Fisher vectors of dense SIFT over the whole stored square.

    Attributes:
      vocabulary: the vocabulary.
      sift: the grid and the scales of the local descriptors.
      geometry: the crop geometry.
      loader: the loader that decodes image sets.
    """

    vocabulary: Vocabulary
    sift: DenseSift
    geometry: CropGeometry
    loader: str = "auto"

    @property
    def roots(self) -> tuple[bool, ...]:
        """False for the one descriptor: Fisher vectors have signs, and have had their roots taken."""
        return (False,)

    def views(
        self,
        pixels: UInt8[np.ndarray, "images stored stored 3"],
        landmarks: Float[np.ndarray, "images 5 2"],
        *,
        flip: bool,
    ) -> list[Features]:
        """Return the features of images, and with `flip` those of the mirrored images.

        Args:
          pixels: the stored squares.
          landmarks: the five points of each face; a dense grid does not use them.
          flip: true for the mirrored images too.
        """
        del landmarks
        images = grey(pixels)
        sides = [images, images[:, :, ::-1]] if flip else [images]
        return [[fisher_vectors(side, self.vocabulary, self.sift, dtype=np.float16)] for side in sides]


def described_batches(descriptors: FaceDescriptors, images: ImageSet, *, flip: bool) -> Iterator[list[Features]]:
    """Yield the features of an image set by view, batch by batch, in its order.

    Args:
      descriptors: the descriptors.
      images: the set.
      flip: true for the mirrored images too.

    Raises:
      UserError: an image cannot be read or decoded.
    """
    landmarks, stop = landmarks_in_crops(images, descriptors.geometry), -(-len(images) // BATCH)

    def indices(batch: int) -> np.ndarray:
        return np.arange(batch * BATCH, min(len(images), (batch + 1) * BATCH))

    decoded = stream(images, indices, start=0, stop=stop, geometry=descriptors.geometry, loader=descriptors.loader)
    for batch, pixels in enumerate(decoded):
        yield descriptors.views(pixels, landmarks[indices(batch)], flip=flip)
