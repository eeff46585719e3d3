"""Which records a RecordIO file has: the `.idx` beside it, and what their headers say, thousands at a time."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32, Int64, UInt8, UInt32

from lfw_jax.data.records.recordio import FIRST, HEAD, LENGTH_BITS, LONGEST, MAGIC, RecordError, RecordFile
from lfw_jax.errors import UserError

_TEXT_CHUNK = 1 << 22  # bytes of an .idx parsed at once
_DIGITS = 18  # of the largest number that an .idx may hold: more do not fit 64 bits
_HEADER_CHUNK = 1 << 15  # records whose headers are read at once
_HEADER_BYTES = 24  # of an image record: flag, label, id, id2 as <IfQQ
_LABELS_MOST = 1000  # labels of a record in several parts, whose labels are not looked at in bulk
# What an image file starts with, as far as the bits go: those formats that every loader of this project reads.
_IMAGE_STARTS = ((0xFFFFFF, 0xFFD8FF), (0xFFFFFFFF, 0x474E5089), (0xFFFF, 0x4D42), (0xFFFFFF, 0x464947))

IMAGE, NO_IMAGE, PAST_THE_END, NO_MAGIC, NO_START, CUT_OFF, NO_HEADER, NO_LABEL, NO_FORMAT, BROKEN = range(10)
"""What a scan says of a record. `IMAGE` is one to use and `NO_IMAGE` one of the set's own notes; the others are faults."""


@dataclasses.dataclass(frozen=True)
class RecordTable:
    """What the headers of records say.

    Attributes:
      status: `[records]`, one of the constants above.
      labels: `[records]`, the person that an image shows; -1 where there is none.
      found: `[records]`, what a fault's message tells: the word or the length that was found.
    """

    status: UInt8[np.ndarray, "records"]
    labels: Int32[np.ndarray, "records"]
    found: Int64[np.ndarray, "records"]


