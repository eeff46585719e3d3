"""Reading a user's own pairs from a CSV file with a header."""

import csv
import io
from pathlib import Path

import numpy as np

from lfw_jax.data.protocols.list_format import malformed, read_text
from lfw_jax.data.protocols.path_pairs import PathPairs
from lfw_jax.errors import UserError

_NEEDED = ("path1", "path2", "same")
_OPTIONAL = ("person1", "person2", "fold", "split")
_SAME = {"1": True, "true": True, "yes": True, "same": True, "0": False, "-1": False, "false": False, "no": False,
         "different": False}  # fmt: skip
_SPLIT = {"development": True, "test": False}

_Row = tuple[int, dict[str, str]]
"""The number of a line in its file, from 1, and its fields by column."""


def read_csv_pairs(path: str | Path) -> PathPairs:
    """Read pairs from a CSV file in UTF-8: a header, then one pair per line.

    The columns `path1`, `path2` and `same` (1 or 0; also true/false, yes/no, same/different, -1) are required. Optional columns
    are `person1` and `person2`, the identities on the images; `fold`, an integer; and `split`, "development" or "test". Other
    columns are ignored. Paths that contain commas or quotes are quoted as usual in CSV.

    Args:
      path: the file.

    Returns:
      The pairs, named after the file.

    Raises:
      UserError: a column is missing, or a line does not match the columns; the message has the line number.
    """
    path = Path(path)
    columns, rows = _read_rows(path)
    named = {"person1", "person2"} <= set(columns)
    same: list[bool] = []
    identities: dict[str, str] = {}
    for row in rows:
        same.append(_same(path, row))
        if named:
            _add_identities(path, row, same[-1], identities)
    return PathPairs(
        name=path.stem,
        first=[fields["path1"].strip() for _, fields in rows],
        second=[fields["path2"].strip() for _, fields in rows],
        same=np.array(same, bool),
        folds=_folds(path, rows) if "fold" in columns else None,
        development=_development(path, rows) if "split" in columns else None,
        identities=identities,
    )


def _read_rows(path: Path) -> tuple[list[str], list[_Row]]:
    """Return the columns and the rows, each of which has a value for every column."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        columns = [column.strip().lower() for column in reader.fieldnames or []]
        if missing := [name for name in _NEEDED if name not in columns]:
            raise UserError(
                f"{path}: its first line has no column {missing[0]} (found: {', '.join(columns) or 'nothing'}); expected "
                f"{','.join(_NEEDED)} and optionally {', '.join(_OPTIONAL)}. Add the header."
            )
        reader.fieldnames = columns
        rows = [(reader.line_num, fields) for fields in reader]
    except csv.Error as error:
        raise UserError(
            f"{path}, line {reader.reader.line_num}: found invalid CSV ({error}), expected fields separated by "
            "commas. Correct the line."
        ) from error
    if not rows:
        raise UserError(f"{path}: found a header and no pair, expected one pair per line. Add the pairs.")
    for row in rows:
        if None in row[1] or None in row[1].values():
            raise _malformed(path, row, f"{len(columns)} fields as in the header")
    return columns, rows


def _same(path: Path, row: _Row) -> bool:
    """Return the label of a pair, after checking its paths."""
    one, other, verdict = (row[1][name].strip() for name in _NEEDED)
    if not one or not other or one == other or verdict.lower() not in _SAME:
        raise _malformed(path, row, "two different paths, and 1 or 0 for same")
    return _SAME[verdict.lower()]


def _add_identities(path: Path, row: _Row, same: bool, identities: dict[str, str]) -> None:
    """Add the identities of a row to `identities`, which they must not contradict."""
    first, second = (
        (row[1][image].strip(), row[1][person].strip())
        for image, person in (("path1", "person1"), ("path2", "person2"))
    )
    for image, identity in (first, second):
        if not identity or identities.setdefault(image, identity) != identity:
            raise _malformed(path, row, f"one identity for {image}, the same in every line")
    if (first[1] == second[1]) != same:
        raise _malformed(path, row, "one identity where same is 1, and two where it is 0")


def _folds(path: Path, rows: list[_Row]) -> np.ndarray:
    for row in rows:
        digits = row[1]["fold"].strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise _malformed(path, row, "an integer from 0 as fold")
    folds = np.unique([int(fields["fold"]) for _, fields in rows], return_inverse=True)[1]
    if not folds.any():
        raise UserError(
            f"{path}: all pairs are in one fold; expected two or more folds. Correct the column fold, or remove it."
        )
    return folds


def _development(path: Path, rows: list[_Row]) -> np.ndarray:
    for row in rows:
        if row[1]["split"].strip().lower() not in _SPLIT:
            raise _malformed(path, row, "development or test as split")
    development = np.array([_SPLIT[fields["split"].strip().lower()] for _, fields in rows])
    if development.all() or not development.any():
        raise UserError(
            f"{path}: the column split has only {'development' if development.any() else 'test'}; expected both. Correct the "
            "column, or remove it."
        )
    return development


def _malformed(path: Path, row: _Row, expected: str) -> UserError:
    """Return the error for a row, which is shown approximately as it reads in the file."""
    line, fields = row
    return malformed(path, (line, ",".join(str(value) for value in fields.values() if value is not None)), expected)
