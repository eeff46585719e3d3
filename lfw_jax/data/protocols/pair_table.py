"""A CSV file of pairs as a table: its columns and rows."""

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from lfw_jax.data.formats.text_lists import find_delimiter, names_a_file
from lfw_jax.data.protocols.list_format import malformed, parse_verdict, read_text
from lfw_jax.data.protocols.pair_columns import find_columns, parse_columns
from lfw_jax.errors import UserError

_SPLIT = {"development": True, "test": False}

Row = tuple[int, list[str]]
"""The number of a line in its file, from 1, and its fields."""


@dataclasses.dataclass(frozen=True, eq=False)
class PairTable:
    """A CSV file of pairs.

    Attributes:
      path: the file.
      columns: the index of each column, by the names of `lfw_jax.data.protocols.pair_columns`.
      rows: the pairs, at least one.
    """

    path: Path
    columns: dict[str, int]
    rows: list[Row]

    @property
    def numbered(self) -> bool:
        """True if images are named by identity and number, not by path."""
        return "path1" not in self.columns

    def cell(self, row: Row, column: str) -> str:
        """Return the text of a row in a column."""
        return row[1][self.columns[column]].strip()

    def verdict(self, row: Row) -> bool | None:
        """Return the verdict of a row, or None if its text is none."""
        return parse_verdict(self.cell(row, "same"))

    def malformed(self, row: Row, expected: str) -> UserError:
        """Return the error for a row, which is shown approximately as it reads in the file."""
        return malformed(self.path, (row[0], ",".join(row[1])), expected)

    def folds(self) -> Int[np.ndarray, "pairs"] | None:
        """Return the fold of each pair, from 0; None without such a column. Raises UserError."""
        if "fold" not in self.columns:
            return None
        numbers = []
        for row in self.rows:
            digits, point, zeros = self.cell(row, "fold").partition(".")
            if (
                not (digits.isascii() and digits.isdigit() and len(digits) < 10)
                or zeros.strip("0")
                or bool(point) != bool(zeros)
            ):
                raise self.malformed(row, "an integer from 0 as fold")
            numbers.append(int(digits))
        folds = np.unique(numbers, return_inverse=True)[1]
        if not folds.any():
            raise UserError(
                f"{self.path}: all pairs are in one fold; expected two or more folds. Correct the column fold, or remove it."
            )
        return folds

    def development(self) -> Bool[np.ndarray, "pairs"] | None:
        """Return the mask of development pairs; None without such a column. Raises UserError."""
        if "split" not in self.columns:
            return None
        for row in self.rows:
            if self.cell(row, "split").lower() not in _SPLIT:
                raise self.malformed(row, "development or test as split")
        development = np.array([_SPLIT[self.cell(row, "split").lower()] for row in self.rows])
        if development.all() or not development.any():
            raise UserError(
                f"{self.path}: the column split has only {'development' if development.any() else 'test'}; expected both. "
                "Correct the column, or remove it."
            )
        return development


def read_pair_table(path: str | Path, columns: str = "") -> PairTable:
    """Read a CSV file of pairs: a header, then one pair per line.

    Fields are separated by commas, semicolons or tabs. A file without a header is read if its lines are two paths with an
    extension, a verdict and perhaps a fold.

    Args:
      path: the file, in UTF-8, or in UTF-16 with a byte order mark.
      columns: `config.data.pairs_columns`: titles that are not recognised.

    Raises:
      UserError: a column is missing or ambiguous, or a line does not match the columns; the message has the line number.
    """
    path, named = Path(path), parse_columns(columns)
    text = read_text(path)
    first = next(line for line in text.split("\n") if line.strip())
    delimiter = find_delimiter(first, path.suffix).replace(" ", ",")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        titles, *rows = [(reader.line_num, fields) for fields in reader if any(map(str.strip, fields))]
    except csv.Error as error:
        raise UserError(
            f"{path}, line {reader.line_num}: found invalid CSV ({error}), expected fields separated by "
            "commas. Correct the line."
        ) from error
    if not named and _is_pair(titles[1]):
        found = dict(path1=0, path2=1, same=2) | (dict(fold=3) if len(titles[1]) == 4 else {})
        rows = [titles, *rows]
    else:
        found = find_columns(path, titles[1], named)
    if not rows:
        raise UserError(f"{path}: found a header and no pair, expected one pair per line. Add the pairs.")
    table = PairTable(path, found, rows)
    for row in rows:
        if len(row[1]) != len(titles[1]):
            raise table.malformed(row, f"{len(titles[1])} fields as in the header")
    return table


def _is_pair(fields: list[str]) -> bool:
    """Return True if a first line is a pair of paths and not a header."""
    if len(fields) not in (3, 4) or parse_verdict(fields[2]) is None:
        return False
    return names_a_file(fields[0]) and names_a_file(fields[1])
