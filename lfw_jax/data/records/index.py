"""The records of a RecordIO file: its `.idx` and its record headers, read thousands at a time."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32, Int64, UInt8, UInt32

from lfw_jax.data.records.recordio import FIRST, HEAD, LENGTH_BITS, LONGEST, MAGIC, RecordError, RecordFile
from lfw_jax.errors import UserError

_TEXT_CHUNK = 1 << 22  # bytes of an .idx parsed at once
_DIGITS = 18  # of the largest number that an .idx may hold: more do not fit in 64 bits
_HEADER_CHUNK = 1 << 15  # records whose headers are read at once
_HEADER_BYTES = 24  # of an image record: flag, label, id, id2 as <IfQQ
_LABELS_MOST = 1000  # labels of a record in several parts, whose labels are not checked in bulk
# Mask and value of the first word of an image file: JPEG, PNG, BMP, GIF, WebP, TIFF of both byte orders, P1 to P6.
_IMAGE_STARTS = (
    (0xFFFFFF, 0xFFD8FF), (0xFFFFFFFF, 0x474E5089), (0xFFFF, 0x4D42), (0xFFFFFF, 0x464947), (0xFFFFFFFF, 0x46464952),
    (0xFFFFFFFF, 0x002A4949), (0xFFFFFFFF, 0x2A004D4D), *((0xFFFF, 0x3050 + (digit << 8)) for digit in range(1, 7)),
)  # fmt: skip
_FTYP = 0x70797466  # the second word of an AVIF, whose first one is a length

IMAGE, NO_IMAGE, PAST_THE_END, NO_MAGIC, NO_START, CUT_OFF, NO_HEADER, NO_LABEL, NO_FORMAT, BROKEN = range(10)
"""The status of a record in a scan. `IMAGE` is usable, `NO_IMAGE` is metadata of the set; the others are faults."""


@dataclasses.dataclass(frozen=True)
class RecordTable:
    """The content of the record headers.

    Attributes:
      status: `[records]`, one of the status constants of this module.
      labels: `[records]`, the identity of each image; -1 if there is none.
      found: `[records]`, the word or length that was found, for the message of a fault.
    """

    status: UInt8[np.ndarray, "records"]
    labels: Int32[np.ndarray, "records"]
    found: Int64[np.ndarray, "records"]


def read_index(path: Path) -> tuple[Int64[np.ndarray, "records"], Int64[np.ndarray, "records"]]:
    """Read an `.idx` file, whose lines are `number<TAB>offset`.

    The lines are parsed in bulk, a few million per second, without a Python object per line.

    Args:
      path: the file.

    Returns:
      The number and the offset (in bytes) of each record.

    Raises:
      UserError: a line is malformed or a record is listed twice; the message names the line or record.
    """
    numbers, offsets = [], []
    lines = 0
    try:
        with path.open("rb") as file:
            rest = b""
            while chunk := file.read(_TEXT_CHUNK):
                text, newline, rest = (rest + chunk).rpartition(b"\n")
                if len(rest) > _TEXT_CHUNK:
                    raise _bad_line(path, lines + 1, rest)
                if newline:
                    lines += _parse(path, text + b"\n", lines, numbers, offsets)
            if rest:
                _parse(path, rest + b"\n", lines, numbers, offsets)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}), expected the index of a .rec file."
        ) from error
    if not any(len(chunk) for chunk in numbers):
        raise UserError(f"{path}: found no line in it, expected lines of `number<TAB>offset`. Copy it again.")
    all_numbers, all_offsets = np.concatenate(numbers), np.concatenate(offsets)
    for column, values in (("record", all_numbers), ("offset", all_offsets)):
        ordered = values if np.all(values[1:] > values[:-1]) else np.sort(values)
        if (repeated := ordered[1:] == ordered[:-1]).any():
            raise UserError(
                f"{path}: {column} {ordered[1:][repeated][0]} is listed twice, expected every record once. Copy it again, or "
                "remove the file: the .rec is then scanned for its records."
            )
    return all_numbers, all_offsets


def _parse(path: Path, text: bytes, before: int, numbers: list[np.ndarray], offsets: list[np.ndarray]) -> int:
    """Append the numbers and offsets of complete lines, and return the count of lines."""
    characters = np.frombuffer(text, np.uint8)
    digit = (characters >= 48) & (characters <= 57)
    edges = np.flatnonzero(np.diff(digit, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    newlines = np.flatnonzero(characters == 10)
    line_of_number = np.searchsorted(newlines, starts)
    filled = np.flatnonzero(np.diff(newlines, prepend=-1) > 1 + (characters[newlines - 1] == 13))
    # Every line that is not empty is `digits TAB digits`, optionally followed by a carriage return.
    good = (
        len(starts) == 2 * len(filled)
        and np.array_equal(line_of_number[::2], filled)
        and np.array_equal(line_of_number[1::2], filled)
        and int(digit.sum()) + len(filled) + len(newlines) + int((characters == 13).sum()) == len(characters)
        and bool(np.all(characters[ends[::2]] == 9))
        and bool(np.all(ends[::2] + 1 == starts[1::2]))
        and (not len(starts) or int((ends - starts).max()) <= _DIGITS)
    )
    if not good:
        for number, line in enumerate(text.split(b"\n"), start=before + 1):
            fields = line.rstrip(b"\r").split(b"\t")
            if line.rstrip(b"\r") and not (len(fields) == 2 and all(f.isdigit() and len(f) <= _DIGITS for f in fields)):
                raise _bad_line(path, number, line)
        raise _bad_line(path, before + 1, text[:80])
    # NumPy accepts any white space as `sep`, and only numbers remain besides it.
    values = np.fromstring(text, np.int64, sep=" ") if len(starts) else np.zeros(0, np.int64)
    numbers.append(values[::2])
    offsets.append(values[1::2])
    return len(newlines)


def _bad_line(path: Path, number: int, line: bytes) -> UserError:
    shown = line[:60].decode("utf-8", "replace")
    return UserError(
        f"{path}, line {number}: found {shown!r}, expected `number<TAB>offset`. Copy it again, or remove the file: the .rec "
        "is then scanned for its records."
    )


def scan(file: RecordFile, offsets: Int[np.ndarray, "records"]) -> RecordTable:
    """Read the header of each record.

    Only the first page of each record is read, and none stays in memory.

    Args:
      file: the RecordIO file.
      offsets: `[records]`, the byte where each record starts.

    Returns:
      The status, label and fault of each record.

    Raises:
      UserError: records overlap, as only a crafted index can state.
    """
    status = np.full(len(offsets), PAST_THE_END, np.uint8)
    labels = np.full(len(offsets), -1, np.int32)
    found = np.zeros(len(offsets), np.int64)
    budget = itertools.count(file.size // HEAD.size + 1, -1)  # the most parts that fit in the file
    for start in range(0, len(offsets) if file.size >= HEAD.size else 0, _HEADER_CHUNK):
        rows = slice(start, start + _HEADER_CHUNK)
        status[rows], labels[rows], found[rows] = _scan_whole(file, np.asarray(offsets[rows], np.int64))
        for row in np.flatnonzero(status[rows] == BROKEN).tolist():
            row += start
            status[row], labels[row], found[row] = _scan_parts(file, int(offsets[row]), budget)
        file.forget()
    return RecordTable(status, labels, found)


def _scan_whole(
    file: RecordFile, offsets: Int64[np.ndarray, "chunk"]
) -> tuple[UInt8[np.ndarray, "chunk"], Int32[np.ndarray, "chunk"], Int64[np.ndarray, "chunk"]]:
    """Scan records in one part; those in several get the status `BROKEN`, for `_scan_parts` to read."""
    inside = (offsets % 4 == 0) & (offsets + HEAD.size <= file.size)
    first, last = np.where(inside, offsets // 4, 0), len(file.words) - 1

    def word(index: Int[np.ndarray, "chunk"] | int) -> UInt32[np.ndarray, "chunk"]:
        return file.words[np.minimum(first + index, last)]  # words beyond the end are ignored below

    magic, second, flag = word(0), word(1), word(2).astype(np.int64)
    kind, length = second >> LENGTH_BITS, (second & LONGEST).astype(np.int64)
    after = length - _HEADER_BYTES - 4 * flag
    # A single label is in the header itself. Several labels follow it; the first is the identity.
    label = np.where(flag > 0, word(8), word(3)).view("<f4")
    beginning, following = word(8 + flag), word(9 + flag)
    checks = (
        (~inside, PAST_THE_END, offsets),
        (magic != MAGIC, NO_MAGIC, magic),
        (kind > FIRST, NO_START, kind),
        (offsets + HEAD.size + length > file.size, CUT_OFF, file.size - offsets - HEAD.size),
        (kind == FIRST, BROKEN, kind),
        ((length < _HEADER_BYTES) | (after < 0), NO_HEADER, length),
        (after == 0, NO_IMAGE, after),
        (~_is_label(label), NO_LABEL, label.view("<u4")),
        (~(_is_image(beginning) | (following == _FTYP)), NO_FORMAT, beginning),
    )
    wrong = [condition for condition, _, _ in checks]
    status = np.select(wrong, [np.uint8(code) for _, code, _ in checks], np.uint8(IMAGE))
    found = np.select(wrong, [value.astype(np.int64) for _, _, value in checks], np.int64(0))
    labels = np.where(status == IMAGE, np.where(_is_label(label), label, 0), -1).astype(np.int32)
    return status, labels, found


def _scan_parts(file: RecordFile, offset: int, budget: "itertools.count[int]") -> tuple[int, int, int]:
    """Scan a record in several parts, whose bytes contain the magic number: status, label, found."""
    beginning = bytearray()
    total = 0
    try:
        for part, (start, length) in enumerate(file.parts(offset)):
            if next(budget) <= 0:
                raise UserError(
                    f"{file.path}: found overlapping records, expected consecutive ones. Copy the .idx again, or remove it."
                )
            total += length + (4 if part else 0)
            if (missing := _HEADER_BYTES + 4 * _LABELS_MOST - len(beginning)) > 0:
                beginning += MAGIC.to_bytes(4, "little") if part else b""
                beginning += file.bytes[start : start + min(length, missing)].tobytes()
    except RecordError:
        return BROKEN, -1, FIRST
    words = np.frombuffer(beginning[: len(beginning) // 4 * 4], "<u4")
    if total < _HEADER_BYTES or (flag := int(words[0])) > _LABELS_MOST or total < _HEADER_BYTES + 4 * flag:
        return NO_HEADER, -1, total
    if total == _HEADER_BYTES + 4 * flag:
        return NO_IMAGE, -1, 0
    label = words[[6 if flag else 1]]
    if not _is_label(label.view("<f4"))[0]:
        return NO_LABEL, -1, int(label[0])
    return IMAGE, int(label.view("<f4")[0]), 0


def _is_label(label: np.ndarray) -> np.ndarray:
    """Return a mask of the float labels that are non-negative integers of at most 31 bits."""
    with np.errstate(invalid="ignore"):  # a signalling NaN makes NumPy warn
        return (label >= 0) & (label < 2**31) & (label == np.floor(label))


def _is_image(word: np.ndarray) -> np.ndarray:
    """Return a mask of the little-endian words with which an image file can start."""
    return np.logical_or.reduce([(word & mask) == start for mask, start in _IMAGE_STARTS])
