"""The manifest of an aligned folder: one row an image, written as the work goes on and readable after a kill."""

import array
import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.errors import UserError
from lfw_jax.faces.detection import Face

POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
COLUMNS = (
    "file", "source", "left", "top", "right", "bottom",
    *(f"{point}_{axis}" for point in POINTS for axis in "xy"),
    "score", "faces", "fallback", "fault",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """What is known of one image.

    Attributes:
      file: the crop, relative to the folder; "" where the image could not be read.
      source: the image it came from.
      face: the chosen face in the image's pixels; None: a centre crop, or no crop.
      faces: how many faces were found.
      fault: why the image could not be read; "" if it could.
    """

    file: str
    source: str
    face: Face | None
    faces: int
    fault: str = ""

    @property
    def fallback(self) -> bool:
        """Whether the crop is the image's centre because no face was found."""
        return self.face is None and not self.fault


class Rows(Sequence[Row]):
    """Rows kept as the lines that they are in a manifest, about 250 bytes each; one is parsed when it is asked for.

    Args:
      rows: the first ones.
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

    def _line(self, place: int) -> bytearray:
        return self._text[self._ends[place] : self._ends[place + 1]]

    @property
    def text(self) -> bytes:
        """All of them, as a manifest has them below its header."""
        return bytes(self._text)

    def take(self, places: Iterable[int]) -> "Rows":
        """Those at some places, in that order."""
        taken = Rows()
        for place in places:
            taken._add(self._line(place))
        return taken

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> "Rows": ...

    def __getitem__(self, place: int | slice) -> "Row | Rows":
        if isinstance(place, slice):
            return self.take(range(len(self))[place])
        (row,) = _rows(Path("rows"), bytes(self._line(range(len(self))[place])), 1)
        return row


class Journal:
    """Rows appended to a file as images are finished, and all rows of it that are whole.

    Args:
      path: the file; begun with a header where it is missing or holds less than one line.

    Raises:
      UserError: the file is no manifest.
    """

    def __init__(self, path: Path):
        self._path = path
        content = path.read_bytes() if path.is_file() else b""
        whole = content[: content.rfind(b"\n") + 1]  # a killed run may leave half a row
        self.rows = parse(path, whole) if whole else Rows()
        if not whole or whole != content:
            write_manifest(path, self.rows)

    def append(self, rows: list[Row]) -> None:
        """Add rows; they are the operating system's when this returns."""
        added = Rows(rows)
        with self._path.open("ab") as file:
            file.write(added.text)
        self.rows.extend(added)


def write_manifest(path: Path, rows: Rows) -> None:
    """Write rows anew, whole or not at all."""
    with replaced_atomically(path) as unfinished:
        unfinished.write_bytes(_line(COLUMNS).encode() + rows.text)


def read_manifest(path: str | Path) -> Rows:
    """The rows of a manifest.

    Raises:
      UserError: no such file, or no manifest; the line is named.
    """
    path = Path(path)
    try:
        return parse(path, path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); expected a manifest of aligned faces.") from error


def parse(path: Path, content: bytes) -> Rows:
    """The rows in a manifest's text. Raises UserError, with the line, for anything else."""
    header = _line(COLUMNS).encode()
    if not content.startswith(header):
        raise UserError(f"{path}: the first line is not that of a manifest ({', '.join(COLUMNS[:4])}, …).")
    return parse_rows(path, content[len(header) :], first_line=2)


def parse_rows(path: Path, content: bytes, *, first_line: int = 1) -> Rows:
    """The rows in a text without a header. Raises UserError, with the line, for anything else."""
    return Rows(_rows(path, content, first_line))


def _rows(path: Path, content: bytes, first_line: int) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(content.decode("utf-8", "surrogateescape"), newline=""))
    for fields in lines:
        try:
            yield _row(fields)
        except ValueError as error:
            raise UserError(
                f"{path}, line {first_line + lines.line_num - 1}: found {','.join(fields)[:80]!r}, expected the "
                f"{len(COLUMNS)} fields of a manifest. Remove the file to align anew."
            ) from error


def format_row(row: Row) -> str:
    """A row as a line, without its end."""
    return _line(_fields(row)).rstrip("\n")


def _row(fields: list[str]) -> Row:
    if len(fields) != len(COLUMNS):
        raise ValueError(len(fields))
    file, source, *numbers = fields[:-3]
    faces, fallback, fault = fields[-3:]
    if (fallback, bool(numbers[-1])) not in (("0", True), ("1", False), ("0", False)):
        raise ValueError(fallback)
    face = None
    if numbers[-1]:
        left, top, right, bottom, *points, score = map(float, numbers)
        face = Face((left, top, right, bottom), np.array(points).reshape(5, 2), score)
    return Row(file, source, face, int(faces), fault)


def _fields(row: Row) -> tuple[str, ...]:
    numbers = [""] * 15
    if row.face is not None:
        values = [*row.face.box, *row.face.points.ravel().tolist()]
        numbers = [*(f"{value:.3f}" for value in values), f"{row.face.score:.6f}"]
    return (row.file, row.source, *numbers, str(row.faces), str(int(row.fallback)), row.fault)


def _encoded(row: Row) -> bytes:
    return _line(_fields(row)).encode("utf-8", "surrogateescape")


def _line(fields: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue()
