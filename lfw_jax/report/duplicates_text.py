"""Groups of duplicate photos on the terminal, and as CSV files."""

import csv
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from lfw_jax.data.duplicates.near_duplicates import NEAR
from lfw_jax.data.formats.spreadsheet_cells import to_cell
from lfw_jax.inference.model.duplicate_photos import DuplicateGroup, DuplicatePair
from lfw_jax.report.formatting import counted
from lfw_jax.report.terminal_text import print_lines, print_notes

_GROUPS, _PHOTOS = 12, 6  # on the terminal
_PHOTO_COLUMNS = ("group", "recommendation", "label_error", "identity", "source", "width", "height", "score", "row")
_PAIR_COLUMNS = (
    "group", "same_bytes", "hash_bits", "face_distance", "label_error", "identity1", "source1", "identity2", "source2",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Summary:
    """The photos that were compared.

    Attributes:
      source: what was read.
      photos: number of photos with an embedded face.
      skipped: number of photos that could not be embedded.
      files: number of photos that are files, whose pictures were compared.
      undecodable: number of files that could not be decoded.
      face_limit: distance below which faces are nearly identical.
      face_limit_of_others: this distance for faces of two identities.
      complete: false if there were too many near pictures to compare all.
      approximate: true if the nearest faces were found by an index, which misses some.
    """

    source: str
    photos: int
    skipped: int
    files: int
    undecodable: int
    face_limit: float
    face_limit_of_others: float
    complete: bool
    approximate: bool


def print_duplicates(summary: Summary, groups: Sequence[DuplicateGroup], output: str) -> None:
    """Print a summary and the first groups.

    Args:
      summary: the photos that were compared.
      groups: the groups, the most serious first.
      output: the folder of the lists; "" for none.
    """
    grouped = sum(len(group.photos) for group in groups)
    errors = sum(group.label_error for group in groups)
    pairs = [pair for group in groups for pair in group.pairs]
    near = sum(pair.hash_bits is not None and not pair.same_bytes for pair in pairs)
    limits = summary.face_limit, summary.face_limit_of_others
    faces = sum(pair.face_distance < limits[pair.label_error] for pair in pairs)
    same_bytes = sum(pair.same_bytes for pair in pairs)
    found = f"{counted(len(groups), 'group')} of duplicates with {counted(grouped, 'photo')}"
    distances = f"distance below {limits[0]:.3f}, {limits[1]:.3f} of two identities"
    print_lines(
        f"{summary.source}: {counted(summary.photos, 'photo')}; {found}",
        f"  {counted(same_bytes, 'pair')} with the same bytes",
        f"  {counted(near, 'pair')} of near pictures (at most {NEAR} of 256 bits of their hashes differ)",
        f"  {counted(faces, 'pair')} of nearly identical faces ({distances})",
        f"  {counted(errors, 'group')} under different identities: label errors",
    )
    if summary.files < summary.photos:
        print_lines(
            f"  {summary.photos - summary.files:,} photos are not files of their own: only their faces were compared"
        )
    if summary.skipped or summary.undecodable:
        print_lines(
            f"  {counted(summary.skipped, 'photo')} without an embedding, {summary.undecodable:,} that cannot be decoded"
        )
    if not summary.complete:
        print_lines("  There were too many near pictures to compare all: remove these first, and repeat.")
    if summary.approximate:
        print_lines("  The nearest faces were found by an index, which misses a few.")
    for number, group in enumerate(groups[:_GROUPS], 1):
        print_lines("", *_lines(number, group))
    if len(groups) > _GROUPS:
        print_lines("", f"… and {len(groups) - _GROUPS:,} other groups, which --output and --json list.")
    print()
    print_notes("Nothing was deleted. Near pictures may be two photos of a moment: look at them first.")
    if output:
        print_lines(f"{output}: lists{' and contact sheets' if groups else ', both empty'}")


def _lines(number: int, group: DuplicateGroup) -> list[str]:
    head = f"{number}. {evidence(min(group.pairs, key=lambda pair: pair.face_distance))}"
    lines = [f"{head}; LABEL ERROR" if group.label_error else head]
    word = "check" if group.label_error else "keep"
    for photo in group.photos[:_PHOTOS]:
        size = f"{photo.width}×{photo.height}" if photo.width else ""
        lines.append(
            f"   {word if photo.keep or group.label_error else '':<5} {photo.identity}  {size}  {photo.source}"
        )
    if len(group.photos) > _PHOTOS:
        lines.append(f"   … and {len(group.photos) - _PHOTOS:,} others")
    return lines


def evidence(pair: DuplicatePair) -> str:
    """Return the evidence of a pair in words.

    Args:
      pair: the pair.
    """
    parts = ["same bytes"] if pair.same_bytes else []
    if pair.hash_bits is not None and not pair.same_bytes:
        parts.append(f"{pair.hash_bits} of 256 bits differ")
    return ", ".join([*parts, f"face distance {pair.face_distance:.3f}"])


def write_photos(path: Path, groups: Sequence[DuplicateGroup]) -> None:
    """Write the photos of all groups to a CSV file, each with a recommendation.

    Args:
      path: the file.
      groups: the groups.
    """

    def rows() -> Iterable[list[Any]]:
        for number, group in enumerate(groups, 1):
            for photo in group.photos:
                advice = "check label" if group.label_error else "keep" if photo.keep else "remove"
                score = "" if photo.score is None else f"{photo.score:.4f}"
                texts = [to_cell(photo.identity), to_cell(photo.source)]
                size = [photo.width or "", photo.height or ""]
                yield [number, advice, int(group.label_error), *texts, *size, score, photo.row]

    _write(path, _PHOTO_COLUMNS, rows())


def write_pairs(
    path: Path,
    groups: Sequence[DuplicateGroup],
    sources: Shaped[np.ndarray, "photos"],
    identities: Shaped[np.ndarray, "photos"],
) -> None:
    """Write the pairs of all groups with their evidence to a CSV file.

    Args:
      path: the file.
      groups: the groups.
      sources: the file of each photo.
      identities: the identity of each photo.
    """

    def rows() -> Iterable[list[Any]]:
        for number, group in enumerate(groups, 1):
            for pair in group.pairs:
                bits = "" if pair.hash_bits is None else pair.hash_bits
                sides = [to_cell(str(of[row])) for row in (pair.first, pair.second) for of in (identities, sources)]
                values = [int(pair.same_bytes), bits, f"{pair.face_distance:.6g}", int(pair.label_error)]
                yield [number, *values, *sides]

    _write(path, _PAIR_COLUMNS, rows())


def _write(path: Path, columns: Sequence[str], rows: Iterable[list[Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
