"""Embeddings of the photos of a source as rows of a table, and tables that exist already."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Int, Shaped

from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.inference.model.bulk import EmbeddedPhotos, Report, embed_in_bulk
from lfw_jax.inference.model.embedding_table import EmbeddingTable, SkippedPhoto, joined_tables, read_table
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.photos import Photo
from lfw_jax.jobs.photo_set import photos_at
from lfw_jax.report.progress import stage

PART = 1024
"""Photos that are embedded together."""


def embed_images(
    verifier: FaceVerifier,
    images: ImageSet,
    chosen: Int[np.ndarray, "photos"],
    *,
    aligned: bool,
    report: Report | None = None,
) -> tuple[EmbeddingTable, Shaped[np.ndarray, "photos"]]:
    """Embed some photos of a set.

    Args:
      verifier: the trained system.
      images: the set.
      chosen: the indices of the photos.
      aligned: true if the photos are crops that the model's alignment made.
      report: called with the number of photos that are decoded and aligned.

    Returns:
      The rows of the photos, and the reason why each could not be embedded, "" if it could; its embedding is then zero.
    """
    sources = [source_of(images, index) for index in chosen.tolist()]
    found = embed_in_bulk(verifier, opened_photos(images, chosen), aligned=aligned, report=report)
    return _table(images, chosen, sources, found), np.array(found.faults, np.str_)


def _table(images: ImageSet, chosen: np.ndarray, sources: list[str], found: EmbeddedPhotos) -> EmbeddingTable:
    nothing = (np.nan,) * 4
    return EmbeddingTable(
        embeddings=found.embeddings,
        identities=np.array([images.names[label] for label in images.labels[chosen].tolist()], np.str_),
        numbers=images.numbers[chosen].astype(np.int64),
        sources=np.array(sources, np.str_),
        boxes=np.array([nothing if face is None else face.box for face in found.faces], np.float32),
        scores=np.array([np.nan if face is None else face.score for face in found.faces], np.float32),
        found=np.array(found.found, np.int64),
    )


def source_of(images: ImageSet, index: int) -> str:
    """Return the file of a photo, or its position in its source.

    Args:
      images: the set.
      index: the index of the photo.
    """
    if images.storage == "files":
        return str(images.images[index])
    return f"{images.names[images.labels[index]]}, image {images.numbers[index]}"


def opened_photos(images: ImageSet, chosen: Int[np.ndarray, "photos"]) -> list[Callable[[], Photo]]:
    """Return functions that read the photos of a set, for `lfw_jax.inference.model.bulk`.

    Args:
      images: the set.
      chosen: the indices of the photos.
    """
    return [partial(_photo, images, index, source_of(images, index)) for index in chosen.tolist()]


def _photo(images: ImageSet, index: int, source: str) -> Photo:
    image = images.images[index]
    return Photo(source, image.read_bytes() if isinstance(image, Path) else image)


def embedded_photos(
    verifier: FaceVerifier, value: str, flag: str, *, aligned: bool, most: int | None = None
) -> tuple[EmbeddingTable, tuple[SkippedPhoto, ...]]:
    """Return the embeddings of a file of `--mode=embed`, or of photos, which are embedded now.

    Args:
      verifier: the trained system.
      value: a `.npz` or `.parquet` file of embeddings, or photos as in `photos_at`.
      flag: the flag that has this value, for messages.
      aligned: true if the photos are crops that the model's alignment made.
      most: the largest accepted number of photos; None for no limit.

    Returns:
      The rows, at least one, and the photos that could not be embedded.

    Raises:
      UserError: there is nothing to read, there are too many photos, no photo could be embedded, or the embeddings are of another
        model.
    """
    if is_table(Path(value)):
        table, skipped = _table_of(verifier, Path(value), flag)
        _check_number(len(table), value, flag, most)
        return table, skipped
    images = photos_at(value, flag)
    _check_number(len(images), value, flag, most)
    tables, skipped = [], [SkippedPhoto(one.path, one.reason) for one in images.skipped]
    with stage("embedding", len(images)) as progress:
        for start in range(0, len(images), PART):
            chosen = np.arange(start, min(start + PART, len(images)))
            table, faults = embed_images(
                verifier, images, chosen, aligned=aligned, report=lambda done, start=start: progress(start + done)
            )
            tables.append(table.rows(np.flatnonzero(faults == "")))
            skipped += skipped_of(table, faults)
    table = joined_tables(tables)
    if not len(table):
        first = skipped[0]
        raise UserError(f"{flag}: none of {len(skipped):,} photos could be embedded; {first.source}: {first.reason}")
    return table, tuple(skipped)


def _check_number(found: int, value: str, flag: str, most: int | None) -> None:
    if most is not None and found > most:
        raise UserError(
            f"{flag}: found {found:,} photos at {value}; expected at most {most:,}. Split them into several."
        )


def skipped_of(table: EmbeddingTable, faults: Shaped[np.ndarray, "photos"]) -> list[SkippedPhoto]:
    """Return the photos that could not be embedded, with the reason for each.

    Args:
      table: the rows of all photos.
      faults: the reason of each row; "" for one that was embedded.
    """
    rows = np.flatnonzero(faults != "").tolist()
    named = [(str(table.sources[row]), str(faults[row])) for row in rows]
    return [SkippedPhoto(source, reason.removeprefix(f"{source}: ")) for source, reason in named]


def is_table(path: Path) -> bool:
    """Return true for a file of embeddings; `.npz` files may hold images as well."""
    if path.suffix.lower() == ".parquet":
        return True
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        with open(path, "rb") as opened, np.load(opened) as file:
            return "embeddings" in file.files
    except (OSError, ValueError, EOFError, BadZipFile):
        return False


def _table_of(verifier: FaceVerifier, path: Path, flag: str) -> tuple[EmbeddingTable, tuple[SkippedPhoto, ...]]:
    table, manifest = read_table(path)
    if manifest.sha256 != verifier.card.sha256:
        raise UserError(
            f"{flag}: {path} has embeddings of another model ({manifest.model}, {manifest.sha256[:12]}); expected those of "
            f"{verifier.card.name}, {verifier.card.sha256[:12]}. Embed the photos again with this model."
        )
    if not len(table):
        raise UserError(f"{flag}: {path} has no embedding; expected at least one.")
    return table, manifest.skipped
