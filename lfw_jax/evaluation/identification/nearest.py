"""The nearest gallery entries of each query by Euclidean distance, exact to float64."""

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.evaluation.identification.protocol import Templates
from lfw_jax.evaluation.identification.search import search_blocks
from lfw_jax.evaluation.verification import pair_distances

SPARE = 16
"""Candidates beyond the wanted ones, so that the rounding of float32 products loses no entry at the last rank."""

_VALUES = 1 << 23  # values of gathered embeddings at a time: 64 MB in float64


def nearest(
    queries: Templates, gallery: Templates, top: int
) -> tuple[Int[np.ndarray, "queries top"], Float[np.ndarray, "queries top"]]:
    """Return the nearest entries of each query and their distances, the nearest first.

    Blocks of float32 products propose entries, whose distances are measured again in float64, so that they equal those of a
    comparison of two images. Equally distant entries are ordered as in the gallery.

    Args:
      queries: the queries; at least one.
      gallery: the gallery; at least one entry.
      top: number of entries for each query; all if the gallery has fewer.

    Raises:
      UserError: no query, an empty gallery, or embeddings of different lengths.
    """
    parts = [
        ranked(queries.embeddings[part], gallery.embeddings, found.candidates, top)
        for part, found in search_blocks(queries, gallery, best=min(top + SPARE, len(gallery)))
    ]
    rows, distances = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(distances)


def ranked(
    queries: Float[np.ndarray, "queries dim"],
    gallery: Float[np.ndarray, "gallery dim"],
    candidates: Int[np.ndarray, "queries candidates"],
    top: int,
) -> tuple[Int[np.ndarray, "queries top"], Float[np.ndarray, "queries top"]]:
    """Return the nearest of the proposed entries of each query and their distances, the nearest first.

    Args:
      queries: embeddings of the queries.
      gallery: embeddings of the gallery.
      candidates: distinct gallery indices for each query, in any order.
      top: number of entries for each query; all candidates if there are fewer.
    """
    count, width = candidates.shape
    distances = np.empty((count, width), np.float64)
    step = max(1, _VALUES // max(1, width * gallery.shape[1]))
    for start in range(0, count, step):
        block = candidates[start : start + step]
        own = queries[start : start + step]
        gathered = np.concatenate([own, gallery[block.ravel()]])
        first = np.repeat(np.arange(len(own)), width)
        second = np.arange(len(own), len(gathered))
        distances[start : start + step] = pair_distances(gathered, first, second).reshape(block.shape)
    order = np.lexsort((candidates, distances))[:, :top]
    return np.take_along_axis(candidates, order, axis=1), np.take_along_axis(distances, order, axis=1)
