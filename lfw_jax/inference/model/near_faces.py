"""Pairs of nearly identical faces in a gallery, and the groups that pairs form."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.inference.model.gallery import Gallery

NEIGHBOURS = 32
"""The nearest faces of each face that are looked at. More copies of a face still form one group."""

_BLOCK = 1024


def near_faces(
    gallery: Gallery, limit: float, *, progress: Callable[[int], None] = lambda _: None
) -> tuple[Int[np.ndarray, "pairs 2"], Float[np.ndarray, "pairs"]]:
    """Return the pairs of faces whose distance is below a limit, and their distances, by row.

    Args:
      gallery: the faces. With an index, the pairs that it misses are missing.
      limit: the limit of the distance.
      progress: called with the number of searched faces.
    """
    pairs, distances = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
    for start in range(0, len(gallery), _BLOCK):
        hits = gallery.search(gallery.table.embeddings[start : start + _BLOCK], 1 + NEIGHBOURS)
        query, rank = np.nonzero(hits.distances < limit)
        one, other = query + start, hits.rows[query, rank]
        pairs.append(np.sort(np.stack([one, other], axis=1), axis=1)[one != other])
        distances.append(hits.distances[query, rank][one != other])
        progress(start + len(hits.rows))
    unique, first = np.unique(np.concatenate(pairs), axis=0, return_index=True)
    return unique, np.concatenate(distances)[first]


def groups_of(pairs: Int[np.ndarray, "pairs 2"], count: int) -> list[Int[np.ndarray, "members"]]:
    """Return the connected components of pairs as sorted indices, those with the smallest index first.

    Args:
      pairs: the pairs.
      count: number of items.
    """
    parent = np.arange(count)

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = int(parent[item])
        return item

    for one, other in pairs.tolist():
        first, second = sorted((root(one), root(other)))
        parent[second] = first
    members: dict[int, list[int]] = {}
    for item in np.unique(pairs).tolist():
        members.setdefault(root(item), []).append(item)
    return [np.array(group, np.int64) for group in members.values()]
