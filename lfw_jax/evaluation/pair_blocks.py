"""The distances of all pairs of embeddings, in blocks of constant memory.

Images are sorted by identity, so that most blocks hold different pairs only. One float32 matrix product per block gives squared
distances in units of histogram bins, `|x|² + |y|² − 2 x·y`. Its rounding is bounded, and where a count must be exact, the pairs
near its threshold are measured again in float64 (`pair_distances`).
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.evaluation.embeddings import EmbeddedImages

BINS = 1 << 16
"""Bins of equal width over squared distances in [0, 4]."""

_ROWS, _COLUMNS = 256, 2048
_UNIT = 2.0**-24  # rounding unit of float32


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """The pairs of some rows with some columns.

    Attributes:
      bins: histogram bin of each pair's squared distance, by row and column.
      rows: index of the first row among the sorted images.
      columns: index of the first column.
      mixed: true if the block may hold same pairs, or pairs at or below the diagonal.
    """

    bins: Int[np.ndarray, "rows columns"]
    rows: int
    columns: int
    mixed: bool


class PairBlocks:
    """All pairs of embedded images, in blocks.

    Args:
      images: the images.
    """

    def __init__(self, images: EmbeddedImages):
        labels = images.labels()
        self.order = np.argsort(labels, kind="stable")
        """Index of each sorted image among the given ones."""
        self.labels = labels[self.order]
        """Label of each sorted image."""
        unit = unit_length(images.embeddings[self.order])
        squares = np.sum(unit**2, axis=1, keepdims=True)  # 1, or 0 for an embedding of zeros
        ones, scale = np.ones_like(squares), BINS / 4
        self._left = np.hstack([-2 * scale * unit, scale * squares, scale * ones]).astype(np.float32)
        self._right = np.ascontiguousarray(np.hstack([unit, ones, squares]).astype(np.float32).T)
        sizes = np.bincount(self.labels)
        self._ends = np.cumsum(sizes)
        self.same_pairs = int((sizes * (sizes - 1) // 2).sum())
        """Number of pairs of one identity."""
        self.different_pairs = len(images) * (len(images) - 1) // 2 - self.same_pairs
        """Number of pairs of two identities."""

    @property
    def margin(self) -> int:
        """Bins around a threshold outside of which rounding moves no pair to its other side.

        Rounding moves a value by at most (terms + 4) units of the sum of the absolute terms, which is at most `BINS`. A threshold
        that is found by its rank is moved by as much.
        """
        return int(np.ceil(2 * (self._left.shape[1] + 4) * _UNIT * BINS))

    def __iter__(self) -> Iterator[Block]:
        count = len(self.labels)
        buffer = np.empty(_ROWS * _COLUMNS, np.float32)
        for start in range(0, count, _ROWS):
            end = min(start + _ROWS, count)
            # From this column on, all pairs of these rows are different pairs above the diagonal.
            plain = int(self._ends[self.labels[end - 1]])
            for first, last, mixed in ((start, plain, True), (plain, count, False)):
                for column in range(first, last, _COLUMNS):
                    stop = min(column + _COLUMNS, last)
                    values = buffer[: (end - start) * (stop - column)].reshape(end - start, stop - column)
                    np.matmul(self._left[start:end], self._right[:, column:stop], out=values)
                    np.clip(values, 0, BINS - 1, out=values)
                    yield Block(values.astype(np.intp), start, column, mixed)

    def kinds(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """Return the masks `[rows, columns]` of the same and of the different pairs above the diagonal.

        Args:
          block: a block of these pairs.
        """
        height, width = block.bins.shape
        rows, columns = np.arange(height) + block.rows, np.arange(width) + block.columns
        above = columns > rows[:, None]
        same = self.labels[columns] == self.labels[rows][:, None]
        return above & same, above & ~same


def pair_histogram(blocks: PairBlocks) -> tuple[Int[np.ndarray, "bins"], Int[np.ndarray, "bins"]]:
    """Return the numbers of same pairs and of different pairs in each bin of squared distance.

    Args:
      blocks: the pairs.
    """
    same, different = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    for block in blocks:
        if not block.mixed:
            different += np.bincount(block.bins.ravel(), minlength=BINS)
            continue
        for counts, kind in zip((same, different), blocks.kinds(block), strict=True):
            counts += np.bincount(block.bins[kind], minlength=BINS)
    return same, different


def bin_edges() -> Float[np.ndarray, "edges"]:
    """Return the distances at the edges of the bins."""
    return np.sqrt(4 / BINS * np.arange(BINS + 1))
