"""Sampling distinct pairs of images as arrays of image indices.

Images are numbered from 0, identity after identity; `sizes[p]` is the number of images of identity p.
"""

import numpy as np
from jaxtyping import Int

# Rounds of sampling identities uniformly. If nearly all pairs are of a few identities, the rounds do not find enough of them,
# and the remaining pairs are sampled uniformly over all pairs.
_ROUNDS_BY_IDENTITY = 20

_CANDIDATES = 8  # pairs sampled for each one that is needed, if the number of pairs of an identity is limited


def count_pairs(sizes: Int[np.ndarray, "identities"]) -> tuple[int, int]:
    """Return the number of distinct same pairs and of distinct different pairs."""
    same = int((sizes * (sizes - 1) // 2).sum())
    images = int(sizes.sum())
    return same, images * (images - 1) // 2 - same


def sample_same(
    sizes: Int[np.ndarray, "identities"], count: int, rng: np.random.Generator, most: int | None = None
) -> tuple[Int[np.ndarray, "count"], Int[np.ndarray, "count"]]:
    """Sample distinct same pairs, distributed over the identities as evenly as possible.

    Args:
      sizes: the number of images of each identity.
      count: the number of pairs, at most the number that exists, or that `most` leaves.
      rng: the source of randomness.
      most: the largest number of pairs of one identity; None for no limit.

    Returns:
      The smaller and the larger image index of each pair, sorted.
    """
    capacity = sizes * (sizes - 1) // 2
    limit = capacity if most is None else np.minimum(capacity, most)
    starts = np.cumsum(sizes) - sizes
    first, second = [], []
    for identity, share in enumerate(_distribute(limit, count, rng)):
        if share:
            rank = np.sort(rng.choice(capacity[identity], share, replace=False))
            i, j = _unrank_combination(rank, sizes[identity])
            first.append(starts[identity] + i)
            second.append(starts[identity] + j)
    return np.concatenate(first), np.concatenate(second)


def sample_different(
    sizes: Int[np.ndarray, "identities"], count: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, "count"], Int[np.ndarray, "count"]]:
    """Sample distinct different pairs, with both identities as uniform as possible.

    Args:
      sizes: the number of images of each identity.
      count: the number of pairs, at most the number that exists.
      rng: the source of randomness.

    Returns:
      The smaller and the larger image index of each pair, sorted.
    """
    _, exist = count_pairs(sizes)
    ends = np.cumsum(sizes)
    later = ends[-1] - ends  # images of the identities after p: each forms a pair with each image of p
    rank_starts = np.cumsum(sizes * later) - sizes * later
    if exist <= 2 * count:
        ranks = np.sort(rng.choice(exist, count, replace=False))
    else:
        ranks = np.empty(0, dtype=np.int64)
        rounds = 0
        while missing := count - len(ranks):
            if rounds < _ROUNDS_BY_IDENTITY:
                one, other = rng.integers(len(sizes), size=missing), rng.integers(len(sizes) - 1, size=missing)
                other += other >= one
                p, q = np.minimum(one, other), np.maximum(one, other)
                i, j = rng.integers(sizes[p]), rng.integers(sizes[q])
                sampled = rank_starts[p] + i * later[p] + (ends[q] - sizes[q] - ends[p]) + j
            else:
                sampled = rng.integers(exist, size=missing)
            ranks = np.union1d(ranks, sampled)
            rounds += 1
    identity = np.searchsorted(rank_starts, ranks, side="right") - 1
    within = ranks - rank_starts[identity]
    # No rank belongs to the last identity, which has no identity after it, so `later[identity]` is never 0 here.
    return ends[identity] - sizes[identity] + within // later[identity], ends[identity] + within % later[identity]


def sample_different_capped(
    sizes: Int[np.ndarray, "identities"], count: int, rng: np.random.Generator, most: int
) -> tuple[Int[np.ndarray, "found"], Int[np.ndarray, "found"]]:
    """Sample distinct different pairs, of which no identity is in more than a given number.

    Args:
      sizes: the number of images of each identity.
      count: the number of pairs; fewer are returned if the limit leaves fewer.
      rng: the source of randomness.
      most: the largest number of pairs of one identity.

    Returns:
      The smaller and the larger image index of each pair, sorted.
    """
    candidates = min(_CANDIDATES * count, count_pairs(sizes)[1])
    first, second = sample_different(sizes, candidates, rng)
    identity = np.repeat(np.arange(len(sizes)), sizes)
    used, chosen = np.zeros(len(sizes), np.int64), []
    for index in rng.permutation(candidates).tolist():
        one, other = identity[first[index]], identity[second[index]]
        if used[one] < most and used[other] < most:
            used[[one, other]] += 1
            chosen.append(index)
            if len(chosen) == count:
                break
    chosen.sort()
    return first[chosen], second[chosen]


def _distribute(
    capacity: Int[np.ndarray, "identities"], count: int, rng: np.random.Generator
) -> Int[np.ndarray, "identities"]:
    """Distribute `count` evenly: shares differ by at most 1, except for those limited by their capacity."""
    shares = np.zeros_like(capacity)
    while remaining := count - int(shares.sum()):
        unlimited = np.flatnonzero(shares < capacity)
        if remaining < len(unlimited):
            shares[rng.choice(unlimited, remaining, replace=False)] += 1
        else:
            step = min(remaining // len(unlimited), int((capacity - shares)[unlimited].min()))
            shares[unlimited] += step
    return shares


def _unrank_combination(
    rank: Int[np.ndarray, "count"], size: int
) -> tuple[Int[np.ndarray, "count"], Int[np.ndarray, "count"]]:
    """Return the pair of `size` items at each rank in the order (0, 1), (0, 2), …, (1, 2), …."""
    i = np.arange(size)
    starts = i * (size - 1) - i * (i - 1) // 2
    first = np.searchsorted(starts[:-1], rank, side="right") - 1
    return first, rank - starts[first] + first + 1
