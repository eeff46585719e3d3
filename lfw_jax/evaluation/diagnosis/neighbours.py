"""Nearest neighbours of every image among the others, in blocks, and the hubness of their counts."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

NEIGHBOURS = 10
"""Number of neighbours of the hubness, as in its source."""

MOST_OCCURRENCES = 40
"""N_k from which on images share the last count of the histogram."""

_BLOCK_ENTRIES = 8_000_000


@dataclasses.dataclass(frozen=True)
class Hubness:
    """The distribution of N_k, the number of images that have an image among their k nearest neighbours.

    Attributes:
      k: number of neighbours.
      skewness: skewness of N_k: 0 if symmetric, large if few images are neighbours of many; None if all are equal.
      largest: the largest N_k.
      orphans: share of the images that are no image's neighbour.
      counts: number of images with N_k of 0, 1, 2 …; the last entry counts those with `MOST_OCCURRENCES` or more.
    """

    k: int
    skewness: float | None
    largest: int
    orphans: float
    counts: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest other images of each image.

    Attributes:
      indices: indices of the neighbours, the nearest first.
      distances: their distances.
      own: distance of the nearest image of the same identity; infinite if there is no other.
    """

    indices: Int[np.ndarray, "images k"]
    distances: Float[np.ndarray, "images k"]
    own: Float[np.ndarray, "images"]


def nearest_neighbours(
    unit: Float[np.ndarray, "images dim"], k: int
) -> tuple[Int[np.ndarray, "images k"], Float[np.ndarray, "images k"]]:
    """Return the k nearest other images of each image, and their distances, the nearest first.

    Similarities are computed in blocks of rows, so that memory does not grow with the square of the number of images. Among
    equally near images any may be chosen.

    Args:
      unit: embeddings of unit length.
      k: number of neighbours, below the number of images.

    Raises:
      ValueError: k is not between 1 and the number of images minus 1.
    """
    count = len(unit)
    if not 1 <= k < count:
        raise ValueError(f"found {k} neighbours of {count} images; expected at least 1 and fewer than the images")
    unit = unit.astype(np.float32)
    squares = np.einsum("nd,nd->n", unit, unit)
    indices, distances = np.empty((count, k), np.int64), np.empty((count, k))
    rows = max(1, _BLOCK_ENTRIES // count)
    for start in range(0, count, rows):
        block = slice(start, min(start + rows, count))
        squared = squares[block, None] + squares - 2 * (unit[block] @ unit.T)
        squared[np.arange(block.stop - start), np.arange(start, block.stop)] = np.inf
        nearest = np.argpartition(squared, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(squared, nearest, axis=1)
        order = np.argsort(found, axis=1, kind="stable")
        indices[block] = np.take_along_axis(nearest, order, axis=1)
        distances[block] = np.sqrt(np.maximum(np.take_along_axis(found, order, axis=1), 0.0))
    return indices, distances


def own_distances(
    unit: Float[np.ndarray, "images dim"], labels: Int[np.ndarray, "images"]
) -> Float[np.ndarray, "images"]:
    """Return the distance from each image to the nearest other of its identity; infinite without one.

    Args:
      unit: embeddings of unit length.
      labels: index of the identity of each image.
    """
    found = np.full(len(unit), np.inf)
    order = np.argsort(labels, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        if len(members) > 1:
            products = unit[members] @ unit[members].T
            squares = np.diag(products)
            squared = squares[:, None] + squares - 2 * products
            np.fill_diagonal(squared, np.inf)
            found[members] = np.sqrt(np.maximum(squared.min(axis=1), 0.0))
    return found


def hubness(neighbours: Int[np.ndarray, "images k"]) -> Hubness:
    """Return the hubness of a neighbourhood.

    Source: Radovanović, Nanopoulos & Ivanović, "Hubs in space: popular nearest neighbors in high-dimensional data", JMLR 11,
    2010: the skewness of N_k is E(N_k − μ)³ / σ³.

    Args:
      neighbours: the indices of the k nearest other images of each image.
    """
    occurrences = np.bincount(neighbours.ravel(), minlength=len(neighbours))
    deviations = occurrences - occurrences.mean()
    std = float(occurrences.std())
    counts = np.bincount(np.minimum(occurrences, MOST_OCCURRENCES))
    return Hubness(
        k=neighbours.shape[1],
        skewness=float(np.mean(deviations**3)) / std**3 if std > 0 else None,
        largest=int(occurrences.max()),
        orphans=float(np.mean(occurrences == 0)),
        counts=tuple(counts.tolist()),
    )
