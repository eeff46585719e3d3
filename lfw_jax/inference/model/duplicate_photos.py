"""Duplicates among embedded photos: evidence of pairs, their groups, and the photo of each to keep."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.inference.model.embedding_table import EmbeddingTable
from lfw_jax.inference.model.near_faces import groups_of

NEAR_FACE, NEAR_FACE_OF_OTHER = 0.2, 0.4
"""The limits of nearly identical faces of one identity, and of two, as shares of the threshold of the operating point.

docs/results.md has the measurements: what rewriting a picture does to its embedding, and the pairs of LFW below both limits."""


@dataclasses.dataclass(frozen=True)
class NearPictures:
    """The evidence of two pictures.

    Attributes:
      hash_bits: number of the 256 bits in which their perceptual hashes differ; None if they were not found to be near.
      same_bytes: true if the files have the same content.
    """

    hash_bits: int | None
    same_bytes: bool


@dataclasses.dataclass(frozen=True)
class DuplicatePair:
    """Two photos that are probably one.

    Attributes:
      first: row of the first photo.
      second: row of the second photo.
      same_bytes: true if the files have the same content.
      hash_bits: number of the 256 bits in which the perceptual hashes differ; None if the pictures were not found to be near.
      face_distance: distance of the embeddings of the faces.
      label_error: true if the photos have different identities: one is wrong, unless the photo shows both people.
    """

    first: int
    second: int
    same_bytes: bool
    hash_bits: int | None
    face_distance: float
    label_error: bool


@dataclasses.dataclass(frozen=True)
class GroupedPhoto:
    """A photo of a group of duplicates.

    Attributes:
      row: its row.
      source: its file, or its position in the source.
      identity: its identity; "" for none.
      width: its width in pixels; 0 if it is not a readable file.
      height: its height in pixels.
      score: the detector's confidence of its face; None without one.
      keep: true for the recommended one: the largest, of equally large ones that with the best score, then the first.
    """

    row: int
    source: str
    identity: str
    width: int
    height: int
    score: float | None
    keep: bool


@dataclasses.dataclass(frozen=True)
class DuplicateGroup:
    """Photos that are connected by pairs.

    Attributes:
      label_error: true if the photos have different identities.
      photos: the photos, the recommended one first.
      pairs: the evidence.
    """

    label_error: bool
    photos: tuple[GroupedPhoto, ...]
    pairs: tuple[DuplicatePair, ...]


def duplicate_pairs(
    table: EmbeddingTable, pictures: Mapping[tuple[int, int], NearPictures], faces: Int[np.ndarray, "faces 2"]
) -> tuple[DuplicatePair, ...]:
    """Return all pairs with their evidence, by row.

    Args:
      table: the photos.
      pictures: the pairs of near pictures, the smaller row first.
      faces: the pairs of near faces, the smaller row first.
    """
    pairs = sorted({*pictures, *((one, other) for one, other in faces.tolist())})
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    distances = pair_distances(table.embeddings, first, second).tolist() if pairs else []
    nothing = NearPictures(None, same_bytes=False)
    return tuple(
        DuplicatePair(
            one,
            other,
            **vars(pictures.get((one, other), nothing)),
            face_distance=distance,
            label_error=_differ(table, one, other),
        )
        for (one, other), distance in zip(pairs, distances, strict=True)
    )


def duplicate_groups(
    table: EmbeddingTable, pairs: Sequence[DuplicatePair], sizes: Int[np.ndarray, "photos 2"]
) -> tuple[DuplicateGroup, ...]:
    """Return the groups that pairs form, the most serious first.

    Label errors come first, then groups with the same bytes, then those with the nearest faces.

    Args:
      table: the photos.
      pairs: the pairs.
      sizes: width and height of each photo; 0 where they are not known.
    """
    edges = np.array([(pair.first, pair.second) for pair in pairs], np.int64).reshape(-1, 2)
    members = groups_of(edges, len(table))
    group_of = {row: number for number, group in enumerate(members) for row in group.tolist()}
    evidence: list[list[DuplicatePair]] = [[] for _ in members]
    for pair in pairs:
        evidence[group_of[pair.first]].append(pair)
    groups = [
        DuplicateGroup(any(pair.label_error for pair in of_group), _photos(table, group, sizes), tuple(of_group))
        for group, of_group in zip(members, evidence, strict=True)
    ]
    return tuple(sorted(groups, key=_seriousness))


def _seriousness(group: DuplicateGroup) -> tuple[bool, bool, float]:
    same = any(pair.same_bytes for pair in group.pairs)
    return not group.label_error, not same, min(pair.face_distance for pair in group.pairs)


def _photos(
    table: EmbeddingTable, group: Int[np.ndarray, "members"], sizes: Int[np.ndarray, "photos 2"]
) -> tuple[GroupedPhoto, ...]:
    def rank(row: int) -> tuple[float, float, int]:
        score = float(table.scores[row])
        return -float(sizes[row].prod()), -score if np.isfinite(score) else 0.0, row

    return tuple(
        GroupedPhoto(
            row,
            str(table.sources[row]),
            str(table.identities[row]),
            int(sizes[row, 0]),
            int(sizes[row, 1]),
            float(table.scores[row]) if np.isfinite(table.scores[row]) else None,
            keep=position == 0,
        )
        for position, row in enumerate(sorted(group.tolist(), key=rank))
    )


def _differ(table: EmbeddingTable, one: int, other: int) -> bool:
    names = str(table.identities[one]), str(table.identities[other])
    return names[0] != names[1] and all(names)
