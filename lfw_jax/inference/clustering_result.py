"""Typed result of clustering photos: the content of `clusters.json`."""

import dataclasses
from collections import Counter
from collections.abc import Mapping

import numpy as np

from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.evaluation.clustering import ClusteringScores, score_clustering
from lfw_jax.inference.face_clusters import FaceClusters
from lfw_jax.inference.model.embedding_table import EmbeddingTable, SkippedPhoto

SCHEMA = 1
"""Version of the layout of `clusters.json`."""


@dataclasses.dataclass(frozen=True)
class PhotoCluster:
    """A cluster of photos.

    Attributes:
      number: its number, from 1; the largest cluster is the first.
      faces: number of its faces.
      medoid: the photo with the least mean distance to the others.
      identities: number of its faces by the identity of the input, most first; empty if the input names none.
      sheet: its contact sheet in the folder of the result; "" for one beyond the limit.
    """

    number: int
    faces: int
    medoid: str
    identities: Mapping[str, int]
    sheet: str


@dataclasses.dataclass(frozen=True)
class ClusteringResult:
    """The content of `clusters.json`.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      model: name of the configuration of the model.
      sha256: SHA-256 of the parameters of the model.
      source: what was clustered.
      target_rate: the false match rate of the threshold.
      threshold: largest distance of a member from the medoid of its cluster.
      faces: number of embedded faces.
      unclustered: number of faces in no cluster.
      clusters: the clusters, largest first.
      scores: the scores against the identities of the input; None if it names fewer than two.
      skipped: the photos that were not embedded, with the reason for each.
    """

    schema: int
    model: str
    sha256: str
    source: str
    target_rate: float
    threshold: float
    faces: int
    unclustered: int
    clusters: tuple[PhotoCluster, ...]
    scores: ClusteringScores | None
    skipped: tuple[SkippedPhoto, ...]


def named(table: EmbeddingTable) -> bool:
    """Return true if the photos have identities: more than one name, none of them empty.

    Args:
      table: embedded photos.
    """
    names = set(table.identities.tolist())
    return len(names) > 1 and "" not in names


def photo_clusters(table: EmbeddingTable, found: FaceClusters) -> tuple[PhotoCluster, ...]:
    """Return the clusters of photos, without contact sheets.

    Args:
      table: embedded photos.
      found: their clusters.
    """
    described = []
    for cluster, medoid in enumerate(found.medoids.tolist()):
        rows = found.members(cluster)
        names = Counter(table.identities[rows].tolist()) if named(table) else Counter()
        described.append(
            PhotoCluster(cluster + 1, len(rows), str(table.sources[medoid]), dict(names.most_common()), "")
        )
    return tuple(described)


def clustering_result(
    table: EmbeddingTable,
    found: FaceClusters,
    clusters: tuple[PhotoCluster, ...],
    point: OperatingPoint,
    *,
    model: tuple[str, str],
    source: str,
    skipped: tuple[SkippedPhoto, ...],
) -> ClusteringResult:
    """Return the result of a clustering.

    Args:
      table: embedded photos.
      found: their clusters.
      clusters: the clusters with their contact sheets.
      point: the operating point of the threshold.
      model: name and SHA-256 of the model.
      source: what was clustered.
      skipped: the photos that were not embedded.
    """
    return ClusteringResult(
        SCHEMA,
        *model,
        source,
        target_rate=point.target_rate,
        threshold=point.threshold,
        faces=len(table),
        unclustered=int(np.sum(found.clusters < 0)),
        clusters=clusters,
        scores=score_clustering(found.clusters, table.identities) if named(table) else None,
        skipped=skipped,
    )
