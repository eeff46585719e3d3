"""CSV files with titled columns, read line by line because they may have millions of lines."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lfw_jax.data.formats.text_lists import find_delimiter, find_titles, text_encoding
from lfw_jax.data.protocols.list_format import malformed
from lfw_jax.errors import UserError

Titles = Mapping[str, frozenset[str]]
"""By column, the further titles that have its meaning, as by `comparable_title`; needed and optional ones."""


class CsvTable:
    """The rows of a CSV file.

    Fields are separated by commas, semicolons or tabs; the text is UTF-8, or UTF-16 with a byte order mark. Empty lines are
    ignored, and columns that are not asked for.

    Args:
      path: the file.
      titles: the columns, in any order in the file, and the titles by which they are recognised.
      needed: the columns that must be there.
      untitled: true if a file without any known title is read as rows of the needed columns.
    """

    def __init__(self, path: Path, titles: Titles, needed: Sequence[str], *, untitled: bool = False):
        self.path, self.columns = path, {name: index for index, name in enumerate(needed)}
        self._titles, self._needed, self._untitled = titles, needed, untitled

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number and the fields of each row; `columns` is known from the first on.

        Raises:
          UserError: the file is not readable, a column is missing or ambiguous, or a line has another number of fields.
        """
        expected = f"a CSV of {','.join(self._needed)}"
        try:
            with self.path.open(encoding=text_encoding(self.path), newline="") as file:
                first = next((line for line in file if line.strip()), "")
                file.seek(0)
                reader = csv.reader(
                    file, strict=True, delimiter=find_delimiter(first, self.path.suffix).replace(" ", ",")
                )
                fields = 0
                for row in reader:
                    if not any(map(str.strip, row)):
                        continue
                    if not fields:
                        fields = len(row)
                        if self._has_titles(reader.line_num, row):
                            continue
                    if len(row) != fields:
                        raise self.malformed((reader.line_num, row), f"{fields} fields as in the first line")
                    yield reader.line_num, row
        except csv.Error as error:
            raise UserError(f"{self.path}: found invalid CSV ({error}), expected {expected}. Correct it.") from error
        except UnicodeError as error:
            raise UserError(f"{self.path}: found bytes that are not UTF-8, expected {expected}.") from error
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror}), expected {expected}.") from error

    def cell(self, row: tuple[int, list[str]], column: str) -> str:
        """Return the text of a row in a column, "" if the file does not have the column."""
        index = self.columns.get(column)
        return "" if index is None else row[1][index].strip()

    def malformed(self, row: tuple[int, list[str]], expected: str) -> UserError:
        """Return the error for a row, which is shown approximately as it reads in the file."""
        return malformed(self.path, (row[0], ",".join(row[1])), expected)

    def _has_titles(self, line: int, row: list[str]) -> bool:
        found = find_titles(self.path, line, row, self._titles, "Call the right one {meaning}.")
        if not found and self._untitled and len(row) == len(self._needed):
            return False
        if missing := [name for name in self._needed if name not in found]:
            raise UserError(
                f"{self.path}: its first line has no column {missing[0]} (found: {', '.join(map(str.strip, row))}); expected "
                f"{','.join(self._needed)}. Add the header, or call the column {missing[0]}."
            )
        self.columns = found
        return True
