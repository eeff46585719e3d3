"""InsightFace's training sets: `train.rec` with `train.idx` and `property`, read in place.

The payload of a record is a header `<IfQQ` (flag, label, id, id2), `flag` float32 labels if flag > 0, and the image file.
Records without an image are metadata: record 0 (the end of the images and of the identities) and a range of records for each
identity. The labels of the images hold the same information and are used here, so that sets without metadata are read alike.
"""

import array
import struct
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from lfw_jax.data.images import ImageSet, count_up
from lfw_jax.data.records import cache
from lfw_jax.data.records.faults import SkippedRecords
from lfw_jax.data.records.index import IMAGE, NO_IMAGE, RecordTable, read_index, scan
from lfw_jax.data.records.people import people_path, read_people_file
from lfw_jax.data.records.recordio import RecordError, RecordFile
from lfw_jax.data.storage import LazyImages
from lfw_jax.errors import UserError

HEADER = struct.Struct("<IfQQ")
_CACHED_FROM = 200_000  # records; smaller sets are scanned faster than they are loaded from the cache


class Records(LazyImages[bytes]):
    """Images of a RecordIO file, read on access. Memory: 8 bytes per image.

    Args:
      file: the RecordIO file.
      offsets: `[images]`, the byte where each record starts.
    """

    def __init__(self, file: RecordFile, offsets: Int64[np.ndarray, "images"]):
        self._file, self._offsets = file, offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def _image(self, index: int) -> bytes:
        offset = int(self._offsets[index])
        try:
            payload = self._file.payload(offset)
            flag = HEADER.unpack_from(payload)[0]
        except (RecordError, struct.error) as error:
            raise self._fault(offset, str(error)) from error
        start = HEADER.size + 4 * flag
        if start >= len(payload):
            raise self._fault(
                offset, f"found {len(payload):,} bytes, expected {start:,} of labels and an image after them"
            )
        return payload[start:]

    def _fault(self, offset: int, reason: str) -> UserError:
        """Return the error for a record that was intact when the set was opened."""
        index = self._file.path.with_suffix(".idx")
        record = "a record"
        if index.is_file():
            numbers, offsets = read_index(index)
            record = f"record {', '.join(map(str, numbers[offsets == offset])) or '?'}"
        return UserError(
            f"{self._file.path}: {record} at byte {offset:,} cannot be read: {reason}. Was the file changed in the "
            "meantime? Start again."
        )


def read_records(path: str | Path) -> ImageSet:
    """Read a RecordIO set, in the order of its `.idx`.

    Names and image numbers come from the `<name>.people.json` that `write_records` saves beside the `.rec`. Without it the
    names are the labels as text, and the images of each identity are numbered from 1. Without an `.idx` the whole file is
    scanned for its records. Memory: 16 bytes per image. Opening reads the first page of every record once; for large sets
    the result is stored in the user's cache.

    Args:
      path: a folder with `train.rec` (or one `.rec` of another name), or the `.rec` itself.

    Returns:
      The image set. Records that are damaged or have no usable image are left out and listed in `skipped`.

    Raises:
      UserError: the file is missing, its `.idx`, `property` or names file is malformed, or it contains no image.
    """
    file = RecordFile(locate(Path(path)))
    index = file.path.with_suffix(".idx")
    numbers, offsets = read_index(index) if index.is_file() else _walk(file)
    table = cache.load(file, offsets) if len(offsets) >= _CACHED_FROM else None
    if table is None:
        table = scan(file, offsets)
        if len(offsets) >= _CACHED_FROM:
            cache.store(file, offsets, table)
    skipped = _skipped(file, numbers, offsets, table, walked=not index.is_file())
    good = table.status == IMAGE
    if not good.any():
        detail = f", the first: {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise UserError(f"{file.path}: none of its {len(offsets):,} records is an image{detail}. Copy the set again.")
    names, labels, image_numbers = _people(file.path, numbers[good], table.labels[good])
    return ImageSet(names, labels, image_numbers, Records(file, offsets[good]), "encoded", skipped)


