"""The RecordIO container (dmlc-core's format): byte strings one after another in a file that is mapped, never read whole.

A record is one part or several. A part is the magic number, a word whose top 3 bits say which part it is and whose low 29
bits hold its length, the bytes, and zeros up to a multiple of 4. A record is cut wherever the magic number stands in it at a
multiple of 4; the number itself is left out there and put back on reading, so that in a file it only ever begins a part.
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
"""Bytes of the longest part."""

WHOLE, FIRST, MIDDLE, LAST = range(4)
"""What the top bits of a part's second word say of it."""

HEAD = struct.Struct("<II")
_MAGIC_BYTES = struct.pack("<I", MAGIC)
# What is copied at once of a record whose length is not known yet: most aligned faces are shorter. A copy by numpy lets other
# threads run while the disk is waited for; a slice of the map would not.
_READ_AHEAD = 8192


class RecordError(ValueError):
    """What is wrong with a record, and at which byte; the reader that knows the record's number reports it."""


class RecordFile:
    """A RecordIO file, mapped into memory. Any number of threads may read from it.

    Args:
      path: the file.

    Attributes:
      size: in bytes.
      bytes: all of it, uint8 `[size]`.
      words: all of it as little-endian uint32 `[size // 4]`; parts start at whole words.

    Raises:
      UserError: it cannot be opened, or is empty.
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
        """Tell the system that the pages read so far are not needed soon, so that they do not count as this process's."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def part(self, offset: int) -> tuple[int, int]:
        """Which part begins at a byte, and its length, all of which the file has. Raises RecordError."""
        if offset < 0 or offset % 4 or offset + HEAD.size > self.size:
            raise RecordError(
                f"at byte {offset:,}: expected a record at a multiple of 4 in a file of {self.size:,} bytes"
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
        """Where the bytes of each part of a record start and how many there are. Raises RecordError."""
        kind, length = self.part(offset)
        if kind not in (WHOLE, FIRST):
            raise RecordError(f"at byte {offset:,}: found the middle of a record, expected its start")
        yield offset + HEAD.size, length
        while kind in (FIRST, MIDDLE):
            offset += HEAD.size + padded(length)
            kind, length = self.part(offset)
            if kind not in (MIDDLE, LAST):
                raise RecordError(
                    f"at byte {offset:,}: found the start of a record, expected more of the one before it"
                )
            yield offset + HEAD.size, length

    def payload(self, offset: int) -> bytes:
        """The bytes of the record that starts at a byte. Raises RecordError."""
        ahead = self.bytes[offset : offset + _READ_AHEAD].copy() if 0 <= offset < self.size else None
        pieces = []
        for start, length in self.parts(offset):
            if ahead is not None and start + length <= offset + len(ahead):
                pieces.append(ahead[start - offset : start - offset + length].tobytes())
            else:
                pieces.append(self.bytes[start : start + length].copy().tobytes())
        return _MAGIC_BYTES.join(pieces)

    def walk(self) -> Iterator[int]:
        """Where each record starts, one after another from the beginning; the last one may be broken, which ends the walk."""
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
    """A number of bytes filled up to a multiple of 4."""
    return (length + 3) & ~3


def encode_record(payload: bytes) -> bytes:
    """A record as it stands in a file. Raises ValueError for one that is too long for the format."""
    if len(payload) > LONGEST:
        raise ValueError(f"a record of {len(payload):,} bytes; RecordIO holds at most {LONGEST:,}")
    pieces = []
    start = 0
    place = payload.find(_MAGIC_BYTES)
    while place >= 0:
        if place % 4:
            place = payload.find(_MAGIC_BYTES, place + 1)
            continue
        pieces.append(payload[start:place])
        start = place + 4
        place = payload.find(_MAGIC_BYTES, start)
    pieces.append(payload[start:])
    kinds = [WHOLE] if len(pieces) == 1 else [FIRST, *([MIDDLE] * (len(pieces) - 2)), LAST]
    heads = [HEAD.pack(MAGIC, kind << LENGTH_BITS | len(piece)) for kind, piece in zip(kinds, pieces, strict=True)]
    record = b"".join(head + piece for head, piece in zip(heads, pieces, strict=True))
    return record + b"\0" * (padded(len(record)) - len(record))
