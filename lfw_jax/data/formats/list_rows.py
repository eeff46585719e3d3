"""The rows of a list of images: the path and the label of each line, whatever its columns."""

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lfw_jax.data.formats.text_lists import comparable_title, find_delimiter, find_titles, names_a_file, text_encoding
from lfw_jax.errors import UserError

_TITLES = {
    "path": frozenset({
        "path", "file", "filename", "filepath", "image", "imagename", "imagepath", "imagefile", "imageid", "img", "imgname",
        "imgpath", "photo", "picture",
    }),
    "label": frozenset({
        "label", "identity", "identityid", "identityname", "id", "name", "person", "personid", "personname", "class", "classid",
        "classname", "subject", "subjectid", "celebrity", "target",
    }),
}  # fmt: skip
_EXCERPT_LENGTH = 80


@dataclasses.dataclass(frozen=True)
class _Layout:
    """The columns of a list.

    Attributes:
      path: the index of the column of paths.
      label: the index of the column of labels.
      fields: the number of fields in a line.
      more: true if a line may have further fields.
      number: true if a label is a number, which may be written as 3.0.
    """

    path: int
    label: int
    fields: int
    more: bool = False
    number: bool = False


def read_rows(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the label of each line of a list; see `csv_list.read_csv`.

    Args:
      path: the list.

    Raises:
      UserError: a line is malformed, or the columns are ambiguous; the message has the number of the line.
      UnicodeError: the file is not text.
      OSError: the file cannot be read.
    """
    layout = None
    with path.open(encoding=text_encoding(path), newline="") as file:
        first = next((line for line in file if line.strip()), "")
        file.seek(0)
        for line, fields in _split(path, file, find_delimiter(first, path.suffix)):
            if layout is None:
                layout = _header(path, line, fields) or _without_header(path, line, fields)
                if layout.fields == 0:
                    layout = dataclasses.replace(layout, fields=len(fields))
                    continue
            yield _row(path, line, fields, layout)


def _split(path: Path, file: IO[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each line that is not empty."""
    if delimiter == " ":  # the last blank separates, as a path may contain blanks
        yield from ((line, text.rsplit(maxsplit=1)) for line, text in enumerate(file, start=1) if text.strip())
        return
    reader = csv.reader(file, strict=True, delimiter=delimiter)
    try:
        yield from ((reader.line_num, fields) for fields in reader if any(field.strip() for field in fields))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}; expected `path,label`. Correct the line.") from error


def _header(path: Path, line: int, titles: list[str]) -> _Layout | None:
    """Return the columns that a first line names, with 0 fields; None if it is a row."""
    known = {title for names in _TITLES.values() for title in names}
    if names_a_file(titles[0]) or not any(comparable_title(title) in known for title in titles):
        return None
    columns = find_titles(path, line, titles, _TITLES, "Call the right one {meaning}.")
    for meaning in _TITLES:
        if meaning not in columns:
            shown = ", ".join(title.strip() for title in titles)
            raise UserError(
                f"{path}, line {line}: found the columns {shown}, expected one for the path and one for the label. "
                f"Call the column of the {meaning}s {meaning}."
            )
    return _Layout(columns["path"], columns["label"], fields=0)


def _without_header(path: Path, line: int, fields: list[str]) -> _Layout:
    """Return the columns of a list whose first row is given."""
    if len(fields) == 2:
        return _Layout(0, 1, fields=2)
    if len(fields) > 2:
        flagged = fields[0].strip() in ("0", "1") and names_a_file(fields[1]) and fields[2].strip().isdecimal()
        numbered = fields[0].strip().isdecimal() and _whole(fields[1]) is not None and names_a_file(fields[-1])
        if flagged:  # InsightFace: aligned, path, label and perhaps a box and landmarks
            return _Layout(1, 2, fields=3, more=True)
        if numbered:  # MXNet: index, label, perhaps further labels, path
            return _Layout(len(fields) - 1, 1, fields=len(fields), number=True)
    raise _malformed(path, line, fields, f"2 fields, found {len(fields)}")


def _row(path: Path, line: int, fields: list[str], layout: _Layout) -> tuple[str, str]:
    if len(fields) != layout.fields and not (layout.more and len(fields) > layout.fields):
        raise _malformed(path, line, fields, f"{layout.fields} fields, found {len(fields)}")
    file_name, name = fields[layout.path].strip(), fields[layout.label].strip()
    if layout.number:
        whole = _whole(name)
        if whole is None:
            raise _malformed(path, line, fields, "a whole number as the label")
        name = whole
    if not file_name or not name or "\0" in file_name:
        raise _malformed(path, line, fields, "a path and a label")
    return file_name, name


def _whole(text: str) -> str | None:
    """Return a number such as 3 or 3.000000 as "3"; None for any other text."""
    digits, point, zeros = text.strip().partition(".")
    if not digits.isdecimal() or not digits.isascii() or zeros.strip("0") or (point and not zeros):
        return None
    return str(int(digits)) if len(digits) < 20 else None


def _malformed(path: Path, line: int, fields: list[str], expected: str) -> UserError:
    excerpt = ",".join(fields)
    excerpt = excerpt if len(excerpt) <= _EXCERPT_LENGTH else excerpt[:_EXCERPT_LENGTH] + "…"
    return UserError(
        f"{path}, line {line}: found {excerpt!r}, expected {expected}. Correct the line; a name with a comma needs quotes."
    )