def locate(path: Path) -> Path:
    """Return the `.rec` file for a path: the file itself, or `train.rec` or the only `.rec` of a folder.

    Args:
      path: a file or a folder.

    Raises:
      UserError: no such file, or several without a `train.rec`.
    """
    if not path.is_dir():
        if not path.is_file():
            raise UserError(
                f"--config.data.dir: found no file at {path}; expected a .rec file or a folder with train.rec."
            )
        return path
    found = sorted(path.glob("*.rec"))
    named = [file for file in found if file.name == "train.rec"] or found
    if len(named) != 1:
        content = f"{len(found)} .rec files and no train.rec" if found else "no .rec file"
        raise UserError(
            f"--config.data.dir: found {content} in {path}; expected a folder with train.rec, or name the file."
        )
    return named[0]


def read_property(folder: Path) -> tuple[int, int, int] | None:
    """Read the `property` file of a set.

    Args:
      folder: the folder of the set.

    Returns:
      The count of identities and the height and width of the images in pixels; None if there is no such file.

    Raises:
      UserError: the file has other content.
    """
    path = folder / "property"
    if not path.is_file():
        return None
    text = path.read_bytes()[:200].decode("utf-8", "replace").strip()
    fields = [field.strip() for field in text.split(",")]  # also of blanks that int() does not accept
    if len(fields) != 3 or not all(field.isascii() and field.isdigit() for field in fields):
        raise UserError(f"{path}: found {text[:60]!r}, expected `identities,height,width`. Correct it, or remove it.")
    identities, height, width = map(int, fields)
    return identities, height, width


def _walk(file: RecordFile) -> tuple[Int64[np.ndarray, "records"], Int64[np.ndarray, "records"]]:
    """Return the numbers and offsets of all records; as in an `.idx`, the images start from 1."""
    offsets = np.frombuffer(array.array("q", file.walk()), np.int64)
    return np.arange(1, len(offsets) + 1), offsets


def _skipped(
    file: RecordFile, numbers: np.ndarray, offsets: np.ndarray, table: RecordTable, *, walked: bool
) -> SkippedRecords:
    wrong = np.flatnonzero((table.status != IMAGE) & (table.status != NO_IMAGE))
    ending = ""
    if walked and len(wrong) and wrong[-1] == len(offsets) - 1:
        ending = f"; what comes after it ({file.size - int(offsets[-1]):,} bytes) cannot be found without an .idx"
    return SkippedRecords(file, numbers[wrong], offsets[wrong], table.status[wrong], table.found[wrong], ending)


def _people(
    path: Path, records: Int64[np.ndarray, "images"], labels: Int32[np.ndarray, "images"]
) -> tuple[tuple[str, ...], Int32[np.ndarray, "images"], Int32[np.ndarray, "images"]]:
    """Return the names, the labels as indices into them, and the image numbers."""
    found, renumbered = np.unique(labels, return_inverse=True)
    announced = read_property(path.parent)
    if announced and found[-1] >= announced[0]:
        raise UserError(
            f"{path}: found the label {found[-1]}, but {path.parent / 'property'} announces {announced[0]} identities; expected "
            f"0 to {announced[0] - 1}. Correct or remove that file if the labels are right."
        )
    renumbered = renumbered.astype(np.int32)
    names_path = people_path(path)
    if not names_path.is_file():
        return tuple(map(str, found.tolist())), renumbered, count_up(renumbered)
    identities = read_people_file(names_path)
    if found[-1] >= len(identities.names):
        raise UserError(
            f"{names_path}: found {len(identities.names)} names, but {path} has the label {found[-1]}. Remove the file."
        )
    names = [identities.names[int(label)] for label in found]
    return tuple(names), renumbered, identities.image_numbers(names_path, records, labels)
