"""Duplicates within a data set: images with the same bytes, and near duplicates."""

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
"""The most pairs that are compared and listed. (A thousand blank images would give half a million pairs.)"""

_CHUNK = 1_024
_PROPOSED_OF_MANY, _MANY = 4, 100_000  # random candidates grow with the square of the number of images


@dataclasses.dataclass(frozen=True, eq=False)
class Likeness:
    """The pairs of duplicates in a set.

    Attributes:
      pairs: `[pairs, 2]`, indices of images, the smaller first, sorted.
      distances: `[pairs]`, the Hamming distance of their 256-bit perceptual hashes, at most `near_duplicates.NEAR`.
      exact: `[pairs]`, true for identical bytes (or pixels).
      groups: the groups of images with identical bytes, by their indices.
      complete: false if there were more candidate pairs than `LIMIT`.
      undecodable: images with a valid header that cannot be decoded, with the reasons.
    """

    pairs: Int[np.ndarray, "pairs 2"]
    distances: Int[np.ndarray, "pairs"]
    exact: Bool[np.ndarray, "pairs"]
    groups: list[Int[np.ndarray, "copies"]]
    complete: bool
    undecodable: tuple[Skipped, ...] = ()

    def across_identities(self, labels: Int[np.ndarray, "images"]) -> Bool[np.ndarray, "pairs"]:
        """Return the mask of pairs with two different identities, given the identity of each image."""
        return labels[self.pairs[:, 0]] != labels[self.pairs[:, 1]]

    def copies(self, labels: Int[np.ndarray, "images"]) -> tuple[int, int]:
        """Count all pairs with identical bytes: of one identity, and of two identities."""
        within = across = 0
        for group in self.groups:
            identities = np.unique(labels[group], return_counts=True)[1]
            same = int((identities * (identities - 1) // 2).sum())
            within += same
            across += len(group) * (len(group) - 1) // 2 - same
        return within, across


def find_likeness(
    images: ImageSet, indices: Int[np.ndarray, "readable"], *, report: Report = lambda _: None
) -> Likeness:
    """Find the duplicates in a set, as `near_duplicates.find_near_duplicates` does.

    In sets of more than 100,000 images, a pair is a candidate only if its 64-bit hashes differ in at most 4 bits. Images that
    cannot be decoded are excluded and reported.

    Args:
      images: the data set.
      indices: `[readable]`, the indices of the readable images.
      report: called with the number of hashed images.
    """
    hashes, decoded, undecodable = _hashes(images, indices, report)
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
    images: ImageSet, indices: Int[np.ndarray, "readable"], report: Report
) -> tuple[np.ndarray, np.ndarray, tuple[Skipped, ...]]:
    """Return the hash of each image, the mask of decodable images, and the others with the reasons."""
    hashes, decoded = np.zeros(len(images), np.uint64), np.zeros(len(images), bool)
    undecodable: list[Skipped] = []
    for start in range(0, len(indices), _CHUNK):
        chunk = indices[start : start + _CHUNK]
        try:
            hashes[chunk], decoded[chunk] = perceptual_hashes(images, chunk), True
        except UserError:  # at least one of them cannot be decoded
            for index in chunk.tolist():
                try:
                    hashes[index], decoded[index] = perceptual_hashes(images, np.array([index]))[0], True
                except UserError as error:
                    undecodable.append(Skipped(images.describe(index), _reason(error)))
        report(start + len(chunk))
    return hashes, decoded, tuple(undecodable)


def _pairs_of(groups: list[Int[np.ndarray, "copies"]]) -> Iterator[tuple[int, int]]:
    for group in groups:
        yield from itertools.combinations(np.sort(group).tolist(), 2)


def _reason(error: UserError) -> str:
    """Return the decoder's reason, the part of the message in brackets."""
    _, bracket, rest = str(error).partition("cannot be decoded (")
    return rest.rpartition(")")[0] if bracket else str(error)
