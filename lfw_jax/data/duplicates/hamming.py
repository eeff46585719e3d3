"""Exact search for near pairs among many 64-bit hashes, without comparing all with all."""

import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int, UInt64

_BLOCK = 1 << 20  # comparisons at a time: 8 MB per array
_WIDE = 1 << 12  # comparisons from which a group gets a block of its own


def hamming(one: UInt64[np.ndarray, "*shape"], other: UInt64[np.ndarray, "*shape"]) -> Int[np.ndarray, "*shape"]:
    """Return the Hamming distances of hashes, 0 to 64 bits."""
    return np.bitwise_count(one ^ other).astype(np.int64)


def near_pairs(
    hashes: UInt64[np.ndarray, "n"],
    other: UInt64[np.ndarray, "m"] | None = None,
    *,
    distance: int,
    limit: int = 1_000_000,
) -> Int[np.ndarray, "pairs 2"]:
    """Return all pairs of hashes that differ in at most `distance` bits, sorted, without missing any.

    Hashes within d bits of each other agree completely in one of d + 1 groups of bits, so that only hashes that share a group
    are compared (Manku et al., "Detecting near-duplicates for web crawling", WWW 2007). All are compared with all if that is
    no more work. The memory is that of the hashes, the pairs and a few blocks of 8 MB.

    Args:
      hashes: the hashes.
      other: a second set to compare with the first; None compares the first with itself, each pair once (i < j).
      distance: the largest Hamming distance, 0 to 64 bits.
      limit: the most pairs returned, so that a million blank images cannot fill the memory. If that many are returned, more
        may exist.

    Returns:
      `[pairs, 2]`, the indices in `hashes` and in `other` (or `hashes`).

    Raises:
      ValueError: `distance` is out of range.
    """
    if not 0 <= distance <= 64:
        raise ValueError(f"distance must be 0 to 64 bits, found {distance}")
    first = _Distinct(hashes)
    second = first if other is None else _Distinct(other)
    found, count = [np.zeros((0, 2), np.int64)], 0
    for near in _near_values(first, second, distance):
        pairs = _expanded(near, first, second, limit)
        if other is None:  # equal values pair every image with itself, and two images in both orders
            pairs = np.sort(pairs[(pairs[:, 0] < pairs[:, 1]) | (near[0, 0] != near[0, 1])], axis=1)
        found.append(pairs)
        count += len(pairs)
        if count >= limit:
            break
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))][:limit]


class _Distinct:
    """Unique hashes, and the indices of each among the original ones."""

    def __init__(self, hashes: UInt64[np.ndarray, "n"]):
        self.values, inverse, self.counts = np.unique(
            np.asarray(hashes, np.uint64), return_inverse=True, return_counts=True
        )
        self.indices = np.argsort(inverse, kind="stable")  # those of the first value, then of the second …
        self.starts = np.cumsum(self.counts) - self.counts


def _near_values(first: _Distinct, second: _Distinct, distance: int) -> Iterator[Int[np.ndarray, "pairs 2"]]:
    """Yield each index pair of near values once; within one set equal values come first, then i < j."""
    within = first is second
    if within and (first.counts > 1).any():
        repeated = np.flatnonzero(first.counts > 1)
        yield np.stack([repeated, repeated], axis=1)
    one, other = first.values, second.values
    edges = np.linspace(0, 64, distance + 2).round().astype(int).tolist()
    bands = [np.uint64((1 << high) - (1 << low)) for low, high in itertools.pairwise(edges) if high > low]
    joins = [_Join(one & band, other & band, within=within) for band in bands]
    if sum(join.comparisons for join in joins) >= len(one) * len(other):
        joins, bands = [_Join(np.zeros_like(one), np.zeros_like(other), within=within)], []
    for number, join in enumerate(joins):
        for rows, columns in join.blocks():
            near = np.bitwise_count(one[rows] ^ other[columns]) <= distance
            if within:
                near &= rows < columns
            i, j = (np.broadcast_to(indices, near.shape)[near] for indices in (rows, columns))
            for band in bands[:number]:  # pairs that agree in an earlier band were found there
                fresh = (one[i] ^ other[j]) & band != 0
                i, j = i[fresh], j[fresh]
            if len(i):
                yield np.stack([i, j], axis=1)


class _Join:
    """The indices at which two arrays hold equal keys."""

    def __init__(self, first: UInt64[np.ndarray, "n"], second: UInt64[np.ndarray, "m"], *, within: bool):
        self._first, self._second = (np.argsort(keys, kind="stable") for keys in (first, second))
        ordered, other = first[self._first], second[self._second]
        shared = np.intersect1d(ordered, other)
        self._row = np.searchsorted(ordered, shared)
        self._column = np.searchsorted(other, shared)
        self._rows = np.searchsorted(ordered, shared, side="right") - self._row
        self._columns = np.searchsorted(other, shared, side="right") - self._column
        if within:  # a key that occurs once has nothing to be compared with
            several = self._rows > 1
            self._row, self._column, self._rows, self._columns = (
                part[several] for part in (self._row, self._column, self._rows, self._columns)
            )
        self._sizes = self._rows * self._columns
        self.comparisons = int(self._sizes.sum())

    def blocks(self) -> Iterator[tuple[Int[np.ndarray, "..."], Int[np.ndarray, "..."]]]:
        """Yield row and column indices to compare, broadcast against each other, about `_BLOCK` at a time."""
        for key in np.flatnonzero(self._sizes >= _WIDE):
            row, column = self._row[key], self._column[key]
            columns = self._second[column : column + self._columns[key]]
            rows = self._first[row : row + self._rows[key]]
            width = min(len(columns), _BLOCK)
            for left in range(0, len(columns), width):
                for top in range(0, len(rows), max(1, _BLOCK // width)):
                    yield rows[top : top + max(1, _BLOCK // width), None], columns[None, left : left + width]
        small = np.flatnonzero(self._sizes < _WIDE)  # many at once, each pair of a row and a column listed
        ends = np.cumsum(self._sizes[small])
        start = 0
        while start < len(small):
            stop = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + _BLOCK)))
            keys = small[start:stop]
            key, row, column = _cells(self._rows[keys], self._columns[keys])
            yield self._first[self._row[keys][key] + row], self._second[self._column[keys][key] + column]
            start = stop


def _cells(
    rows: Int[np.ndarray, "blocks"], columns: Int[np.ndarray, "blocks"]
) -> tuple[Int[np.ndarray, "cells"], Int[np.ndarray, "cells"], Int[np.ndarray, "cells"]]:
    """Return the block, row and column of every cell of the given blocks."""
    sizes = rows * columns
    block = np.repeat(np.arange(len(sizes)), sizes)
    rank = np.arange(len(block)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return block, rank // columns[block], rank % columns[block]


def _expanded(near: Int[np.ndarray, "pairs 2"], first: _Distinct, second: _Distinct, limit: int) -> np.ndarray:
    """Return the pairs of images with the near values, or enough of them to keep `limit` pairs."""
    i, j = near.T
    rows, columns = first.counts[i], second.counts[j]
    # Of n images with one hash, n (n - 1) / 2 pairs of n² are kept, at least a quarter: four times the limit suffices.
    columns = np.minimum(columns, 4 * limit)
    rows = np.minimum(rows, -(-4 * limit // columns))
    enough = int(np.searchsorted(np.cumsum(rows * columns), 4 * limit)) + 1
    pair, row, column = _cells(rows[:enough], columns[:enough])
    return np.stack(
        [first.indices[first.starts[i[pair]] + row], second.indices[second.starts[j[pair]] + column]], axis=1
    )
