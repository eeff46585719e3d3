"""The most similar gallery entries of each probe, merged block by block."""

import numpy as np
from jaxtyping import Float32, Int


class BestCandidates:
    """The best entries seen so far, the best first; of equally similar ones the first in the gallery.

    A block of the gallery is compared with the worst kept similarity, which few of its entries exceed, so that its cost is one
    comparison per entry rather than a sort.

    Args:
      probes: number of probes.
      best: number of entries to keep of each.
    """

    def __init__(self, probes: int, best: int):
        self.indices = np.full((probes, best), -1, np.int64)
        self.similarities = np.full((probes, best), -np.inf, np.float32)

    def add(self, similarities: Float32[np.ndarray, "probes block"], start: int) -> None:
        """Merge a block of the gallery; blocks come in the order of the gallery.

        Args:
          similarities: similarity of each probe and each entry of the block; -inf for entries that do not count.
          start: index in the gallery of the first entry.
        """
        best = self.indices.shape[1]
        least = self.similarities[:, -1].copy()
        if np.isneginf(least).any() and similarities.shape[1] > best:
            # The first block: at least as similar as the worst of its best.
            kth = np.partition(similarities, -best, axis=1)[:, -best]
            least = np.where(np.isneginf(least), np.nextafter(kth, np.float32(-np.inf)), least)
        hits = np.flatnonzero(similarities > least[:, None])
        if len(hits):
            rows, columns = np.divmod(hits, similarities.shape[1])
            self._merge(rows, columns + start, similarities.ravel()[hits])

    def _merge(
        self, rows: Int[np.ndarray, "hits"], indices: Int[np.ndarray, "hits"], values: Float32[np.ndarray, "hits"]
    ) -> None:
        kept_rows, kept_ranks = np.nonzero(self.indices >= 0)
        rows = np.concatenate([kept_rows, rows])
        indices = np.concatenate([self.indices[kept_rows, kept_ranks], indices])
        values = np.concatenate([self.similarities[kept_rows, kept_ranks], values])
        order = np.lexsort((indices, -values, rows))
        rows = rows[order]
        ranks = np.arange(len(rows)) - np.searchsorted(rows, rows)
        chosen = ranks < self.indices.shape[1]
        self.indices[rows[chosen], ranks[chosen]] = indices[order][chosen]
        self.similarities[rows[chosen], ranks[chosen]] = values[order][chosen]
