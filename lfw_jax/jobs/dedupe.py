"""`--mode=dedupe`: the same picture twice, and nearly identical faces. Nothing is deleted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.decoding.image_headers import read_header
from lfw_jax.data.images import ImageSet, sort_identities
from lfw_jax.errors import UserError
from lfw_jax.inference.model.duplicate_photos import (
    NEAR_FACE,
    NEAR_FACE_OF_OTHER,
    DuplicateGroup,
    DuplicatePair,
    NearPictures,
    duplicate_groups,
    duplicate_pairs,
)
from lfw_jax.inference.model.embedding_table import EmbeddingTable
from lfw_jax.inference.model.near_faces import near_faces
from lfw_jax.inspection.likeness import Likeness, find_likeness
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.gallery_of_request import open_gallery
from lfw_jax.jobs.model_of_request import load_verifier, operating_point
from lfw_jax.jobs.output_folder import check_no_output
from lfw_jax.report.duplicates_text import Summary, print_duplicates, write_pairs, write_photos
from lfw_jax.report.face_pictures import face_pictures
from lfw_jax.report.framed_faces import framed, write_rows
from lfw_jax.report.progress import stage
from lfw_jax.report.style import DIFFERENT_COLOUR, SAME_COLOUR
from lfw_jax.report.terminal_text import printable
from lfw_jax.typed_json import to_json

PHOTOS, PAIRS = "duplicates.csv", "duplicate_pairs.csv"
"""Names of the lists of photos and of pairs in `--output`."""

ROWS, SHEETS, COLUMNS = 15, 10, 8
"""Groups of a contact sheet, contact sheets, and photos of a group on them, at most."""

_HEADER = 65_536  # bytes that are read for the size of a picture at first; long metadata may come before it


def dedupe(request: Request) -> None:
    """Find duplicates among the photos of `--input`, and print them in groups.

    Photos are duplicates by their bytes, by perceptual hashes of the pictures, or by the distance of their faces. Those of
    different identities are label errors. If `--output` is given, lists and contact sheets are written there.

    Args:
      request: the flags.

    Raises:
      UserError: there is no input, `--output` exists, no photo has a face, the model does not support the rate, or the embeddings
        are of another model.
    """
    if not request.input:
        raise UserError("--mode=dedupe needs --input: a folder of photos, or a .npz or .parquet file of --mode=embed.")
    if request.output:
        check_no_output(Path(request.output))
    verifier = load_verifier(request)
    threshold = operating_point(request, verifier).threshold
    limits = NEAR_FACE * threshold, NEAR_FACE_OF_OTHER * threshold
    gallery, skipped = open_gallery(verifier, request.input, "--input", aligned=request.aligned)
    table = gallery.table
    rows = _rows_of_files(table)
    likeness = _likeness(table, rows)
    with stage("comparing faces", len(table)) as progress:
        faces = near_faces(gallery, *limits, progress=progress)
    pairs = duplicate_pairs(table, _near_pictures(likeness, rows), faces)
    groups = duplicate_groups(table, pairs, _sizes(table, _rows_of(pairs)))
    summary = Summary(
        source=request.input,
        photos=len(table),
        skipped=len(skipped),
        files=len(rows),
        undecodable=len(likeness.undecodable),
        face_limit=limits[0],
        face_limit_of_others=limits[1],
        complete=likeness.complete,
        approximate=gallery.index is not None,
    )
    if request.output:
        _write(Path(request.output), table, groups)
    print_duplicates(summary, groups, request.output)
    request.deliver(printable(to_json(summary) | {"groups": to_json(groups), "output": request.output or None}))


def _rows_of(pairs: Sequence[DuplicatePair]) -> list[int]:
    """Return the rows that occur in pairs."""
    return sorted({row for pair in pairs for row in (pair.first, pair.second)})


def _rows_of_files(table: EmbeddingTable) -> Int[np.ndarray, "files"]:
    """Return the rows whose source is a file, each file once."""
    first: dict[str, int] = {}
    for row, source in enumerate(table.sources.tolist()):
        if Path(source).is_file():
            first.setdefault(str(Path(source).resolve()), row)
    return np.array(sorted(first.values()), np.int64)


def _likeness(table: EmbeddingTable, rows: Int[np.ndarray, "files"]) -> Likeness:
    """Return the pairs of near pictures among files, as indices in the rows of the files."""
    files = table.rows(rows)
    names, order = sort_identities(np.unique(files.identities).tolist())
    labels = order[np.searchsorted(np.unique(files.identities), files.identities)].astype(np.int32)
    paths = [Path(source) for source in files.sources.tolist()]
    images = ImageSet(names, labels, files.numbers.astype(np.int32), paths, "files")
    with stage("hashing pictures", len(rows)) as progress:
        return find_likeness(images, np.arange(len(rows)), report=progress)


def _near_pictures(likeness: Likeness, rows: Int[np.ndarray, "files"]) -> dict[tuple[int, int], NearPictures]:
    found = zip(rows[likeness.pairs].tolist(), likeness.distances.tolist(), likeness.exact.tolist(), strict=True)
    return {(one, other): NearPictures(bits, same_bytes=same) for (one, other), bits, same in found}


def _sizes(table: EmbeddingTable, rows: Sequence[int]) -> Int[np.ndarray, "photos 2"]:
    """Return width and height of the pictures of some rows; 0 for the others and for those that cannot be read."""
    sizes = np.zeros((len(table), 2), np.int64)
    for row in rows:
        try:
            with open(table.sources[row], "rb") as file:
                start = file.read(_HEADER)
                header = read_header(start) or read_header(start + file.read())
        except (OSError, ValueError):
            continue
        if header:
            sizes[row] = header.width, header.height
    return sizes


def _write(folder: Path, table: EmbeddingTable, groups: Sequence[DuplicateGroup]) -> None:
    with written_atomically(folder) as (unfinished,):
        unfinished.mkdir()
        write_photos(unfinished / PHOTOS, groups)
        write_pairs(unfinished / PAIRS, groups, table.sources, table.identities)
        for number, start in enumerate(range(0, min(len(groups), ROWS * SHEETS), ROWS), 1):
            part = groups[start : start + ROWS]
            columns = min(COLUMNS, max(len(group.photos) for group in part))
            title = f"Groups {start + 1} to {start + len(part)} of {len(groups):,}; blue: to keep; orange: label errors"
            write_rows(
                unfinished / f"duplicates_{number:02}.png",
                [_row(table, group) for group in part],
                columns=columns,
                title=title,
            )


def _row(table: EmbeddingTable, group: DuplicateGroup) -> list:
    """Return the pictures of a group with captions."""
    photos = group.photos[:COLUMNS]
    row = []
    for photo, picture in zip(photos, face_pictures(table, [photo.row for photo in photos]), strict=True):
        if group.label_error:
            row.append((framed(picture, DIFFERENT_COLOUR), f"{photo.identity}"))
        else:
            size = f"{photo.width}×{photo.height}" if photo.width else photo.identity
            row.append((framed(picture, SAME_COLOUR), f"keep {size}") if photo.keep else (picture, size))
    return row
