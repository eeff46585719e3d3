"""The work behind each route: from the bytes of photos to an answer."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.decision import decisions
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.faces.detection import Face
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.systems import Prepared
from lfw_jax.serving.answers import (
    DetectAnswer,
    EmbedAnswer,
    EmbeddedFace,
    EmbeddedPhoto,
    FaceAnswer,
    HitAnswer,
    PhotoAnswer,
    RateAnswer,
    SearchAnswer,
    VerifyAnswer,
)
from lfw_jax.serving.engine import Work
from lfw_jax.serving.gallery import ServedGallery, data_uri, picture_uri
from lfw_jax.serving.limits import Limits
from lfw_jax.serving.metrics import Metrics
from lfw_jax.serving.photo_faces import FaceReader, PhotoFaces
from lfw_jax.serving.refusal import RefusedError

Embeddings = Float[np.ndarray, "faces dim"]


class Tasks:
    """Makes the work of requests.

    Args:
      verifier: the trained system.
      limits: the limits of the service.
      metrics: its metrics.
      gallery: the gallery; None for none.
    """

    def __init__(self, verifier: FaceVerifier, limits: Limits, metrics: Metrics, gallery: ServedGallery | None):
        self._verifier, self._metrics, self._gallery = verifier, metrics, gallery
        self._reader = FaceReader(verifier, limits)

    def point(self, fmr: float) -> OperatingPoint:
        """Return the threshold for a false match rate.

        Args:
          fmr: the largest accepted false match rate.

        Raises:
          RefusedError: the model's evaluation does not support the rate.
        """
        try:
            return self._verifier.operating_point(fmr)
        except UserError as error:
            raise RefusedError(422, "unsupported_rate", str(error)) from error

    def detect(self, photo: bytes) -> Work[DetectAnswer]:
        """Return the work of finding the faces of a photo. A photo without a face is not an error.

        Args:
          photo: the content of the photo.
        """
        seen: list[PhotoFaces] = []

        def prepare() -> Sequence[Prepared]:
            seen.append(self._read("photo", photo, "all", embed=False))
            return ()

        def finish(_: Embeddings) -> DetectAnswer:
            (found,) = seen
            return DetectAnswer(photo=_photo(found, self._reader.by_rule(found)))

        return Work(prepare, finish)

    def embed(self, photos: Sequence[bytes], face: str) -> Work[EmbedAnswer]:
        """Return the work of embedding photos.

        Args:
          photos: the content of the photos.
          face: the choice among their faces.
        """
        seen: list[PhotoFaces] = []

        def prepare() -> Sequence[Prepared]:
            seen.extend(self._read(f"photo {number}", content, face) for number, content in enumerate(photos, 1))
            return [one for found in seen for one in found.prepared]

        def finish(embeddings: Embeddings) -> EmbedAnswer:
            rows = iter(unit_length(embeddings).tolist() if len(embeddings) else [])
            answers = [
                EmbeddedPhoto(
                    width=found.width,
                    height=found.height,
                    faces=_faces(found.faces),
                    embeddings=[EmbeddedFace(face=index, embedding=next(rows)) for index in found.chosen],
                )
                for found in seen
            ]
            return EmbedAnswer(model=self._verifier.card.sha256, photos=answers)

        return Work(prepare, finish)

    def verify(
        self, photos: tuple[bytes, bytes], faces: tuple[str, str], point: OperatingPoint, *, crops: bool
    ) -> Work[VerifyAnswer]:
        """Return the work of the decision for two photos.

        Args:
          photos: the content of both photos.
          faces: the choice among the faces of each.
          point: the threshold.
          crops: true to return the aligned faces.
        """
        seen: list[PhotoFaces] = []

        def prepare() -> Sequence[Prepared]:
            named = zip(("first photo", "second photo"), photos, faces, strict=True)
            seen.extend(self._read(name, content, face, picture=crops) for name, content, face in named)
            return [one for found in seen for one in found.prepared]

        def finish(embeddings: Embeddings) -> VerifyAnswer:
            distances = pair_distances(embeddings, np.array([0]), np.array([1]))
            (decision,) = decisions(self._verifier.card.calibration.fitted.logistic, distances, point)
            first, second = (_photo(found, found.chosen[0]) for found in seen)
            return VerifyAnswer(
                first=first,
                second=second,
                same=decision.same,
                distance=decision.distance,
                log_likelihood_ratio=decision.log_likelihood_ratio,
                probability=decision.probability,
                threshold=decision.threshold,
                target_rate=decision.target_rate,
                false_match_rate=RateAnswer(value=point.false_match_rate, interval=point.false_match_rate_interval),
                false_non_match_rate=RateAnswer(
                    value=point.false_non_match_rate, interval=point.false_non_match_rate_interval
                ),
            )

        return Work(prepare, finish)

    def search(self, photo: bytes, face: str, top: int, point: OperatingPoint, *, crops: bool) -> Work[SearchAnswer]:
        """Return the work of a search in the gallery.

        Args:
          photo: the content of the photo.
          face: the choice among its faces.
          top: the number of hits.
          point: the threshold.
          crops: true to return the pictures of the hits and of the aligned face.

        Raises:
          RefusedError: the service has no gallery.
        """
        if (gallery := self._gallery) is None:
            raise RefusedError(
                404, "no_gallery", "This service has no gallery to search; it is started with --gallery."
            )
        seen: list[PhotoFaces] = []

        def prepare() -> Sequence[Prepared]:
            seen.append(self._read("photo", photo, face, picture=crops))
            return seen[0].prepared

        def finish(embeddings: Embeddings) -> SearchAnswer:
            nearest = gallery.faces.search(unit_length(embeddings), min(top, len(gallery)))
            rows = [int(row) for row in nearest.rows[0]]
            distances = np.asarray(nearest.distances[0], np.float64)
            prior = 1 / (len(gallery) + 1)  # each face of the gallery, and none of them
            found = decisions(self._verifier.card.calibration.fitted.logistic, distances, point, prior)
            hits = [
                HitAnswer(
                    rank=rank,
                    identity=str(gallery.faces.table.identities[row]),
                    source=gallery.sources[row],
                    same=one.same,
                    distance=one.distance,
                    log_likelihood_ratio=one.log_likelihood_ratio,
                    probability=one.probability,
                    picture=picture_uri(gallery, row) if crops else None,
                )
                for rank, (row, one) in enumerate(zip(rows, found, strict=True), 1)
            ]
            return SearchAnswer(
                photo=_photo(seen[0], seen[0].chosen[0]),
                gallery=len(gallery),
                threshold=point.threshold,
                target_rate=point.target_rate,
                hits=hits,
            )

        return Work(prepare, finish)

    def _read(self, name: str, content: bytes, face: str, *, embed: bool = True, picture: bool = False) -> PhotoFaces:
        found = self._reader.read(name, content, face, embed=embed, picture=picture)
        self._metrics.faces.inc(len(found.faces))
        return found


def _photo(found: PhotoFaces, face: int | None) -> PhotoAnswer:
    return PhotoAnswer(
        width=found.width,
        height=found.height,
        faces=_faces(found.faces),
        face=face,
        crop=None if found.picture is None else data_uri(found.picture),
    )


def _faces(faces: Sequence[Face]) -> list[FaceAnswer]:
    return [
        FaceAnswer(
            box=face.box, points=[(x, y) for x, y in np.asarray(face.points, np.float64).tolist()], score=face.score
        )
        for face in faces
    ]
