"""The faces in photos: detection, and the choice of one face for each photo."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, get_args

import numpy as np
from jaxtyping import UInt8

from lfw_jax.errors import UserError
from lfw_jax.faces.aligner import PIXELS_AT_ONCE
from lfw_jax.faces.detection import Detect, Face, Rule, choose_face
from lfw_jax.inference.model.photos import FacePhoto, Photo

Choice = Rule | Literal["only"]
"""The choice among several faces of a photo: a rule of `choose_face`, or "only", which refuses several faces."""

CHOICES: tuple[str, ...] = (*get_args(Rule), "only")
"""The names of the choices."""


class NoFaceError(UserError):
    """No face was found in a photo."""


class SeveralFacesError(UserError):
    """Several faces were found in a photo that may show only one."""


class FaceFinder:
    """A face detector that is built when it is first needed. Several threads may use it.

    Args:
      make_detector: builds the detector.
      face: the choice among several faces of a photo.
      fallback: true to take the centre of a photo without a detected face, as the evaluation does.
    """

    def __init__(self, make_detector: Callable[[], Detect], *, face: Choice, fallback: bool = False):
        self._make_detector, self._fallback = make_detector, fallback
        self._rule: Rule | None = None if face == "only" else face
        self._detector: Detect | None = None
        self._lock = threading.Lock()

    def detect(self, photos: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """Return the faces of each photo, best score first.

        Args:
          photos: decoded photos.

        Raises:
          UserError: the detector is not installed.
        """
        with self._lock:
            if self._detector is None:
                self._detector = self._make_detector()
            detector = self._detector
        return detector(photos)

    def chosen(self, photos: Iterable[Photo]) -> Iterator[FacePhoto]:
        """Yield each photo, decoded, with the face that counts. Few photos are decoded at a time.

        Args:
          photos: the photos.

        Raises:
          NoFaceError: a photo has no face, and there is no fallback.
          SeveralFacesError: a photo has several faces, and only one is allowed.
          UserError: a photo cannot be decoded, or the detector is not installed.
        """
        for names, decoded in _decoded(photos):
            for name, pixels, faces in zip(names, decoded, self.detect(decoded), strict=True):
                yield FacePhoto(pixels, self.choose(name, pixels, faces))

    def choose(self, name: str, pixels: UInt8[np.ndarray, "h w 3"], faces: Sequence[Face]) -> Face | None:
        """Return the face of a photo that counts; None for its centre.

        Args:
          name: name of the photo in messages.
          pixels: the decoded photo.
          faces: the faces that were found in it.

        Raises:
          NoFaceError: there is no face, and no fallback.
          SeveralFacesError: there are several faces, and only one is allowed.
        """
        if not faces and not self._fallback:
            raise NoFaceError(f"{name}: found no face. Choose a photo in which a face is larger or better lit.")
        if self._rule is not None:
            return choose_face(faces, pixels.shape[0], pixels.shape[1], self._rule)
        if len(faces) > 1:
            raise SeveralFacesError(f"{name}: found {len(faces)} faces, expected one. Cut out the face that is meant.")
        return next(iter(faces), None)


def _decoded(photos: Iterable[Photo]) -> Iterator[tuple[list[str], list[UInt8[np.ndarray, "h w 3"]]]]:
    """Yield the names and the pixels of photos in groups that are small enough to detect faces in one call."""
    names, decoded = [], []
    for photo in photos:
        names.append(photo.name)
        decoded.append(photo.decode())
        if sum(pixels.shape[0] * pixels.shape[1] for pixels in decoded) >= PIXELS_AT_ONCE:
            yield names, decoded
            names, decoded = [], []
    if names:
        yield names, decoded
