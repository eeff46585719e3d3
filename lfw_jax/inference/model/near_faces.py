"""Pairs of nearly identical faces in a gallery, and the groups that pairs form."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from lfw_jax.inference.model.gallery import Gallery

NEIGHBOURS = 32
"""The nearest faces of each face that are looked at. More copies of a face still form one group."""

_BLOCK = 1024


def near_faces(
    gallery: Gallery, limit: float, other_limit: float, *, progress: Callable[[int], None] = lambda _: None
) -> Int[np.ndarray, "pairs 2"]:
    """Return the pairs of nearly identical faces, by row.

    Args:
      gallery: the faces. With an index, the pairs that it misses are missing.
      limit: pairs below this distance are returned.
      other_limit: the nearest face of another identity is returned below this distance, too.
      progress: called with the number of searched faces.
    """
    identities = gallery.table.identities
    pairs = [np.zeros((0, 2), np.int64)]
    for start in range(0, len(gallery), _BLOCK):
        hits = gallery.search(gallery.table.embeddings[start : start + _BLOCK], 1 + NEIGHBOURS)
        own = np.arange(start, start + len(hits.rows))
        near = hits.distances < limit
        names = identities[own][:, None]
        other = (hits.distances < other_limit) & (identities[hits.rows] != names) & (names != "")
        other &= identities[hits.rows] != ""
        near |= other & (np.cumsum(other, axis=1) == 1)
        query, rank = np.nonzero(near & (hits.rows != own[:, None]))
        pairs.append(np.sort(np.stack([own[query], hits.rows[query, rank]], axis=1), axis=1))
        progress(start + len(own))
    return np.unique(np.concatenate(pairs), axis=0)


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
