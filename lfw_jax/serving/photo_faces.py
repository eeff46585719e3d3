"""The faces of an uploaded photo: decoding within limits, detection, choice, and the aligned picture."""

import dataclasses
import threading
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from lfw_jax.data.decoding.decoder import decode
from lfw_jax.data.decoding.file_formats import format_of
from lfw_jax.data.decoding.image_headers import read_header
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.faces.crops import crop_face
from lfw_jax.faces.detection import Face, Rule, choose_face
from lfw_jax.inference.model.alignment import alignment_of
from lfw_jax.inference.model.card import SystemCard
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.photos import FacePhoto, Photo
from lfw_jax.inference.model.systems import Prepared
from lfw_jax.report.thumbnails import jpeg_file
from lfw_jax.serving.limits import FORMATS, Limits
from lfw_jax.serving.refusal import RefusedError

_RULES: dict[str, Rule] = {"centre": "centre", "largest": "largest", "best": "best"}

CHOICES = ("rule", "only", "all", *_RULES)
"""Choices among the faces of a photo besides the number of one: the model's rule, the only one, all, or another rule."""

_LARGE = 2**22  # pixels: detection in such photos takes hundreds of megabytes, so it is one at a time
_PICTURE_SIDE = 160


@dataclasses.dataclass(frozen=True, eq=False)
class PhotoFaces:
    """A photo and its faces.

    Attributes:
      height: the height of the photo, upright.
      width: its width.
      faces: the faces, best score first; none for a system that takes whole photos.
      chosen: the indices of the chosen faces; None for the whole photo.
      prepared: what is embedded for each of them.
      picture: a JPEG file of the first chosen face as it is aligned; None if it was not asked for.
    """

    height: int
    width: int
    faces: tuple[Face, ...]
    chosen: tuple[int | None, ...]
    prepared: tuple[Prepared, ...]
    picture: bytes | None = None


class FaceReader:
    """Finds the faces of photos, one photo at a time.

    The detection does not depend on the photos of other requests.

    Args:
      verifier: the trained system.
      limits: the limits of the service.
    """

    def __init__(self, verifier: FaceVerifier, limits: Limits):
        self._verifier, self._limits = verifier, limits
        self._one_large = threading.Lock()
        alignment = alignment_of(verifier.card.system)
        self._rule: Rule = "centre" if alignment is None else alignment.crops.face

    def read(self, name: str, content: bytes, choice: str, *, embed: bool = True, picture: bool = False) -> PhotoFaces:
        """Decode a photo, find its faces, and choose among them.

        Args:
          name: the name of the photo in messages.
          content: the content of its file.
          choice: one of `CHOICES`, or the number of a face, from 0.
          embed: true to prepare the chosen faces for embedding.
          picture: true to return the picture of the first chosen face.

        Raises:
          RefusedError: the photo is of another format, too large or damaged, or has not the faces that the choice needs.
        """
        self._check(name, content)
        if not self._verifier.aligns and choice not in ("rule", "all"):
            raise RefusedError(
                422, "no_such_face", f"{name}: this model takes whole photos and finds no faces; expected rule or all."
            )
        try:
            pixels = decode_whole(content)
        except OSError as error:
            raise RefusedError(422, "unreadable_photo", f"{name}: cannot be read as an image ({error}).") from error
        height, width = pixels.shape[:2]
        system = self._verifier.system
        if not self._verifier.aligns:
            prepared = (system.prepare_aligned(Photo(name, content)),) if embed else ()
            shown = jpeg_file(self._whole_picture(content)) if picture else None
            return PhotoFaces(height, width, (), (None,), prepared, shown)
        faces = self._detect(pixels)
        if len(faces) > self._limits.faces:
            most = self._limits.faces
            raise RefusedError(
                422, "too_many_faces", f"{name}: found {len(faces)} faces, and at most {most} are allowed."
            )
        chosen = self._choose(name, pixels, faces, choice)
        prepared = tuple(system.prepare(FacePhoto(pixels, faces[index])) for index in chosen) if embed else ()
        shown = jpeg_file(self._picture(pixels, faces[chosen[0]])) if picture and chosen else None
        return PhotoFaces(height, width, tuple(faces), chosen, prepared, shown)

    def by_rule(self, found: PhotoFaces) -> int | None:
        """Return the number of the face that the rule of the model chooses; None if there is none.

        Args:
          found: a photo and its faces.
        """
        return _index_of(found.faces, found.height, found.width, self._rule) if found.faces else None

    def _check(self, name: str, content: bytes) -> None:
        kind = format_of(content[:256])
        if kind not in FORMATS:
            raise RefusedError(415, "unsupported_type", f"{name}: not a JPEG, PNG or WebP file.")
        header = read_header(content)
        if header is None:
            raise RefusedError(422, "unreadable_photo", f"{name}: its header is damaged.")
        if header.height * header.width > self._limits.pixels:
            size = f"{header.width:,} × {header.height:,} pixels"
            raise RefusedError(413, "too_large", f"{name}: has {size}; at most {self._limits.pixels:,} are allowed.")

    def _detect(self, pixels: UInt8[np.ndarray, "h w 3"]) -> list[Face]:
        if pixels.shape[0] * pixels.shape[1] <= _LARGE:
            return self._verifier.finder.detect([pixels])[0]
        with self._one_large:
            return self._verifier.finder.detect([pixels])[0]

    def _choose(
        self, name: str, pixels: UInt8[np.ndarray, "h w 3"], faces: Sequence[Face], choice: str
    ) -> tuple[int, ...]:
        if choice == "all":
            return tuple(range(len(faces)))
        if not faces:
            raise RefusedError(
                422, "no_face", f"{name}: found no face. Choose a photo in which a face is larger or better lit."
            )
        if choice == "only" and len(faces) > 1:
            raise RefusedError(
                422, "several_faces", f"{name}: found {len(faces)} faces, expected one. Choose one by its number."
            )
        if choice == "only":
            return (0,)
        if choice.isdecimal():
            if int(choice) >= len(faces):
                last = len(faces) - 1
                raise RefusedError(422, "no_such_face", f"{name}: has no face {choice}; its faces are 0 to {last}.")
            return (int(choice),)
        rule = _RULES.get(choice, self._rule)
        return (_index_of(faces, pixels.shape[0], pixels.shape[1], rule),)

    def _picture(self, pixels: UInt8[np.ndarray, "h w 3"], face: Face) -> UInt8[np.ndarray, "side side 3"]:
        alignment, single = alignment_of(self._verifier.card.system), _single(self._verifier.card.system)
        assert alignment is not None
        assert single.geometry is not None
        crop = crop_face(pixels, face, alignment.crops).pixels
        return decode(crop, dataclasses.replace(single.geometry, side=_PICTURE_SIDE, margin=0))

    def _whole_picture(self, content: bytes) -> UInt8[np.ndarray, "side side 3"]:
        single = _single(self._verifier.card.system)
        assert single.geometry is not None
        return decode(content, dataclasses.replace(single.geometry, side=_PICTURE_SIDE, margin=0))


def _index_of(faces: Sequence[Face], height: int, width: int, rule: Rule) -> int:
    """Return the number of the face that a rule chooses."""
    chosen = choose_face(faces, height, width, rule)
    return next(index for index, face in enumerate(faces) if face is chosen)


def _single(system: SystemCard) -> SystemCard:
    """Return a system with one crop geometry: the first member of a fused one."""
    while system.members:
        system = next(iter(system.members.values()))
    return system
