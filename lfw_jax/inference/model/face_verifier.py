"""The use of a trained system on photos: detection, embeddings, comparison and decisions."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self, get_args, overload

import numpy as np
from jaxtyping import Float

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.decision import Comparison, Decision, comparisons, decisions
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.faces.detection import Face
from lfw_jax.faces.engines import make_detector
from lfw_jax.inference.model.alignment import alignment_of, learned_detector
from lfw_jax.inference.model.card import ModelCard
from lfw_jax.inference.model.directory import read_model
from lfw_jax.inference.model.face_finder import CHOICES, Choice, FaceFinder
from lfw_jax.inference.model.photos import FacePhoto, Photo, Picture, Pictures, is_one, photos_of
from lfw_jax.inference.model.stored_systems import load_system
from lfw_jax.inference.model.systems import FaceEmbedder

Detectors = Literal["auto", "mtcnn", "jax"]
"""The face detector: the mtcnn package, which needs TensorFlow, the JAX cascade, or the faster one for the device."""

_CHUNK = 1024  # prepared faces in memory


class FaceVerifier:
    """A trained system that embeds, compares and verifies faces in photos.

    Its methods may be called from several threads.

    Photos are paths, the content of image files, uint8 RGB arrays `[height, width, 3]` or Pillow images; one, or several in a
    sequence or an array `[n, height, width, 3]`. Each is aligned as the images of the training, unless `aligned=True` says that
    it is such a crop already.

    Args:
      card: the card of the model.
      system: what embeds photos.
      finder: finds the face in a photo.

    Attributes:
      card: the card of the model: its alignment, its error rates, what it was trained on, and its limits.
      system: what embeds photos.
      finder: finds the face in a photo.

    Example:
      >>> verifier = FaceVerifier.load("runs/lfw_cpu/model")
      >>> verifier.verify("a.jpg", "b.jpg", fmr=0.001).same
    """

    def __init__(self, card: ModelCard, system: FaceEmbedder, finder: FaceFinder):
        self.card = card
        self.system, self.finder = system, finder

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        detector: Detectors = "auto",
        face: Choice | None = None,
        fallback: bool = False,
    ) -> Self:
        """Read a model directory.

        Args:
          path: the directory, such as the folder `model` of a work directory.
          detector: the face detector, which is built when it is first needed; a system with a learned alignment has its own.
          face: the choice among several faces of a photo; None for the rule of the training.
          fallback: true to take the centre of a photo without a detected face, as the evaluation does.

        Raises:
          UserError: a file is missing, damaged or of another version, the arrays are not those of the card, or the detector or
            the choice has an unknown name.
        """
        for name, value, known in (("detector", detector, get_args(Detectors)), ("face", face, (None, *CHOICES))):
            if value not in known:
                expected = ", ".join(map(repr, known))
                raise UserError(f"FaceVerifier.load: {name} is {value!r}; expected one of {expected}.")
        model = read_model(Path(path))
        system = model.card.system
        alignment, learned = alignment_of(system), learned_detector(system, model.arrays)
        make = make_detector(detector) if learned is None else lambda: learned
        rule = face or (alignment.crops.face if alignment else "centre")
        return cls(model.card, load_system(system, model.arrays), FaceFinder(make, face=rule, fallback=fallback))

    @property
    def aligns(self) -> bool:
        """True if photos are aligned; false for a system whose training images were not."""
        return alignment_of(self.card.system) is not None

    def detect(self, image: Picture) -> list[Face]:
        """Return the faces in a photo, best score first.

        Args:
          image: one photo.

        Raises:
          UserError: the photo cannot be read, or the detector is not installed.
        """
        (photo,) = photos_of(image)
        return self.finder.detect([photo.decode()])[0]

    def embed(self, images: Pictures, *, aligned: bool = False) -> Float[np.ndarray, "images dim"]:
        """Return the embedding of each photo, of length 1.

        The cosine of two of them, and their Euclidean distance, measure how alike the faces are.

        Args:
          images: one photo or several.
          aligned: true if the photos are crops that the same alignment made.

        Raises:
          NoFaceError: a photo has no face.
          SeveralFacesError: a photo has several faces, and only one is allowed.
          UserError: a photo cannot be read.
        """
        return unit_length(self._embeddings(photos_of(images), aligned=aligned))

    def embed_faces(self, image: Picture, faces: Sequence[Face]) -> Float[np.ndarray, "faces dim"]:
        """Return the embedding of each given face of a photo, of length 1.

        Args:
          image: one photo.
          faces: faces that `detect` found in it; at least one.

        Raises:
          UserError: the photo cannot be read, there is no face, or the system takes no faces because its images were not aligned.
        """
        if not self.aligns or not faces:
            found = "no face" if not faces else "a system without alignment, which takes whole photos"
            raise UserError(f"found {found}; expected at least one face of a photo and a system with an alignment.")
        (photo,) = photos_of(image)
        pixels = photo.decode()
        return unit_length(self.system.embed([self.system.prepare(FacePhoto(pixels, face)) for face in faces]))

    @overload
    def compare(self, a: Picture, b: Picture, *, aligned: bool = False) -> Comparison: ...

    @overload
    def compare(self, a: Pictures, b: Pictures, *, aligned: bool = False) -> Comparison | list[Comparison]: ...

    def compare(self, a: Pictures, b: Pictures, *, aligned: bool = False) -> Comparison | list[Comparison]:
        """Return the evidence of each pair of photos.

        Args:
          a: the first photo of each pair.
          b: the second photo of each pair; as many.
          aligned: true if the photos are crops that the same alignment made.

        Returns:
          The evidence; a list if `a` holds several photos.

        Raises:
          UserError: as `embed`, or the numbers of photos differ.
        """
        found = comparisons(self.card.calibration.fitted.logistic, self._distances(a, b, aligned=aligned))
        return found[0] if is_one(a) else found

    @overload
    def verify(self, a: Picture, b: Picture, fmr: float = 1e-3, *, aligned: bool = False) -> Decision: ...

    @overload
    def verify(
        self, a: Pictures, b: Pictures, fmr: float = 1e-3, *, aligned: bool = False
    ) -> Decision | list[Decision]: ...

    def verify(
        self, a: Pictures, b: Pictures, fmr: float = 1e-3, *, aligned: bool = False
    ) -> Decision | list[Decision]:
        """Decide for each pair of photos whether both show one identity.

        Args:
          a: the first photo of each pair.
          b: the second photo of each pair; as many.
          fmr: the largest accepted false match rate, the share of pairs of two identities that are called the same. The threshold
            is that of the next smaller rate of the card.
          aligned: true if the photos are crops that the same alignment made.

        Returns:
          The decision, with the rate measured on test images; a list if `a` holds several photos.

        Raises:
          UserError: as `embed`, the numbers of photos differ, or the model's evaluation does not support the rate.
        """
        point = self.operating_point(fmr)
        distances = self._distances(a, b, aligned=aligned)
        found = list(decisions(self.card.calibration.fitted.logistic, distances, point))
        return found[0] if is_one(a) else found

    def operating_point(self, fmr: float) -> OperatingPoint:
        """Return the threshold for a false match rate, and the error rates to expect at it.

        Args:
          fmr: the largest accepted false match rate.

        Returns:
          The operating point of the card with the largest target rate that is at most `fmr`.

        Raises:
          UserError: the rate is outside (0, 1), or the model's evaluation supports no rate that low.
        """
        if not 0 < fmr < 1:
            raise UserError(f"fmr is {fmr:g}; expected a false match rate above 0 and below 1, such as 0.001.")
        points = [point for point in self.card.curve if point.target_rate <= fmr * (1 + 1e-9)]
        if points:
            return max(points, key=lambda point: point.target_rate)
        result = self.card.calibration.result
        raise UserError(
            f"fmr is {fmr:g}; this model supports false match rates of {result.smallest_rate:.2g} and above, by "
            f"{result.comparisons:,} comparisons of {result.fitted_on}. Accept a higher rate, or hold out more identities."
        )

    def _distances(self, a: Pictures, b: Pictures, *, aligned: bool) -> Float[np.ndarray, "pairs"]:
        first, second = photos_of(a), photos_of(b)
        if len(first) != len(second):
            raise UserError(f"found {len(first)} first and {len(second)} second photos; expected as many.")
        count = len(first)
        embeddings = self._embeddings([*first, *second], aligned=aligned)
        return pair_distances(embeddings, np.arange(count), np.arange(count, 2 * count))

    def _embeddings(self, photos: Sequence[Photo], *, aligned: bool) -> Float[np.ndarray, "photos dim"]:
        if not photos:
            raise UserError("found no photo; expected at least one.")
        if aligned or not self.aligns:
            prepared = map(self.system.prepare_aligned, photos)
        else:
            prepared = map(self.system.prepare, self.finder.chosen(photos))
        parts = []
        while chunk := list(itertools.islice(prepared, _CHUNK)):
            parts.append(self.system.embed(chunk))
        return np.concatenate(parts)