def read_index(path: Path) -> tuple[Int64[np.ndarray, "records"], Int64[np.ndarray, "records"]]:
    """The number and the offset of each record that an `.idx` lists: lines of `number<TAB>offset`.

    Parsed in bulk, a few million lines a second, without a Python object for a line.

    Raises:
      UserError: a line that is none, or a record that is listed twice, named by its line or number.
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
    if not any(len(some) for some in numbers):
        raise UserError(f"{path}: found no line in it, expected lines of `number<TAB>offset`. Copy it again.")
    listed, places = np.concatenate(numbers), np.concatenate(offsets)
    for what, values in (("record", listed), ("offset", places)):
        ordered = values if np.all(values[1:] > values[:-1]) else np.sort(values)
        if (again := ordered[1:] == ordered[:-1]).any():
            raise UserError(
                f"{path}: {what} {ordered[1:][again][0]} is listed twice, expected every record once. Copy it again, or "
                "remove the file: the .rec is then read through to find its records."
            )
    return listed, places


def _parse(path: Path, text: bytes, before: int, numbers: list[np.ndarray], offsets: list[np.ndarray]) -> int:
    """Add the numbers and offsets of whole lines; returns how many lines there were."""
    characters = np.frombuffer(text, np.uint8)
    digit = (characters >= 48) & (characters <= 57)
    edges = np.flatnonzero(np.diff(digit, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    newlines = np.flatnonzero(characters == 10)
    line_of_number = np.searchsorted(newlines, starts)
    filled = np.flatnonzero(np.diff(newlines, prepend=-1) > 1 + (characters[newlines - 1] == 13))
    # Every line that holds anything is `digits TAB digits`, perhaps with a carriage return after it.
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
    # numpy takes any white space for `sep`, and there is nothing else left but numbers.
    values = np.fromstring(text, np.int64, sep=" ") if len(starts) else np.zeros(0, np.int64)
    numbers.append(values[::2])
    offsets.append(values[1::2])
    return len(newlines)


def _bad_line(path: Path, number: int, line: bytes) -> UserError:
    shown = line[:60].decode("utf-8", "replace")
    return UserError(
        f"{path}, line {number}: found {shown!r}, expected `number<TAB>offset`. Copy it again, or remove the file: the .rec "
        "is then read through to find its records."
    )


def scan(file: RecordFile, offsets: Int[np.ndarray, "records"]) -> RecordTable:
    """What the header of each record says; touches the first page of each and keeps none of them.

    Raises:
      UserError: records that lie in one another, as only a made-up index has them.
    """
    status = np.full(len(offsets), PAST_THE_END, np.uint8)
    labels = np.full(len(offsets), -1, np.int32)
    found = np.zeros(len(offsets), np.int64)
    budget = itertools.count(file.size // HEAD.size + 1, -1)  # parts that fit in the file
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
    """Status, label and what was found of records in one part; those in several are called `BROKEN`, to be looked at."""
    inside = (offsets % 4 == 0) & (offsets + HEAD.size <= file.size)
    first, last = np.where(inside, offsets // 4, 0), len(file.words) - 1

    def word(place: Int[np.ndarray, "chunk"] | int) -> UInt32[np.ndarray, "chunk"]:
        return file.words[np.minimum(first + place, last)]  # what is beyond the end is not looked at below

    magic, second, flag = word(0), word(1), word(2).astype(np.int64)
    kind, length = second >> LENGTH_BITS, (second & LONGEST).astype(np.int64)
    after = length - _HEADER_BYTES - 4 * flag
    # One label stands in the header itself; of several, which come after it, the first is the person.
    label = np.where(flag > 0, word(8), word(3)).view("<f4")
    beginning = word(8 + flag)
    checks = (
        (~inside, PAST_THE_END, offsets),
        (magic != MAGIC, NO_MAGIC, magic),
        (kind > FIRST, NO_START, kind),
        (offsets + HEAD.size + length > file.size, CUT_OFF, file.size - offsets - HEAD.size),
        (kind == FIRST, BROKEN, kind),
        ((length < _HEADER_BYTES) | (after < 0), NO_HEADER, length),
        (after == 0, NO_IMAGE, after),
        (~_is_label(label), NO_LABEL, label.view("<u4")),
        (~_is_image(beginning), NO_FORMAT, beginning),
    )
    wrong = [condition for condition, _, _ in checks]
    status = np.select(wrong, [np.uint8(code) for _, code, _ in checks], np.uint8(IMAGE))
    found = np.select(wrong, [value.astype(np.int64) for _, _, value in checks], np.int64(0))
    labels = np.where(status == IMAGE, np.where(_is_label(label), label, 0), -1).astype(np.int32)
    return status, labels, found


def _scan_parts(file: RecordFile, offset: int, budget: "itertools.count[int]") -> tuple[int, int, int]:
    """Status, label and what was found of a record in several parts: one whose bytes hold the magic number."""
    beginning = b""
    total = 0
    try:
        for place, (start, length) in enumerate(file.parts(offset)):
            if next(budget) <= 0:
                raise UserError(f"{file.path}: found records that lie in one another, expected one after another.")
            if place:
                beginning += MAGIC.to_bytes(4, "little")
                total += 4
            missing = _HEADER_BYTES + 4 * _LABELS_MOST - len(beginning)
            beginning += file.bytes[start : start + min(length, max(missing, 0))].tobytes()
            total += length
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
    """Whether a float label is a whole number that fits 31 bits; false for NaN, of which one kind makes numpy warn."""
    with np.errstate(invalid="ignore"):
        return (label >= 0) & (label < 2**31) & (label == np.floor(label))


def _is_image(word: np.ndarray) -> np.ndarray:
    """Whether the first four bytes of something, as a little-endian word, are those of an image file."""
    return np.logical_or.reduce([(word & mask) == start for mask, start in _IMAGE_STARTS])
