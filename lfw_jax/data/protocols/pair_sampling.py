"""Sampling distinct pairs of images of people: arrays of image indices, no names and no files.

Images are numbered from 0, person after person; `sizes[p]` is how many images person p has.
"""

import numpy as np
from jaxtyping import Int

# Rounds of drawing people uniformly before the remaining pairs are drawn uniformly over images: only reached where a
# few people own nearly all pairs, and the uniform draw then ends the search.
_ROUNDS_BY_PEOPLE = 20


def count_pairs(sizes: Int[np.ndarray, "people"]) -> tuple[int, int]:
    """How many different pairs of images exist: of one person, of two people."""
    same = int((sizes * (sizes - 1) // 2).sum())
    images = int(sizes.sum())
    return same, images * (images - 1) // 2 - same


def sample_same(
    sizes: Int[np.ndarray, "people"], count: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, "count"], Int[np.ndarray, "count"]]:
    """Draw `count` distinct pairs of one person's images, shared among people as evenly as their images allow.

    `count` is at most the number of such pairs that exist. Returns the smaller and the larger image index of each pair,
    sorted.
    """
    capacity = sizes * (sizes - 1) // 2
    starts = np.cumsum(sizes) - sizes
    first, second = [], []
    for person, share in enumerate(_shared_evenly(capacity, count, rng)):
        if share:
            rank = np.sort(rng.choice(capacity[person], share, replace=False))
            i, j = _unrank_combination(rank, sizes[person])
            first.append(starts[person] + i)
            second.append(starts[person] + j)
    return np.concatenate(first), np.concatenate(second)


def sample_different(
    sizes: Int[np.ndarray, "people"], count: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, "count"], Int[np.ndarray, "count"]]:
    """Draw `count` distinct pairs of images of two people, the people uniformly as far as their images allow.

    `count` is at most the number of such pairs that exist. Returns the smaller and the larger image index of each pair,
    sorted.
    """
    _, exist = count_pairs(sizes)
    ends = np.cumsum(sizes)
    later = ends[-1] - ends  # images of the people after p: each makes a pair with each image of p
    rank_starts = np.cumsum(sizes * later) - sizes * later
    if exist <= 2 * count:
        ranks = np.sort(rng.choice(exist, count, replace=False))
    else:
        ranks = np.empty(0, dtype=np.int64)
        rounds = 0
        while missing := count - len(ranks):
            if rounds < _ROUNDS_BY_PEOPLE:
                one, other = rng.integers(len(sizes), size=missing), rng.integers(len(sizes) - 1, size=missing)
                other += other >= one
                p, q = np.minimum(one, other), np.maximum(one, other)
                i, j = rng.integers(sizes[p]), rng.integers(sizes[q])
                drawn = rank_starts[p] + i * later[p] + (ends[q] - sizes[q] - ends[p]) + j
            else:
                drawn = rng.integers(exist, size=missing)
            ranks = np.union1d(ranks, drawn)
            rounds += 1
    person = np.searchsorted(rank_starts, ranks, side="right") - 1
    within = ranks - rank_starts[person]
    # The last person has nobody after them and so no rank of their own: `later[person]` is never 0 here.
    return ends[person] - sizes[person] + within // later[person], ends[person] + within % later[person]


def _shared_evenly(
    capacity: Int[np.ndarray, "people"], count: int, rng: np.random.Generator
) -> Int[np.ndarray, "people"]:
    """Share `count` out so that nobody exceeds their capacity and otherwise nobody has two more than anyone else."""
    shares = np.zeros_like(capacity)
    while remaining := count - int(shares.sum()):
        open_people = np.flatnonzero(shares < capacity)
        if remaining < len(open_people):
            shares[rng.choice(open_people, remaining, replace=False)] += 1
        else:
            step = min(remaining // len(open_people), int((capacity - shares)[open_people].min()))
            shares[open_people] += step
    return shares


def _unrank_combination(
    rank: Int[np.ndarray, "count"], size: int
) -> tuple[Int[np.ndarray, "count"], Int[np.ndarray, "count"]]:
    """The rank-th of the pairs (0, 1), (0, 2), …, (1, 2), … of `size` things."""
    i = np.arange(size)
    starts = i * (size - 1) - i * (i - 1) // 2
    first = np.searchsorted(starts[:-1], rank, side="right") - 1
    return first, rank - starts[first] + first + 1
