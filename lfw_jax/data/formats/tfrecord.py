"""Random access to TFRecord files.

The positions of the records are found once, and each record is then read from the memory-mapped file.
A record is its length (uint64), a checksum, the content and another checksum. The checksums are ignored.
"""

import array
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lfw_jax.data.storage import LazyImages
from lfw_jax.errors import UserError

_LENGTH = struct.Struct("<Q")
_BEFORE, _AFTER = 12, 4  # bytes before the content (length, checksum) and after it (checksum)


class TfRecords(LazyImages[bytes]):
    """The records of some TFRecord files, read on access by any number of threads.

    Memory: 12 bytes per record.

    Args:
      parts: for each file its path, the number of records to skip and the number to read.

    Raises:
      UserError: a file is missing, cut off or damaged.
    """

    def __init__(self, parts: Sequence[tuple[Path, int, int]]):
        self._files = []
        starts, files = array.array("q"), array.array("i")
        for number, (path, skip, take) in enumerate(parts):
            try:
                data = np.memmap(path, np.uint8, "r")
            except (OSError, ValueError) as error:  # NumPy raises ValueError for an empty file
                raise UserError(
                    f"{path}: cannot be read ({error}), expected a TFRecord file. Prepare the data set again."
                ) from error
            found = _starts(path, data, skip + take)[skip:]
            starts.extend(found)
            files.extend([number] * len(found))
            self._files.append(data)
        self._starts, self._file_of_record = np.frombuffer(starts, np.int64), np.frombuffer(files, np.int32)

    def __len__(self) -> int:
        return len(self._starts)

    def _image(self, index: int) -> bytes:
        data, start = self._files[self._file_of_record[index]], int(self._starts[index])
        (length,) = _LENGTH.unpack_from(data.data, start)
        return data[start + _BEFORE : start + _BEFORE + length].tobytes()


def _starts(path: Path, data: np.ndarray, count: int) -> "array.array[int]":
    """Return the positions of the first `count` records of a file."""
    starts, position = array.array("q"), 0
    while len(starts) < count:
        length = _LENGTH.unpack_from(data.data, position)[0] if position + _BEFORE <= len(data) else -1
        if length < 0 or position + _BEFORE + length + _AFTER > len(data):
            raise UserError(
                f"{path}: record {len(starts)} at byte {position:,} is cut off or damaged: found {len(data):,} bytes in "
                f"the file, expected {count:,} records. Prepare the data set again."
            )
        starts.append(position)
        position += _BEFORE + length + _AFTER
    return starts
