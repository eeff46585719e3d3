"""Text lists of other programs: their encoding, their delimiter and the titles of their columns."""

import codecs
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lfw_jax.errors import UserError

_IGNORED = re.compile(r"[\s_.-]+")
_EXTENSION = re.compile(r".*[^/\\.]\.[A-Za-z][A-Za-z0-9]{1,4}")


def text_encoding(path: Path) -> str:
    """Return the encoding of a text file: UTF-16 if its byte order mark says so, or else UTF-8.

    Raises:
      OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def find_delimiter(line: str, suffix: str) -> str:
    """Return the delimiter of a list: comma, semicolon or tab, or a blank if there is none of them.

    Args:
      line: the first line.
      suffix: the extension of the file. In a .lst or .tsv a tab separates fields even if they contain commas.
    """
    if "\t" in line and ("," not in line or suffix.lower() in (".lst", ".tsv")):
        return "\t"
    return next((character for character in ",;" if character in line), " ")


def comparable_title(title: str) -> str:
    """Return the title of a column without case, blanks, "_", "-" and ".".

    Example:
      >>> comparable_title("File_Name ")
      'filename'
    """
    return _IGNORED.sub("", title.lower())


def names_a_file(text: str) -> bool:
    """Return True if a text ends as a file name does, in an extension."""
    return _EXTENSION.fullmatch(text.strip()) is not None


def local_path(folder: Path, path: str) -> str:
    """Return a path with "/" for backslashes, unless there is a file with backslashes in its name.

    Args:
      folder: the folder that the path may be relative to.
      path: the path in the list.
    """
    if "\\" not in path or os.path.isfile(folder / path):
        return path
    return path.replace("\\", "/")


def find_titles(
    path: Path, line: int, titles: Sequence[str], meanings: Mapping[str, frozenset[str]], advice: str
) -> dict[str, int]:
    """Find the column of each meaning by its title.

    A title that equals a meaning counts before those that resemble it.

    Args:
      path: the file, for messages.
      line: the number of the line with the titles, for messages.
      titles: the titles of the columns.
      meanings: by meaning, the titles that have it, as by `comparable_title`.
      advice: what to do if two columns have one meaning, for the message; it contains "{meaning}".

    Returns:
      The index of the column of each meaning that the titles have.

    Raises:
      UserError: two columns have the same meaning.
    """
    found: dict[str, int] = {}
    for meaning, names in meanings.items():
        exact = [index for index, title in enumerate(titles) if title.strip().lower() == meaning]
        columns = exact or [index for index, title in enumerate(titles) if comparable_title(title) in names]
        if len(columns) > 1:
            first, second = (titles[index].strip() for index in columns[:2])
            raise UserError(
                f"{path}, line {line}: found the columns {first!r} and {second!r}, which could both be the {meaning}. "
                f"{advice.format(meaning=meaning)}"
            )
        if columns:
            found[meaning] = columns[0]
    return found
