"""Writing of InsightFace's training sets (`train.rec`, `train.idx`, `property`) as by face2rec2."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.formats.encoding import encoded_images, picture_size
from lfw_jax.data.images import ImageSet
from lfw_jax.data.records.people import people_of, people_path, people_text
from lfw_jax.data.records.reading import HEADER
from lfw_jax.data.records.recordio import encode_record
from lfw_jax.errors import UserError

_EXACT = 1 << 24  # the largest range of exact integers in float32, the type of labels and ranges in the format


def write_records(folder: str | Path, images: ImageSet, *, name: str = "train") -> Path:
    """Write an image set in the format that MXNet and InsightFace read.

    Images are sorted by identity in records 1 … n, each with a single label (flag 0). They are followed by record 0 with two
    floats (the first record after the images and the one after the identities) and one record per identity with two floats
    (its first image and the one after its last). `property` holds `identities,height,width`, the size being that of the first
    image. Files and encoded images are copied byte for byte; pixels become PNG, which is lossless. `<name>.people.json` saves
    names and numbers for `read_records`; other tools ignore it.

    Args:
      folder: the destination, created if it is missing.
      images: the image set.
      name: the name of the `.rec` and `.idx` files, without extension.

    Returns:
      The path of the `.rec` file.

    Raises:
      UserError: the files already exist or cannot be written, or there are more images than the format's floats can count.
        The files are written atomically.
    """
    rec = Path(folder) / f"{name}.rec"
    _check(rec, images)
    order = np.lexsort((images.numbers, images.labels))
    labels = images.labels[order]
    starts = np.searchsorted(labels, np.arange(len(images.names) + 1)) + 1
    height, width = picture_size(images, int(order[0]))
    # The .rec comes last: once it exists, so do the others.
    targets = {
        "idx": rec.with_suffix(".idx"),
        "property": rec.parent / "property",
        "people": people_path(rec),
        "rec": rec,
    }
    with written_atomically(*targets.values()) as unfinished:
        paths = dict(zip(targets, unfinished, strict=True))
        with paths["rec"].open("wb") as records, paths["idx"].open("w", encoding="ascii", newline="\n") as index:
            offset = 0
            for number, payload in _payloads(images, order, labels, starts):
                index.write(f"{number}\t{offset}\n")
                offset += records.write(encode_record(payload))
        paths["property"].write_text(f"{len(images.names)},{height},{width}\n", encoding="ascii")
        people = people_of(images.names, labels, images.numbers[order])
        paths["people"].write_text(people_text(people), encoding="utf-8")
    return rec


def _payloads(
    images: ImageSet, order: np.ndarray, labels: np.ndarray, starts: np.ndarray
) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the payload of each record, in the order of the file."""
    for number, (label, image) in enumerate(zip(labels.tolist(), encoded_images(images, order), strict=True), start=1):
        yield number, HEADER.pack(0, label, number, 0) + image
    end = len(order) + 1
    yield 0, _metadata(0, end, end + len(images.names))
    for label, (first, after) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        yield end + label, _metadata(end + label, first, after)


def _metadata(number: int, first: int, after: int) -> bytes:
    """Return the payload of a metadata record: two floats and no image."""
    return HEADER.pack(2, 0.0, number, 0) + np.array([first, after], "<f4").tobytes()


def _check(rec: Path, images: ImageSet) -> None:
    if not len(images):
        raise UserError(f"{rec}: found no image to write, expected at least one.")
    if (end := len(images) + 1 + len(images.names)) > _EXACT:
        raise UserError(
            f"{rec}: {len(images):,} images of {len(images.names):,} identities need {end:,} records, but the format counts them "
            f"in 32-bit floats, which are exact up to {_EXACT:,}. Split the set."
        )
