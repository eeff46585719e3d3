"""Trained systems that embed faces in photos: networks, descriptors and fused members."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import decode
from lfw_jax.errors import UserError
from lfw_jax.faces.crops import crop_face
from lfw_jax.faces.landmarks import face_landmarks
from lfw_jax.faces.manifest import as_recorded
from lfw_jax.faces.saving import encode_crop
from lfw_jax.inference.backend_embedder import BackendEmbedder
from lfw_jax.inference.descriptor_embedder import DescriptorEmbedder
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.fused import fuse_embeddings
from lfw_jax.inference.model.card import AlignmentCard
from lfw_jax.inference.model.photos import FacePhoto, Photo

Single = Embedder | BackendEmbedder | DescriptorEmbedder
"""A system with one crop geometry: a network, perhaps with a backend, or descriptors."""

_SMALLEST_BATCH = 2  # a pair of photos


@dataclasses.dataclass(frozen=True, eq=False)
class PreparedFace:
    """A face as a system embeds it.

    Attributes:
      square: its stored square, by the crop geometry of the system.
      landmarks: its five points, in pixels of the square.
    """

    square: UInt8[np.ndarray, "stored stored 3"]
    landmarks: Float[np.ndarray, "5 2"]


Prepared = PreparedFace | Mapping[str, PreparedFace]
"""A prepared face; for a fused system, one for each member by its name."""


class FaceEmbedder(Protocol):
    """A trained system that embeds faces."""

    def prepare(self, photo: FacePhoto) -> Prepared:
        """Align, crop and resize the face of a photo.

        Args:
          photo: the photo and its face.
        """
        ...

    def prepare_aligned(self, crop: Photo) -> Prepared:
        """Crop and resize a face that is aligned.

        Args:
          crop: a crop that the alignment of the system made, or any photo for a system without alignment.

        Raises:
          UserError: the crop cannot be decoded.
        """
        ...

    def embed(self, faces: Sequence[Prepared]) -> Float[np.ndarray, "faces dim"]:
        """Return the raw embedding of each face.

        Args:
          faces: prepared faces, at least one.
        """
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class SingleSystem:
    """A network or descriptors, with their alignment and crop geometry.

    Attributes:
      representation: what embeds stored squares.
      geometry: the crop geometry.
      alignment: the alignment; None for none.
    """

    representation: Single
    geometry: CropGeometry
    alignment: AlignmentCard | None

    def prepare(self, photo: FacePhoto) -> PreparedFace:
        """Align, crop and resize the face of a photo.

        Args:
          photo: the photo and its face.
        """
        if self.alignment is None:
            return PreparedFace(decode(photo.pixels, self.geometry), face_landmarks(None, self.geometry))
        crop = crop_face(photo.pixels, photo.face, self.alignment.crops)
        # The training and the evaluation read crops from files, whose format changes pixels.
        content = encode_crop(crop.pixels, self.alignment.file_format)
        face = None if crop.face is None else as_recorded(crop.face)
        return PreparedFace(decode(content, self.geometry), face_landmarks(face, self.geometry))

    def prepare_aligned(self, crop: Photo) -> PreparedFace:
        """Crop and resize a face that is aligned.

        Args:
          crop: a crop that the alignment of the system made, or any photo for a system without alignment.

        Raises:
          UserError: the crop cannot be decoded.
        """
        try:
            return PreparedFace(decode(crop.content, self.geometry), face_landmarks(None, self.geometry))
        except OSError as error:
            raise UserError(f"{crop.name}: cannot be read as an image ({error}). Choose another file.") from error

    def embed(self, faces: Sequence[Prepared]) -> Float[np.ndarray, "faces dim"]:
        """Return the raw embedding of each face.

        Args:
          faces: prepared faces, at least one.
        """
        single = [face for face in faces if isinstance(face, PreparedFace)]
        squares, representation = np.stack([face.square for face in single]), self.representation
        if isinstance(representation, DescriptorEmbedder):
            return representation.embed_faces(squares, np.stack([face.landmarks for face in single]))
        return with_batch_for(representation, len(squares)).embed(squares)


@dataclasses.dataclass(frozen=True, eq=False)
class FusedSystem:
    """Several systems whose embeddings are fused.

    Attributes:
      members: the systems by name.
      weights: the weight of each member's cosine.
    """

    members: Mapping[str, SingleSystem]
    weights: Mapping[str, float]

    def prepare(self, photo: FacePhoto) -> Mapping[str, PreparedFace]:
        """Align, crop and resize the face of a photo for each member.

        Args:
          photo: the photo and its face.
        """
        return {name: member.prepare(photo) for name, member in self.members.items()}

    def prepare_aligned(self, crop: Photo) -> Mapping[str, PreparedFace]:
        """Crop and resize a face that is aligned for each member.

        Args:
          crop: a crop that the alignment of the members made.

        Raises:
          UserError: the crop cannot be decoded, or the members have different alignments.
        """
        alignments = {name: member.alignment for name, member in self.members.items()}
        if len({repr(alignment) for alignment in alignments.values()}) > 1:
            raise UserError(
                f"the members {', '.join(alignments)} have crops of different sizes; expected one alignment for all. Give the "
                "photos themselves, without aligned=True."
            )
        return {name: member.prepare_aligned(crop) for name, member in self.members.items()}

    def embed(self, faces: Sequence[Prepared]) -> Float[np.ndarray, "faces dim"]:
        """Return the fused embedding of each face.

        Args:
          faces: prepared faces, at least one.
        """
        of_members = [face for face in faces if not isinstance(face, PreparedFace)]
        parts = {name: member.embed([face[name] for face in of_members]) for name, member in self.members.items()}
        return fuse_embeddings(parts, self.weights)


def with_batch_for(representation: Embedder | BackendEmbedder, images: int) -> Embedder | BackendEmbedder:
    """Return a network whose batches suit few images, so that a pair does not cost a whole batch.

    Args:
      representation: the network.
      images: the number of images.
    """
    embedder = representation.embedder if isinstance(representation, BackendEmbedder) else representation
    size = _SMALLEST_BATCH
    while size < min(images, embedder.batch_size):
        size *= 4
    if size >= embedder.batch_size:
        return representation
    smaller = dataclasses.replace(embedder, batch_size=size)
    return (
        dataclasses.replace(representation, embedder=smaller)
        if isinstance(representation, BackendEmbedder)
        else smaller
    )
