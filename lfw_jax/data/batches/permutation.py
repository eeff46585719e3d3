"""Random permutations of very many items, of which slices are computed on demand."""

import numpy as np
from jaxtyping import Int, UInt64

_AS_ARRAY = 2**16  # up to this size NumPy's permutation takes less than a millisecond
_ROUNDS = 8
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # splitmix64, Steele et al. 2014


def random(*key: int) -> np.random.Generator:
    """Return the random number generator that is seeded with a tuple of integers."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


class Permutation:
    """A random order of 0 … count − 1, a pure function of its key.

    Up to 65,536 items, NumPy shuffles an array. Beyond that, a keyed bijection needs no memory: a Feistel network whose halves
    are the quotient and the remainder of an index by b, counted modulo a and b, with a·b just above `count`. The network is
    applied again to every value of at least `count` until none is left (cycle walking; Black and Rogaway 2002, "Ciphers with
    Arbitrary Finite Domains").

    Args:
      count: the number of items.
      key: integers that the order depends on.
    """

    def __init__(self, count: int, *key: int):
        self._count = count
        generator = random(*key)
        self._order = generator.permutation(count) if count <= _AS_ARRAY else None
        self._keys = generator.integers(0, 2**64, _ROUNDS, np.uint64)
        self._columns = max(1, round(count**0.5))
        self._rows = -(-count // self._columns)

    def __call__(self, start: int, stop: int) -> Int[np.ndarray, "part"]:
        """Return the items at positions `start` up to, but not including, `stop`."""
        if self._order is not None:
            return self._order[start:stop]
        items = self._shuffle(np.arange(start, stop, dtype=np.uint64))
        while (outside := items >= self._count).any():
            items[outside] = self._shuffle(items[outside])
        return items.astype(np.int64)

    def _shuffle(self, numbers: UInt64[np.ndarray, "n"]) -> UInt64[np.ndarray, "n"]:
        """Apply a bijection of 0 … rows·columns − 1: a keyed hash of each half shifts the other."""
        rows, columns = np.uint64(self._rows), np.uint64(self._columns)
        row, column = numbers // columns, numbers % columns
        for first, second in self._keys.reshape(-1, 2):
            row = (row + _hash(column, first)) % rows
            column = (column + _hash(row, second)) % columns
        return row * columns + column


def _hash(numbers: UInt64[np.ndarray, "n"], key: np.uint64) -> UInt64[np.ndarray, "n"]:
    """Return a keyed hash below 2³² of each number."""
    mixed = numbers + key
    for shift, factor in zip((30, 27), _MIX, strict=True):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
    return mixed >> np.uint64(32)


class Epochs:
    """Random permutations of `count` items, one per epoch; the latest one is cached."""

    def __init__(self, count: int, seed: int):
        self._count, self._seed = count, seed
        self._latest = -1, Permutation(0)  # one tuple, so that threads replace both at once

    def take(self, step: int, size: int) -> Int[np.ndarray, "size"]:
        """Return the items of a step from its epoch's permutation, whose remainder is dropped."""
        epoch, part = divmod(step, self._count // size)
        cached, order = self._latest
        if cached != epoch:
            order = Permutation(self._count, self._seed, 0, epoch)
            self._latest = epoch, order
        return order(part * size, (part + 1) * size)
