"""The same picture twice in a set: with the same bytes, or nearly the same."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int

from lfw_jax.data.duplicates.near_duplicates import (
    NEAR,
    PROPOSED,
    exact_duplicates,
    fine_distances,
    near_pairs,
    perceptual_hashes,
)
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.errors import UserError
from lfw_jax.inspection.headers import Report

LIMIT = 200_000
"""The most pairs that are compared and listed: a thousand blank pictures are half a million pairs."""

_CHUNK = 1_024
_PROPOSED_OF_MANY, _MANY = 4, 100_000  # proposals by chance grow with the square of the number of images


@dataclasses.dataclass(frozen=True, eq=False)
class Likeness:
    """Pairs of images that are alike.

    Attributes:
      pairs: `[pairs, 2]`, places in the set, the smaller first, sorted.
      distances: `[pairs]`, in how many of 256 bits their perceptual hashes differ; at most `near_duplicates.NEAR`.
      exact: `[pairs]`, true where the bytes (or pixels) are the same.
      groups: places that hold the same bytes, a group each.
      complete: false where there were more proposals than could be compared.
      undecodable: images whose header is sound and whose picture is not, and why.
    """

    pairs: Int[np.ndarray, "pairs 2"]
    distances: Int[np.ndarray, "pairs"]
    exact: Bool[np.ndarray, "pairs"]
    groups: list[Int[np.ndarray, "copies"]]
    complete: bool
    undecodable: tuple[Skipped, ...] = ()

    def across_people(self, labels: Int[np.ndarray, "images"]) -> Bool[np.ndarray, "pairs"]:
        """Which pairs carry the names of two people."""
        return labels[self.pairs[:, 0]] != labels[self.pairs[:, 1]]

    def copies(self, labels: Int[np.ndarray, "images"]) -> tuple[int, int]:
        """Pairs with the same bytes, all of them counted: within one person, across two people."""
        within = across = 0
        for group in self.groups:
            people = np.unique(labels[group], return_counts=True)[1]
            same = int((people * (people - 1) // 2).sum())
            within += same
            across += len(group) * (len(group) - 1) // 2 - same
        return within, across


def find_likeness(
    images: ImageSet, places: Int[np.ndarray, "readable"], *, report: Report = lambda _: None
) -> Likeness:
    """Compare every image with every other, as `near_duplicates.find_near_duplicates` does.

    In sets of more than 100,000 images only hashes within 4 bits of 64 propose a pair. An image that cannot be decoded is
    told and left out.

    Args:
      images: the set.
      places: which of them can be read.
      report: is told how many images are hashed.
    """
    hashes, decoded, undecodable = _hashes(images, places, report)
    kept = np.flatnonzero(decoded)
    proposed = PROPOSED if len(kept) <= _MANY else _PROPOSED_OF_MANY
    near = kept[near_pairs(hashes[kept], distance=proposed, limit=LIMIT)].reshape(-1, 2)
    groups = [known for group in exact_duplicates(images) if len(known := group[decoded[group]]) > 1]
    copies = np.array(list(itertools.islice(_pairs_of(groups), LIMIT)), np.int64).reshape(-1, 2)
    pairs = np.unique(np.concatenate([near, copies]), axis=0)
    content = np.full(len(images), -1, np.int64)
    for number, group in enumerate(groups):
        content[group] = number
    first, second = pairs.T
    exact = (content[first] >= 0) & (content[first] == content[second])
    distances = np.zeros(len(pairs), np.int64)
    if not exact.all():
        distances[~exact] = fine_distances(images, pairs[~exact])
    alike = distances <= NEAR
    complete = max(len(near), len(copies)) < LIMIT
    return Likeness(pairs[alike], distances[alike], exact[alike], groups, complete, undecodable)


def _hashes(
    images: ImageSet, places: Int[np.ndarray, "readable"], report: Report
) -> tuple[np.ndarray, np.ndarray, tuple[Skipped, ...]]:
    """The hash of each image, which of them could be decoded, and what was wrong with the others."""
    hashes, decoded = np.zeros(len(images), np.uint64), np.zeros(len(images), bool)
    undecodable: list[Skipped] = []
    for start in range(0, len(places), _CHUNK):
        chunk = places[start : start + _CHUNK]
        try:
            hashes[chunk], decoded[chunk] = perceptual_hashes(images, chunk), True
        except UserError:  # one of them cannot be decoded: find out which
            for place in chunk.tolist():
                try:
                    hashes[place], decoded[place] = perceptual_hashes(images, np.array([place]))[0], True
                except UserError as error:
                    undecodable.append(Skipped(images.describe(place), _reason(error)))
        report(start + len(chunk))
    return hashes, decoded, tuple(undecodable)


def _pairs_of(groups: list[Int[np.ndarray, "copies"]]) -> Iterator[tuple[int, int]]:
    for group in groups:
        yield from itertools.combinations(np.sort(group).tolist(), 2)


def _reason(error: UserError) -> str:
    """What the decoder said: the part of the message in brackets."""
    _, bracket, rest = str(error).partition("cannot be decoded (")
    return rest.rpartition(")")[0] if bracket else str(error)
