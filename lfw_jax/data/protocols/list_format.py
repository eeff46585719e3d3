"""Parsing of text lists: numbered lines, fields and numbers, and the errors for malformed lines."""

from pathlib import Path

from lfw_jax.data.formats.text_lists import text_encoding
from lfw_jax.errors import UserError

Line = tuple[int, str]
"""The number of a line in its file, from 1, and its text."""

_NUMBER_DIGITS = 9
_VERDICTS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "same"), True),
    **dict.fromkeys(("0", "0.0", "-1", "-1.0", "false", "no", "different"), False),
}
_SHOWN_CHARACTERS = 80


def read_text(path: Path) -> str:
    """Read the text of a list, without its byte order mark.

    Raises:
      UserError: the file is not readable, not UTF-8 (or UTF-16 with a byte order mark), or empty.
    """
    try:
        text = path.read_text(encoding=text_encoding(path))
    except UnicodeError as error:
        raise UserError(f"{path}: found bytes that are not UTF-8, expected a list. Correct the path.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}), expected a list. Correct the path.") from error
    if not text.strip():
        raise UserError(f"{path}: found an empty file, expected a list. Fetch the list again.")
    return text


def read_lines(path: Path) -> list[Line]:
    """Read the lines of a list that are not blank, stripped; there is at least one.

    Raises:
      UserError: the file is not readable, not UTF-8, or empty.
    """
    return [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), start=1) if line.strip()]


def split_fields(line: str, count: int) -> list[str]:
    """Split at tabs if they give `count` fields, so that names may contain spaces, or else at blanks."""
    by_tab = [field.strip() for field in line.split("\t") if field.strip()]
    return by_tab if len(by_tab) == count else line.split()


def parse_number(text: str) -> int | None:
    """Return a number from 1, or None if the text is anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS):
        return None
    return int(text) or None


def parse_verdict(text: str) -> bool | None:
    """Return True for one identity, False for two, or None if the text is no verdict.

    Args:
      text: 1, 1.0, true, yes or same; 0, 0.0, -1, -1.0, false, no or different, in any case.
    """
    return _VERDICTS.get(text.strip().lower())


def malformed(path: Path, line: Line, expected: str) -> UserError:
    """Return the error for a line that does not have the expected format."""
    number, found = line
    found = found if len(found) <= _SHOWN_CHARACTERS else found[:_SHOWN_CHARACTERS] + "…"
    return UserError(f"{path}, line {number}: found {found!r}, expected {expected}. Correct the line.")


def wrong_count(path: Path, line: Line, found: str, announced: str) -> UserError:
    """Return the error for a count that differs from the lines after it."""
    return UserError(
        f"{path}, line {line[0]}: found {found} after it, expected {announced} as it announces. Correct the number, or "
        "fetch the list again if it is truncated."
    )
