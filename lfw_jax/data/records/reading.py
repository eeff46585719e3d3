"""InsightFace's training sets: `train.rec` with `train.idx` and `property`, read where they lie.

A record's payload is a header `<IfQQ` (flag, label, id, id2), `flag` float32 labels where flag > 0, and the image file. Records
without an image are the set's own notes: record 0 (where the images and the people end) and a range of records for each
person. The labels of the images say the same and are what counts here, so that sets without these notes are read alike.
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
_CACHED_FROM = 200_000  # records; fewer are scanned in less time than it takes to find them in a cache


class Records(LazyImages[bytes]):
    """The images of a RecordIO file, 8 bytes an image until one is asked for.

    Args:
      file: the file.
      offsets: `[images]`, the byte where each record starts.
    """

    def __init__(self, file: RecordFile, offsets: Int64[np.ndarray, "images"]):
        self._file, self._offsets = file, offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def _image(self, place: int) -> bytes:
        offset = int(self._offsets[place])
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
        """The error for a record that was whole when the set was opened."""
        index = self._file.path.with_suffix(".idx")
        record = "a record"
        if index.is_file():
            numbers, offsets = read_index(index)
            record = f"record {', '.join(map(str, numbers[offsets == offset])) or '?'}"
        return UserError(
            f"{self._file.path}: {record} at byte {offset:,} cannot be read: {reason}. Was the file changed meanwhile? Start "
            "again."
        )


def read_records(path: str | Path) -> ImageSet:
    """The images of a RecordIO set, in the order of its `.idx`.

    People are named by their label as text, or by the `<name>.people.json` that `write_records` leaves beside the `.rec`, which
    keeps their images' numbers too; else these count from 1. Without an `.idx` the file is read through to find its records.
    Records that are broken, cut off, past the end or without a usable image are left out and listed in `skipped`. Memory: 16
    bytes an image. Opening reads the first page of every record once; of large sets what it found is kept in the user's cache.

    Args:
      path: a folder with `train.rec` (or one `.rec` of another name), or the `.rec` itself.

    Raises:
      UserError: no such file, an `.idx`, `property` or names file that is none, or no image in it.
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
    """The `.rec` that a path means: itself, `train.rec` in a folder, or the only `.rec` there. Raises UserError."""
    if not path.is_dir():
        if not path.is_file():
            raise UserError(
                f"--config.data.dir: found no file at {path}; expected a .rec file or a folder with train.rec."
            )
        return path
    found = sorted(path.glob("*.rec"))
    named = [file for file in found if file.name == "train.rec"] or found
    if len(named) != 1:
        what = f"{len(found)} .rec files and no train.rec" if found else "no .rec file"
        raise UserError(
            f"--config.data.dir: found {what} in {path}; expected a folder with train.rec, or name the file."
        )
    return named[0]


def read_property(folder: Path) -> tuple[int, int, int] | None:
    """What `property` says: how many people, and the height and width of the images; None where there is none.

    Raises:
      UserError: it says something else.
    """
    path = folder / "property"
    if not path.is_file():
        return None
    text = path.read_bytes()[:200].decode("utf-8", "replace").strip()
    fields = text.split(",")
    if len(fields) != 3 or not all(field.strip().isascii() and field.strip().isdigit() for field in fields):
        raise UserError(f"{path}: found {text[:60]!r}, expected `people,height,width`. Correct it, or remove it.")
    people, height, width = map(int, fields)
    return people, height, width


def _walk(file: RecordFile) -> tuple[Int64[np.ndarray, "records"], Int64[np.ndarray, "records"]]:
    """The records counted from 1, which is what an `.idx` calls them: record 0 is written after the images."""
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
    """Names, labels as indices into them, and the numbers of the images."""
    found, renumbered = np.unique(labels, return_inverse=True)
    announced = read_property(path.parent)
    if announced and found[-1] >= announced[0]:
        raise UserError(
            f"{path}: found the label {found[-1]}, but {path.parent / 'property'} announces {announced[0]} people, so expected "
            f"0 to {announced[0] - 1}. Correct or remove that file if the labels are right."
        )
    renumbered = renumbered.astype(np.int32)
    beside = people_path(path)
    if not beside.is_file():
        return tuple(map(str, found.tolist())), renumbered, count_up(renumbered)
    people = read_people_file(beside)
    if found[-1] >= len(people.names):
        raise UserError(
            f"{beside}: found {len(people.names)} names, but {path} has the label {found[-1]}. Remove the file."
        )
    names = [people.names[int(label)] for label in found]
    return tuple(names), renumbered, people.image_numbers(beside, records, labels)
