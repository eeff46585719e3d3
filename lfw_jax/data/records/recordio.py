"""The RecordIO container (dmlc-core's format): consecutive byte strings in a memory-mapped file.

A record has one or several parts. A part is the magic number, a word with the kind of the part in its top 3 bits and the
length in its low 29 bits, the bytes, and zero padding to a multiple of 4. A record is split wherever it contains the magic
number at a multiple of 4. The number itself is omitted there and restored on reading, so that in a file it always starts a part.
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lfw_jax.errors import UserError

MAGIC = 0xCED7230A
LENGTH_BITS = 29
LONGEST = (1 << LENGTH_BITS) - 1
"""The maximal length of a part, in bytes."""

WHOLE, FIRST, MIDDLE, LAST = range(4)
"""The kinds of parts, stored in the top bits of the second word."""

HEAD = struct.Struct("<II")
_MAGIC_BYTES = struct.pack("<I", MAGIC)
# Bytes copied at once of a record whose length is not known yet: most aligned faces are shorter. A copy by NumPy lets other
# threads run while waiting for the disk; a slice of the map would not.
_READ_AHEAD = 8192


class RecordError(ValueError):
    """A damaged record: the fault and its byte. Readers that know the number of the record report it."""


class RecordFile:
    """A memory-mapped RecordIO file, which any number of threads may read.

    Args:
      path: the file.

    Attributes:
      size: in bytes.
      bytes: the content, uint8 `[size]`.
      words: the content as little-endian uint32 `[size // 4]`; parts start at whole words.

    Raises:
      UserError: the file cannot be opened, or is empty.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            with self.path.open("rb") as file:
                self.size = file.seek(0, 2)
                if not self.size:
                    raise UserError(f"{path}: found an empty file, expected RecordIO records. Copy it again.")
                self._map = mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror or error}), expected a RecordIO file. Correct the path."
            ) from error
        self.bytes = np.frombuffer(self._map, np.uint8)
        self.words = np.frombuffer(self._map, "<u4", self.size // 4)

    def forget(self) -> None:
        """Release the pages read so far, so that they do not count towards the memory of this process."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def part(self, offset: int) -> tuple[int, int]:
        """Return the kind and length of the part at a byte offset. Raises RecordError if it is damaged."""
        if offset < 0 or offset % 4 or offset + HEAD.size > self.size:
            raise RecordError(
                f"at byte {offset:,}: found no record, expected one at a multiple of 4 in a file of {self.size:,} bytes"
            )
        magic, word = HEAD.unpack_from(self._map, offset)
        if magic != MAGIC:
            raise RecordError(f"at byte {offset:,}: found {magic:#010x}, expected the magic number {MAGIC:#010x}")
        kind, length = word >> LENGTH_BITS, word & LONGEST
        if kind > LAST:
            raise RecordError(f"at byte {offset + 4:,}: found a part of kind {kind}, expected 0 to 3")
        if offset + HEAD.size + length > self.size:
            raise RecordError(
                f"at byte {offset:,}: found {self.size - offset - HEAD.size:,} bytes to the end of the file, expected "
                f"{length:,}"
            )
        return kind, length

    def parts(self, offset: int) -> Iterator[tuple[int, int]]:
        """Yield the start and length of the content of each part of a record. Raises RecordError."""
        kind, length = self.part(offset)
        if kind not in (WHOLE, FIRST):
            raise RecordError(f"at byte {offset:,}: found the middle of a record, expected its start")
        yield offset + HEAD.size, length
        while kind in (FIRST, MIDDLE):
            offset += HEAD.size + padded(length)
            kind, length = self.part(offset)
            if kind not in (MIDDLE, LAST):
                raise RecordError(
                    f"at byte {offset:,}: found the start of a record, expected the next part of the previous one"
                )
            yield offset + HEAD.size, length

    def payload(self, offset: int) -> bytes:
        """Return the content of the record at a byte offset. Raises RecordError if it is damaged."""
        ahead = self.bytes[offset : offset + _READ_AHEAD].copy() if 0 <= offset < self.size else None
        pieces = []
        for start, length in self.parts(offset):
            if ahead is not None and start + length <= offset + len(ahead):
                pieces.append(ahead[start - offset : start - offset + length].tobytes())
            else:
                pieces.append(self.bytes[start : start + length].copy().tobytes())
        return _MAGIC_BYTES.join(pieces)

    def walk(self) -> Iterator[int]:
        """Yield the offset of each record in order; a damaged record is the last one."""
        offset = end = 0
        while offset < self.size:
            yield offset
            try:
                for start, length in self.parts(offset):
                    end = start + padded(length)
            except RecordError:
                return
            offset = end


def padded(length: int) -> int:
    """Return a length rounded up to a multiple of 4."""
    return (length + 3) & ~3


def encode_record(payload: bytes) -> bytes:
    """Encode a record. Raises ValueError if it is too long for the format."""
    if len(payload) > LONGEST:
        raise ValueError(f"a record of {len(payload):,} bytes; RecordIO holds at most {LONGEST:,}")
    pieces = []
    start = 0
    position = payload.find(_MAGIC_BYTES)
    while position >= 0:
        if position % 4:
            position = payload.find(_MAGIC_BYTES, position + 1)
            continue
        pieces.append(payload[start:position])
        start = position + 4
        position = payload.find(_MAGIC_BYTES, start)
    pieces.append(payload[start:])
    kinds = [WHOLE] if len(pieces) == 1 else [FIRST, *([MIDDLE] * (len(pieces) - 2)), LAST]
    heads = [HEAD.pack(MAGIC, kind << LENGTH_BITS | len(piece)) for kind, piece in zip(kinds, pieces, strict=True)]
    record = b"".join(head + piece for head, piece in zip(heads, pieces, strict=True))
    return record + b"\0" * (padded(len(record)) - len(record))
