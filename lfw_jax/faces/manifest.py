"""The manifest of an aligned folder: one row per image, readable after a crash."""

import array
import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.data.formats.spreadsheet_cells import from_cell, to_cell
from lfw_jax.errors import UserError
from lfw_jax.faces.detection import Face

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
COLUMNS = (
    "file", "source", "left", "top", "right", "bottom",
    *(f"{point}_{axis}" for point in POINTS for axis in "xy"),
    "score", "faces", "fallback", "fault", "content",
)  # fmt: skip
_FORMER_COLUMNS = COLUMNS[:-1]  # of manifests that do not record the content of the images

UNFINISHED = "alignment began and was interrupted"
"""The fault of a row that announces a crop: until a later row has the same file, its content is unknown."""


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """The result for one image.

    Attributes:
      file: the crop, relative to the folder; "" if the image could not be read.
      source: the image that was aligned.
      face: the chosen face, in pixels of the image; None for a centre crop or no crop.
      faces: the number of detected faces.
      fault: the reason why the image could not be read, or `UNFINISHED`; "" if there is a crop.
      content: the digest of the image's content (`content_digest`); "" if unknown.
    """

    file: str
    source: str
    face: Face | None
    faces: int
    fault: str = ""
    content: str = ""

    @property
    def fallback(self) -> bool:
        """True if the crop is the centre of the image because no face was found."""
        return self.face is None and not self.fault


class Rows(Sequence[Row]):
    """A sequence of rows, stored as lines of about 250 bytes each and parsed on access.

    Args:
      rows: the initial rows.
    """

    def __init__(self, rows: Iterable[Row] = ()):
        self._text, self._ends = bytearray(), array.array("q", [0])
        self.extend(rows)

    def extend(self, rows: "Iterable[Row] | Rows") -> None:
        """Add rows to the end."""
        lines = map(rows._line, range(len(rows))) if isinstance(rows, Rows) else map(_encoded, rows)
        for line in lines:
            self._add(line)

    def _add(self, line: bytes | bytearray) -> None:
        self._text += line
        self._ends.append(len(self._text))

    def _line(self, index: int) -> bytearray:
        return self._text[self._ends[index] : self._ends[index + 1]]

    @property
    def text(self) -> bytes:
        """The lines of the manifest below its header."""
        return bytes(self._text)

    def take(self, indices: Iterable[int]) -> "Rows":
        """Return the rows at the given indices, in that order."""
        taken = Rows()
        for index in indices:
            taken._add(self._line(index))
        return taken

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> "Rows": ...

    def __getitem__(self, index: int | slice) -> "Row | Rows":
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        (row,) = _rows(Path("rows"), bytes(self._line(range(len(self))[index])), 1)
        return row


def write_manifest(path: Path, rows: Rows) -> None:
    """Write a manifest, atomically.

    Args:
      path: the file; an existing one is replaced.
      rows: the rows.
    """
    with replaced_atomically(path) as unfinished:
        unfinished.write_bytes(HEADER + rows.text)


def read_manifest(path: str | Path) -> Rows:
    """Read the rows of a manifest.

    Raises:
      UserError: there is no such file, or it is not a manifest; the message names the line.
    """
    path = Path(path)
    try:
        return parse(path, path.read_bytes())
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); expected a manifest of aligned faces. Check the path."
        ) from error


def parse(path: Path, content: bytes) -> Rows:
    """Parse the content of a manifest, also of an earlier version without the column "content".

    Args:
      path: the file, for messages.
      content: its content.

    Raises:
      UserError: the content is not a manifest; the message names the line.
    """
    for header in (HEADER, _line(_FORMER_COLUMNS).encode()):
        if content.startswith(header):
            return parse_rows(path, content[len(header) :], first_line=2)
    raise UserError(
        f"{path}: the first line is not that of a manifest ({', '.join(COLUMNS[:4])}, …). Remove the file and align again."
    )


def parse_rows(path: Path, content: bytes, *, first_line: int = 1) -> Rows:
    """Parse lines of a manifest without its header.

    Args:
      path: the file, for messages.
      content: the lines.
      first_line: the number of the first line in the file, for messages.

    Raises:
      UserError: a line is not a row of a manifest; the message names it.
    """
    return Rows(_rows(path, content, first_line))


def _rows(path: Path, content: bytes, first_line: int) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(content.decode("utf-8", "surrogateescape"), newline=""))
    for fields in lines:
        try:
            yield _row(fields)
        except ValueError as error:
            raise UserError(
                f"{path}, line {first_line + lines.line_num - 1}: found {','.join(fields)[:80]!r}, expected the "
                f"{len(COLUMNS)} fields of a manifest. Remove the file and align again."
            ) from error


def format_row(row: Row) -> str:
    """Return a row as a line of a manifest, without the line break."""
    return _line(_fields(row)).rstrip("\n")


def as_recorded(face: Face) -> Face:
    """Return a face with the precision of a manifest, from which the landmarks of aligned crops are read.

    Args:
      face: the face as it was detected.
    """
    return _face(_numbers(face))


def _face(numbers: Sequence[str]) -> Face:
    left, top, right, bottom, *points, score = map(float, numbers)
    return Face((left, top, right, bottom), np.array(points).reshape(5, 2), score)


def _numbers(face: Face) -> list[str]:
    values = [*face.box, *face.points.ravel().tolist()]
    return [*(f"{value:.3f}" for value in values), f"{face.score:.6f}"]


def _row(fields: list[str]) -> Row:
    if len(fields) == len(_FORMER_COLUMNS):
        fields = [*fields, ""]
    if len(fields) != len(COLUMNS):
        raise ValueError(len(fields))
    file, source, *numbers = fields[:-4]
    faces, fallback, fault, content = fields[-4:]
    file, source, fault = map(from_cell, (file, source, fault))
    if (fallback, bool(numbers[-1])) not in (("0", True), ("1", False), ("0", False)):
        raise ValueError(fallback)
    return Row(file, source, _face(numbers) if numbers[-1] else None, int(faces), fault, content)


def _fields(row: Row) -> tuple[str, ...]:
    numbers = _numbers(row.face) if row.face is not None else [""] * 15
    file, source, fault = map(to_cell, (row.file, row.source, row.fault))
    return (file, source, *numbers, str(row.faces), str(int(row.fallback)), fault, row.content)


def _encoded(row: Row) -> bytes:
    return _line(_fields(row)).encode("utf-8", "surrogateescape")


def _line(fields: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()


HEADER = _line(COLUMNS).encode()
"""The first line of a manifest."""
