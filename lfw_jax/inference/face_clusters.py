"""Clusters of unit embeddings: HDBSCAN, and a decision about every member against the medoid."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.evaluation.clustering import UNCLUSTERED

MOST_FACES = 16_000
"""The largest number of faces. All distances are in memory, three times for a moment: 24 bytes per pair, 6.1 GB at most."""

_LEAST = 2  # faces of a cluster
_EQUAL = 1e-3  # a shorter distance is rounding: HDBSCAN's densities would be infinite


@dataclasses.dataclass(frozen=True, eq=False)
class FaceClusters:
    """A clustering of faces. Clusters are numbered from 0, the largest first.

    Attributes:
      clusters: cluster of each face, `UNCLUSTERED` for none.
      probabilities: HDBSCAN's probability of membership: the density at which the face leaves its cluster over the largest of its
        cluster; 0 for an unclustered face.
      medoids: face of each cluster with the least mean distance to the others of the cluster that HDBSCAN proposed.
      distances: distance of each face to the medoid of its cluster; NaN for an unclustered face.
    """

    clusters: Int[np.ndarray, "faces"]
    probabilities: Float[np.ndarray, "faces"]
    medoids: Int[np.ndarray, "clusters"]
    distances: Float[np.ndarray, "faces"]

    def members(self, cluster: int) -> Int[np.ndarray, "members"]:
        """Return the faces of a cluster, nearest to its medoid first.

        Args:
          cluster: the number of the cluster.
        """
        rows = np.flatnonzero(self.clusters == cluster)
        return rows[np.argsort(self.distances[rows], kind="stable")]


def cluster_faces(embeddings: Float[np.ndarray, "faces dim"], threshold: float) -> FaceClusters:
    """Cluster faces by identity.

    HDBSCAN, whose clusters have two faces or more, proposes clusters at the densities at which each is most stable. A face stays
    in its cluster if its distance to the medoid is below the threshold, and is unclustered otherwise. So a membership is a
    decision as of a verification, and a lower false match rate gives purer and smaller clusters. HDBSCAN never proposes all
    faces as one cluster. They are proposed if all pass that decision, or if HDBSCAN proposes nothing.

    Args:
      embeddings: embeddings of length 1, 2 to `MOST_FACES` of them.
      threshold: the distance below which two faces are called one identity.

    Returns:
      The clusters.

    Raises:
      ValueError: the number of faces is outside its range.

    Source: R. Campello, D. Moulavi, J. Sander, "Density-based clustering based on hierarchical density estimates", PAKDD 2013.
    """
    if not _LEAST <= len(embeddings) <= MOST_FACES:
        raise ValueError(f"found {len(embeddings):,} faces, expected {_LEAST} to {MOST_FACES:,}")
    distances = _distances(embeddings)
    nearest = _nearest(distances)
    if distances[np.argmin(distances.sum(axis=1))].max() < threshold:
        proposed, probabilities = _whole(nearest)
    else:
        proposed, probabilities = _hdbscan(distances)
        if (proposed < 0).all():
            proposed, probabilities = _whole(nearest)
    return _verified(embeddings, proposed, probabilities, threshold)


def _distances(embeddings: Float[np.ndarray, "faces dim"]) -> Float[np.ndarray, "faces faces"]:
    """Return all distances, with the least memory: every step is in place."""
    exact = embeddings.astype(np.float64)
    distances = exact @ exact.T
    distances *= -2
    distances += 2
    np.clip(distances, _EQUAL**2, None, out=distances)
    np.sqrt(distances, out=distances)
    np.fill_diagonal(distances, 0)
    return distances


def _nearest(distances: Float[np.ndarray, "faces faces"]) -> Float[np.ndarray, "faces"]:
    """Return the distance of each face to its nearest other face; its distance to itself, 0, is the least of its row."""
    return np.array([np.partition(row, 1)[1] for row in distances])


def _hdbscan(
    distances: Float[np.ndarray, "faces faces"],
) -> tuple[Int[np.ndarray, "faces"], Float[np.ndarray, "faces"]]:
    """Return HDBSCAN's cluster of each face, and its probability. The distances are overwritten."""
    from sklearn.cluster import HDBSCAN  # slow to import

    # A face counts among its own neighbours, so that min_samples=2 takes distances as they are.
    method = HDBSCAN(
        min_cluster_size=_LEAST,
        min_samples=_LEAST,
        metric="precomputed",
        copy=False,  # pyright: ignore[reportArgumentType]
    )
    found = method.fit(distances)
    return found.labels_.astype(np.int64), found.probabilities_


def _whole(nearest: Float[np.ndarray, "faces"]) -> tuple[Int[np.ndarray, "faces"], Float[np.ndarray, "faces"]]:
    """Return one cluster of all faces; each leaves it at the density of its nearest neighbour."""
    return np.zeros(len(nearest), np.int64), nearest.min() / nearest


def _verified(
    embeddings: Float[np.ndarray, "faces dim"],
    proposed: Int[np.ndarray, "faces"],
    probabilities: Float[np.ndarray, "faces"],
    threshold: float,
) -> FaceClusters:
    """Keep the members that are close enough to the medoid, and number the clusters by falling size."""
    kept = []
    order = np.argsort(proposed, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(proposed[order])) + 1):
        if proposed[rows[0]] >= 0:
            inside = _distances(embeddings[rows])
            medoid = np.argmin(inside.sum(axis=1))
            close = inside[medoid] < threshold
            if close.sum() >= _LEAST:
                kept.append((rows[close], rows[medoid], inside[medoid][close]))
    kept.sort(key=lambda one: (-len(one[0]), one[1]))
    clusters = np.full(len(embeddings), UNCLUSTERED, np.int64)
    to_medoid = np.full(len(embeddings), np.nan)
    for number, (rows, _, distances) in enumerate(kept):
        clusters[rows], to_medoid[rows] = number, distances
    medoids = np.array([medoid for _, medoid, _ in kept], np.int64)
    return FaceClusters(clusters, np.where(clusters < 0, 0.0, probabilities), medoids, to_medoid)
