"""A user's own pairs: a CSV file with a header."""

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


def read_csv_pairs(path: str | Path) -> PathPairs:
    """Read pairs from a CSV file in UTF-8: a header, then a line a pair.

    Columns: `path1`, `path2` and `same` (1 or 0; also true/false, yes/no, same/different, -1). Optional: `person1` and
    `person2`, who is on the images; `fold`, whole numbers; `split`, development or test. Others are passed over. Paths with
    commas or quotes are quoted as usual in CSV.

    Raises:
      UserError: no such columns, or a line that does not fit them, with its number.
    """
    path = Path(path)
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        columns = [column.strip().lower() for column in reader.fieldnames or []]
        if missing := [name for name in _NEEDED if name not in columns]:
            raise UserError(
                f"{path}: its first line has no column {missing[0]} (found: {', '.join(columns) or 'nothing'}); expected "
                f"{','.join(_NEEDED)} and perhaps {', '.join(_OPTIONAL)}. Add the header."
            )
        reader.fieldnames = columns
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.reader.line_num}: no CSV ({error}). Correct the line.") from error
    if not rows:
        raise UserError(f"{path}: found a header and no pair. Add a line a pair.")
    for line, row in rows:
        if None in row or None in row.values():
            raise malformed(path, (line, _shown(row)), f"{len(columns)} fields as in the header")
    has_people = {"person1", "person2"} <= set(columns)
    same, people = [], {}
    for line, row in rows:
        one, other, verdict = (row[name].strip() for name in _NEEDED)
        if not one or not other or one == other or verdict.lower() not in _SAME:
            raise malformed(path, (line, _shown(row)), "two different paths, and 1 or 0 for same")
        same.append(_SAME[verdict.lower()])
        if has_people:
            for image, person in ((one, row["person1"].strip()), (other, row["person2"].strip())):
                if not person or people.setdefault(image, person) != person:
                    raise malformed(path, (line, _shown(row)), f"one person for {image}, the same in every line")
            if (people[one] == people[other]) != same[-1]:
                raise malformed(path, (line, _shown(row)), "the same person where same is 1, and two where it is 0")
    return PathPairs(
        name=path.stem,
        first=[row["path1"].strip() for _, row in rows],
        second=[row["path2"].strip() for _, row in rows],
        same=np.array(same, bool),
        folds=_folds(path, rows) if "fold" in columns else None,
        development=_development(path, rows) if "split" in columns else None,
        people=people,
    )


def _folds(path: Path, rows: list[tuple[int, dict[str, str]]]) -> np.ndarray:
    for line, row in rows:
        digits = row["fold"].strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise malformed(path, (line, _shown(row)), "a whole number as fold")
    folds = np.unique([int(row["fold"]) for _, row in rows], return_inverse=True)[1]
    if not folds.any():
        raise UserError(f"{path}: all pairs are in one fold; expected two or more, or no column fold.")
    return folds


def _development(path: Path, rows: list[tuple[int, dict[str, str]]]) -> np.ndarray:
    for line, row in rows:
        if row["split"].strip().lower() not in _SPLIT:
            raise malformed(path, (line, _shown(row)), "development or test as split")
    development = np.array([_SPLIT[row["split"].strip().lower()] for _, row in rows])
    if development.all() or not development.any():
        raise UserError(
            f"{path}: the column split names {'development' if development.any() else 'test'} alone; expected both, or no "
            "such column."
        )
    return development


def _shown(row: dict) -> str:
    """A line as it reads, more or less."""
    return ",".join(str(value) for value in row.values() if value is not None)
