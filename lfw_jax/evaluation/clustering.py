"""Scores of a clustering against identities: pairwise and BCubed precision, recall and F."""

import dataclasses

import numpy as np
from jaxtyping import Int, Shaped

UNCLUSTERED = -1
"""The cluster of a face that belongs to none."""


@dataclasses.dataclass(frozen=True)
class PrecisionRecall:
    """Precision and recall.

    Attributes:
      precision: share of what the clustering puts together that belongs together.
      recall: share of what belongs together that the clustering puts together.
      f: their harmonic mean, F1; 0 if both are 0.
    """

    precision: float
    recall: float
    f: float


@dataclasses.dataclass(frozen=True)
class ClusteringScores:
    """The scores of a clustering. Each unclustered face counts as a cluster of its own.

    Attributes:
      faces: number of faces.
      identities: number of identities.
      clusters: number of clusters, without unclustered faces.
      unclustered: number of faces in no cluster.
      pairwise: over pairs of faces; the field's "pairwise F-score". An identity with k faces has k (k − 1) / 2 pairs, so
        that large identities dominate.
      bcubed: means over faces of the precision of their cluster and of the recall of their identity.
    """

    faces: int
    identities: int
    clusters: int
    unclustered: int
    pairwise: PrecisionRecall
    bcubed: PrecisionRecall


def score_clustering(clusters: Int[np.ndarray, "faces"], identities: Shaped[np.ndarray, "faces"]) -> ClusteringScores:
    """Return the scores of a clustering, in O(n log n) time and O(n) memory.

    Both kinds of scores are sums over the cells of the contingency table of clusters and identities that are not empty; pairs are
    never listed. Without any pair in a cluster the pairwise precision is 1, and without any pair of one identity the pairwise
    recall is 1: nothing is put together wrongly, and nothing is missed.

    Args:
      clusters: cluster of each face; `UNCLUSTERED`, or any other negative number, for none.
      identities: identity of each face, such as its name.

    Returns:
      The scores.

    Raises:
      ValueError: there is no face, or the arrays differ in length.

    Source: A. Bagga, B. Baldwin, "Entity-based cross-document coreferencing using the vector space model", ACL 1998 (BCubed);
      E. Amigó et al., "A comparison of extrinsic clustering evaluation metrics based on formal constraints", Information
      Retrieval 12, 2009; Y. Shi, C. Otto, A. K. Jain, "Face clustering: representation and pairwise constraints", IEEE TIFS 13,
      2018 (pairwise).

    Example:
      >>> score_clustering(np.array([0, 0, 0, -1]), np.array(["a", "a", "b", "b"])).pairwise.precision
      0.3333333333333333
    """
    clusters, identities = np.asarray(clusters), np.asarray(identities)
    if clusters.ndim != 1 or clusters.shape != identities.shape or not len(clusters):
        raise ValueError(
            f"expected a cluster and an identity for each face, found shapes {clusters.shape} and {identities.shape}"
        )
    alone = clusters < 0
    names = clusters.astype(np.int64)
    names[alone] = UNCLUSTERED - np.arange(alone.sum())
    cluster, identity = (np.unique(names, return_inverse=True)[1] for names in (names, identities))
    cluster_sizes, identity_sizes = np.bincount(cluster), np.bincount(identity)
    cells, counts = np.unique(cluster * len(identity_sizes) + identity, return_counts=True)
    cluster_of_cell, identity_of_cell = np.divmod(cells, len(identity_sizes))
    together = _pairs(counts)
    squares = counts.astype(np.float64) ** 2
    return ClusteringScores(
        faces=len(clusters),
        identities=len(identity_sizes),
        clusters=len(cluster_sizes) - int(alone.sum()),
        unclustered=int(alone.sum()),
        pairwise=_precision_recall(_share(together, _pairs(cluster_sizes)), _share(together, _pairs(identity_sizes))),
        bcubed=_precision_recall(
            float(np.sum(squares / cluster_sizes[cluster_of_cell])) / len(clusters),
            float(np.sum(squares / identity_sizes[identity_of_cell])) / len(clusters),
        ),
    )


def _pairs(sizes: Int[np.ndarray, "groups"]) -> int:
    """Return the number of pairs within groups."""
    return int(np.sum(sizes.astype(np.int64) * (sizes - 1) // 2))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _precision_recall(precision: float, recall: float) -> PrecisionRecall:
    # A sum of rounded fractions may exceed 1 by the last bit.
    precision, recall = min(precision, 1.0), min(recall, 1.0)
    total = precision + recall
    return PrecisionRecall(precision, recall, 2 * precision * recall / total if total else 0.0)
