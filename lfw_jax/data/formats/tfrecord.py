"""TFRecord files read in any order: where their records start is found once, and each is read where it lies.

A record is its length (uint64), a checksum, the bytes, and a checksum. The checksums are not looked at.
"""

import array
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lfw_jax.data.storage import LazyImages
from lfw_jax.errors import UserError

_LENGTH = struct.Struct("<Q")
_BEFORE, _AFTER = 12, 4  # bytes of length and checksum before the content, and of the checksum after it


class TfRecords(LazyImages[bytes]):
    """The records of some TFRecord files, 12 bytes a record until one is asked for. Any number of threads may read.

    Args:
      parts: of each file the path, how many records to pass over, and how many to take.

    Raises:
      UserError: a file is missing, cut off or damaged.
    """

    def __init__(self, parts: Sequence[tuple[Path, int, int]]):
        self._files = []
        starts, files = array.array("q"), array.array("i")
        for number, (path, skip, take) in enumerate(parts):
            try:
                data = np.memmap(path, np.uint8, "r")
            except (OSError, ValueError) as error:  # numpy says ValueError of an empty file
                raise UserError(
                    f"{path}: cannot be read ({error}), expected a TFRecord file. Prepare the data set anew."
                ) from error
            found = _starts(path, data, skip + take)[skip:]
            starts.extend(found)
            files.extend([number] * len(found))
            self._files.append(data)
        self._starts, self._file_of_record = np.frombuffer(starts, np.int64), np.frombuffer(files, np.int32)

    def __len__(self) -> int:
        return len(self._starts)

    def _image(self, place: int) -> bytes:
        data, start = self._files[self._file_of_record[place]], int(self._starts[place])
        (length,) = _LENGTH.unpack_from(data.data, start)
        return data[start + _BEFORE : start + _BEFORE + length].tobytes()


def _starts(path: Path, data: np.ndarray, count: int) -> "array.array[int]":
    """Where the first records of a file start."""
    starts, place = array.array("q"), 0
    while len(starts) < count:
        length = _LENGTH.unpack_from(data.data, place)[0] if place + _BEFORE <= len(data) else -1
        if length < 0 or place + _BEFORE + length + _AFTER > len(data):
            raise UserError(
                f"{path}: record {len(starts)} at byte {place:,} is cut off or damaged: found {len(data):,} bytes in the file, "
                f"expected {count:,} records. Prepare the data set anew."
            )
        starts.append(place)
        place += _BEFORE + length + _AFTER
    return starts
