"""The search of photos in a gallery: hits with their evidence, and what chance alone would find."""

import dataclasses
import os

import numpy as np

from lfw_jax.evaluation.calibration.decision import comparisons
from lfw_jax.evaluation.calibration.likelihood_ratio import LogisticCalibration
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.inference.model.embedding_table import EmbeddingTable
from lfw_jax.inference.model.gallery import Gallery


@dataclasses.dataclass(frozen=True)
class Hit:
    """A face of the gallery that is near a query.

    Attributes:
      rank: its rank, from 1.
      distance: Euclidean distance of the two embeddings of length 1, from 0 to 2.
      log_likelihood_ratio: natural logarithm of the likelihood of that distance for one identity over that for two.
      probability: probability of one identity at a prior of 1 / (faces + 1), each hit by itself: those of several hits may add
        up to more than 1.
      within: true if the distance is below the threshold.
      identity: the identity of the face by the gallery.
      source: its photo.
      row: its row in the gallery.
    """

    rank: int
    distance: float
    log_likelihood_ratio: float
    probability: float
    within: bool
    identity: str
    source: str
    row: int


@dataclasses.dataclass(frozen=True)
class FaceHits:
    """The hits of one query.

    Attributes:
      source: the photo of the query.
      identity: its identity by its source; "" for none.
      left_out: number of faces of the gallery that are of this very photo, and are no hits.
      hits: the hits, the nearest first.
    """

    source: str
    identity: str
    left_out: int
    hits: tuple[Hit, ...]

    @property
    def within(self) -> int:
        """Number of hits within the threshold."""
        return sum(hit.within for hit in self.hits)


@dataclasses.dataclass(frozen=True)
class ChanceHits:
    """The faces to expect within the threshold of a query if all are of other identities.

    Attributes:
      faces: number of faces in the gallery.
      false_match_rate: the false match rate at the threshold among test images, or the target rate if none was observed.
      expected: expected number of faces of other identities within the threshold, `faces · false_match_rate`.
      false_positive_identification_rate: probability that there is at least one, if faces are independent (FPIR).
    """

    faces: int
    false_match_rate: float
    expected: float
    false_positive_identification_rate: float


def find_faces(
    gallery: Gallery, queries: EmbeddingTable, calibration: LogisticCalibration, point: OperatingPoint, top: int
) -> tuple[FaceHits, ...]:
    """Search each query in a gallery.

    A face of the gallery is left out of the hits of a query from the same file, which would otherwise find itself. The prior
    probability of each face is 1 / (faces + 1): at one half, as for a single pair, many other identities would seem certain.

    Args:
      gallery: the gallery.
      queries: the embedded queries, by the same model.
      calibration: the calibration of the model's distances.
      point: the operating point.
      top: number of hits for each query; all faces if the gallery has fewer.
    """
    itself = _same_files(gallery.table, queries)
    most = max(map(len, itself), default=0)
    hits = gallery.search(queries.embeddings, top + most)
    found = []
    for query, own in enumerate(itself):
        others = np.flatnonzero(~np.isin(hits.rows[query], list(own)))[:top]
        rows, distances = hits.rows[query][others].tolist(), hits.distances[query][others]
        evidence = comparisons(calibration, distances, prior=1 / (1 + max(1, len(gallery) - len(own))))
        found.append(
            FaceHits(
                str(queries.sources[query]),
                str(queries.identities[query]),
                len(own),
                tuple(
                    Hit(
                        rank,
                        **vars(one),
                        within=one.distance < point.threshold,
                        identity=str(gallery.table.identities[row]),
                        source=str(gallery.table.sources[row]),
                        row=row,
                    )
                    for rank, (row, one) in enumerate(zip(rows, evidence, strict=True), 1)
                ),
            )
        )
    return tuple(found)


def chance_hits(faces: int, point: OperatingPoint) -> ChanceHits:
    """Return the faces of other identities to expect within a threshold.

    Args:
      faces: number of faces in the gallery.
      point: the operating point.
    """
    rate = point.false_match_rate or point.target_rate
    return ChanceHits(faces, rate, faces * rate, float(-np.expm1(faces * np.log1p(-min(rate, 1 - 1e-12)))))


def _same_files(gallery: EmbeddingTable, queries: EmbeddingTable) -> list[set[int]]:
    """Return the rows of the gallery that are of the file of each query, whatever path leads to its folder."""
    names = {os.path.basename(source) for source in queries.sources.tolist()}
    rows: dict[str, set[int]] = {}
    for row, source in enumerate(gallery.sources.tolist()):
        if os.path.basename(source) in names and (file := _file(source)):
            rows.setdefault(file, set()).add(row)
    return [rows.get(_file(source), set()) if rows else set() for source in queries.sources.tolist()]


def _file(source: str) -> str:
    """Return the absolute path of a source that is a file; "" for one that is not."""
    return os.path.realpath(source) if os.path.isfile(source) else ""
