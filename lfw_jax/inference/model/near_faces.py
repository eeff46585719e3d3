"""Pairs of nearly identical faces in a gallery, and the groups that pairs form."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int
from scipy import sparse
from scipy.sparse import csgraph

from lfw_jax.inference.model.gallery import Gallery, Hits

NEIGHBOURS = 32
"""The nearest faces of each face that are looked at first; twice as many, again and again, of a face with more copies."""

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
        rows, top = np.arange(start, min(start + _BLOCK, len(gallery))), 1 + NEIGHBOURS
        while len(rows):
            hits = gallery.search(gallery.table.embeddings[rows], top)
            found, complete = _near(identities, rows, hits, limit, other_limit)
            complete |= hits.rows.shape[1] == len(gallery)
            pairs.append(found[complete[np.searchsorted(rows, found[:, 0])]])
            rows, top = rows[~complete], 2 * top
        progress(min(start + _BLOCK, len(gallery)))
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def _near(
    identities: np.ndarray, rows: Int[np.ndarray, "queries"], hits: Hits, limit: float, other_limit: float
) -> tuple[Int[np.ndarray, "pairs 2"], Bool[np.ndarray, "queries"]]:
    """Return the pairs of each query, and true for a query whose further neighbours cannot be among them."""
    near = hits.distances < limit
    names = identities[rows][:, None]
    other = (hits.distances < other_limit) & (identities[hits.rows] != names) & (names != "")
    other &= identities[hits.rows] != ""
    near |= other & (np.cumsum(other, axis=1) == 1)
    query, rank = np.nonzero(near & (hits.rows != rows[:, None]))
    last = hits.distances[:, -1]
    complete = (last >= limit) & ((last >= other_limit) | other.any(axis=1) | (names[:, 0] == ""))
    return np.stack([rows[query], hits.rows[query, rank]], axis=1), complete


def groups_of(pairs: Int[np.ndarray, "pairs 2"], count: int) -> list[Int[np.ndarray, "members"]]:
    """Return the connected components of pairs as sorted indices, those with the smallest index first.

    Args:
      pairs: the pairs.
      count: number of items.
    """
    edges = sparse.coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(count, count))
    component = csgraph.connected_components(edges, directed=False)[1]
    items = np.unique(pairs)
    _, first, group = np.unique(component[items], return_index=True, return_inverse=True)
    return [items[group == number] for number in np.argsort(first)]
