"""A gallery of embedded faces, and the search in it: exact for few faces, by an index for many."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float, Float32, Int

from lfw_jax.errors import UserError
from lfw_jax.evaluation.identification.nearest import SPARE, nearest, ranked
from lfw_jax.evaluation.identification.protocol import UNKNOWN, Templates
from lfw_jax.inference.model.embedding_table import EmbeddingTable
from lfw_jax.inference.model.gallery_index import GalleryIndex, UnfitIndexError

EXACT_BELOW = 100_000
"""Number of faces from which an index is used."""

INDEX_ENDING = ".usearch"
"""Added to the name of a file of embeddings for the file of its index."""

_SAMPLE = 100  # queries that are also searched exactly, to measure the recall of the index


@dataclasses.dataclass(frozen=True, eq=False)
class Hits:
    """The nearest faces of each query.

    Attributes:
      rows: rows of the gallery, the nearest first; equally distant ones by their row.
      distances: Euclidean distances of the embeddings of length 1, from 0 to 2.
    """

    rows: Int[np.ndarray, "queries top"]
    distances: Float[np.ndarray, "queries top"]


@dataclasses.dataclass(frozen=True)
class Recall:
    """The share of the nearest faces that an index finds.

    Attributes:
      share: the share of the `top` nearest faces of exact search that the index returns, over all sampled queries.
      top: number of faces for each query.
      queries: number of sampled queries.
    """

    share: float
    top: int
    queries: int


class Gallery:
    """Embedded faces that can be searched. Several threads may search it.

    Args:
      table: the faces, at least one.
      sha256: checksum of the model that embedded them; embeddings of another model cannot be compared with them.
      index: an index of the embeddings; None to search exactly.
      note: a sentence about the index, such as the reason why it was built again.

    Attributes:
      table: the faces.
      sha256: checksum of the model.
      index: the index; None for exact search.
      note: a sentence about the index; "" for none.

    Raises:
      UserError: there is no face, or an embedding is not finite.

    Example:
      >>> gallery = Gallery.of(table, verifier.card.sha256)
      >>> hits = gallery.search(verifier.embed("a.jpg"), top=5)
    """

    def __init__(self, table: EmbeddingTable, sha256: str, *, index: GalleryIndex | None = None, note: str = ""):
        if not len(table):
            raise UserError("gallery: found no face; expected at least one.")
        self._faces = _templates("gallery", table.embeddings)
        self.table = dataclasses.replace(table, embeddings=self._faces.embeddings)
        self.sha256, self.index, self.note = sha256, index, note

    @classmethod
    def of(
        cls,
        table: EmbeddingTable,
        sha256: str,
        *,
        path: Path | None = None,
        exact_below: int = EXACT_BELOW,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Self:
        """Return the gallery of some faces, with an index if they are many.

        The index is read from the file beside that of the embeddings. If there is none, or if it is damaged or belongs to another
        model or to other embeddings, it is built and written there.

        Args:
          table: the faces, at least one.
          sha256: checksum of the model that embedded them.
          path: the file of the embeddings; None if they are in memory only, where an index is not kept.
          exact_below: number of faces from which an index is used.
          progress: called with the number of faces in the index while it is built.

        Raises:
          UserError: there is no face, usearch is not installed, or a file that is not an index of this project is in the place of
            the index.
        """
        gallery = cls(table, sha256)
        if len(table) < exact_below:
            return gallery
        embeddings = gallery._faces.embeddings
        place = path.with_name(path.name + INDEX_ENDING) if path else None
        if place and place.exists():
            try:
                gallery.index = GalleryIndex.read(place, sha256, embeddings)
                return gallery
            except UnfitIndexError as error:
                gallery.note = f"The index was built again: {str(error).partition('. ')[0]}."
        gallery.index = GalleryIndex.build(embeddings, progress=progress)
        if place:
            try:
                gallery.index.write(place, sha256, embeddings)
            except UserError as error:
                gallery.note = f"The index is not kept: {error}"
        return gallery

    def __len__(self) -> int:
        return len(self.table)

    def search(self, embeddings: Float[np.ndarray, "queries dim"], top: int) -> Hits:
        """Return the nearest faces of each query.

        Args:
          embeddings: embeddings of the same model, of any length; they are normalised here.
          top: number of faces for each query, at least 1; all if the gallery has fewer.

        Raises:
          UserError: `top` is below 1, or the embeddings are of another length or not finite.
        """
        if self.index is None:
            return self._exact(embeddings, top)
        queries = self._queries(embeddings, top)
        wanted = min(top + SPARE, len(self))
        proposed = self.index.propose(queries.embeddings, wanted) if len(queries) else None
        if proposed is None:  # the graph did not reach enough faces, which small ones may not
            return self._exact(embeddings, top)
        return Hits(*ranked(queries.embeddings, self._faces.embeddings, proposed, top))

    def recall(self, embeddings: Float[np.ndarray, "queries dim"], top: int) -> Recall | None:
        """Return the share of the nearest faces that the index finds; None for exact search.

        It is measured on the first 100 queries, which are completed by faces of the gallery, evenly spaced, that do not count as
        their own neighbours.

        Args:
          embeddings: the queries; there may be none.
          top: number of faces for each query.

        Raises:
          UserError: as `search`.
        """
        if self.index is None:
            return None
        missing = min(max(0, _SAMPLE - len(embeddings)), len(self))
        own = np.linspace(0, len(self) - 1, missing).round().astype(np.int64)
        queries = np.asarray(embeddings, np.float32)[:_SAMPLE]
        sample = np.concatenate([queries, self._faces.embeddings[own]])
        itself = np.concatenate([np.full(len(queries), -1), own])
        width = min(top, len(self) - (1 if missing else 0))
        if not width:
            return None
        found, expected = (
            _without(itself, hits, width) for hits in (self.search(sample, top + 1), self._exact(sample, top + 1))
        )
        # By distances, so that of several equally distant faces each counts.
        within = found <= expected[:, -1:] * (1 + 1e-9) + 1e-12
        return Recall(float(np.mean(within)), width, len(sample))

    def _exact(self, embeddings: Float[np.ndarray, "queries dim"], top: int) -> Hits:
        queries = self._queries(embeddings, top)
        if not len(queries):
            width = min(top, len(self))
            return Hits(np.zeros((0, width), np.int64), np.zeros((0, width)))
        return Hits(*nearest(queries, self._faces, top))

    def _queries(self, embeddings: Float[np.ndarray, "queries dim"], top: int) -> Templates:
        if top < 1:
            raise UserError(f"top is {top}; expected 1 or more.")
        queries = _templates("queries", embeddings)
        if queries.embeddings.shape[1] != (dim := self._faces.embeddings.shape[1]):
            raise UserError(
                f"queries: found embeddings of length {queries.embeddings.shape[1]}, expected {dim} as in the gallery. Embed "
                "both with one model."
            )
        return queries


def _without(itself: Int[np.ndarray, "queries"], hits: Hits, width: int) -> Float[np.ndarray, "queries width"]:
    """Return the distances of the nearest faces of each query that are not the query itself."""
    own = hits.rows == itself[:, None]
    return np.sort(np.where(own, np.inf, hits.distances), axis=1)[:, :width]


def _templates(name: str, embeddings: Float[np.ndarray, "faces dim"]) -> Templates:
    vectors: Float32[np.ndarray, "faces dim"] = np.asarray(embeddings, np.float32)
    return Templates(name, vectors, np.full(len(vectors), UNKNOWN))
