"""The skipped records of a set: stored as a few numbers per record and described on access."""

from collections.abc import Sequence
from typing import overload

import numpy as np
from jaxtyping import Int64, UInt8

from lfw_jax.data.decoding.file_formats import FORMATS
from lfw_jax.data.images import Skipped
from lfw_jax.data.records import index
from lfw_jax.data.records.recordio import LAST, MAGIC, RecordError, RecordFile


class SkippedRecords(Sequence[Skipped]):
    """One `Skipped` per faulty record, created on access.

    Args:
      file: the RecordIO file.
      numbers: `[skipped]`, the number of each record in the `.idx`.
      offsets: `[skipped]`, the byte where each record should start.
      status: `[skipped]`, the status of each record in the scan.
      found: `[skipped]`, the word or length that the scan found.
      ending: text appended to the reason of the last record.
    """

    def __init__(
        self,
        file: RecordFile,
        numbers: Int64[np.ndarray, "skipped"],
        offsets: Int64[np.ndarray, "skipped"],
        status: UInt8[np.ndarray, "skipped"],
        found: Int64[np.ndarray, "skipped"],
        ending: str = "",
    ):
        self._file, self._numbers, self._offsets = file, numbers, offsets
        self._status, self._found, self._ending = status, found, ending

    def __len__(self) -> int:
        return len(self._status)

    @overload
    def __getitem__(self, position: int) -> Skipped: ...

    @overload
    def __getitem__(self, position: slice) -> list[Skipped]: ...

    def __getitem__(self, position: int | slice) -> Skipped | list[Skipped]:
        if isinstance(position, slice):
            return [self[i] for i in range(len(self))[position]]
        position = range(len(self))[position]
        offset = int(self._offsets[position])
        reason = _reason(self._file, offset, int(self._status[position]), int(self._found[position]))
        ending = self._ending if position == len(self) - 1 else ""
        return Skipped(f"{self._file.path} record {self._numbers[position]} at byte {offset:,}", reason + ending)


def _reason(file: RecordFile, offset: int, status: int, found: int) -> str:
    if status == index.PAST_THE_END:
        if offset % 4:
            return "found an offset that is not a multiple of 4, expected one"
        return f"past the end of the file, which has {file.size:,} bytes"
    if status == index.NO_MAGIC:
        return f"found {found:#010x}, expected the magic number {MAGIC:#010x}"
    if status == index.NO_START:
        part = "the middle of a record" if found <= LAST else f"a part of kind {found}"
        return f"found {part}, expected its start"
    if status == index.CUT_OFF:
        return f"cut off: found {found:,} bytes to the end of the file, expected more"
    if status == index.NO_HEADER:
        return f"found {found:,} bytes, expected a header of 24 bytes and its labels"
    if status == index.NO_LABEL:
        label = np.uint32(found).view(np.float32)
        return f"found the label {label:g}, expected a non-negative integer below 2³¹"
    if status == index.NO_FORMAT:
        return f"found {found.to_bytes(4, 'little')!r}, expected the start of a {', '.join(FORMATS)}"
    try:
        for _ in file.parts(offset):
            pass
    except RecordError as error:
        return str(error)
    return "its parts do not fit together"
