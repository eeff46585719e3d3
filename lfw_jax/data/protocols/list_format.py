"""The text of a list of pairs or people: numbered lines, fields, numbers, and the error for a line that is none of these."""

from pathlib import Path

from lfw_jax.errors import UserError

Line = tuple[int, str]
"""The number of a line in its file, from 1, and its text."""

_NUMBER_DIGITS = 9
_SHOWN_CHARACTERS = 80


def read_text(path: Path) -> str:
    """The text of a list, without a byte order mark. Raises UserError for a file that is no readable text, or empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: found bytes that are no UTF-8, expected a list. Correct the path.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}), expected a list. Correct the path.") from error
    if not text.strip():
        raise UserError(f"{path}: found nothing in it, expected a list. Fetch the list again.")
    return text


def read_lines(path: Path) -> list[Line]:
    """The lines that hold something, stripped; at least one. Raises UserError for a file that is no readable text."""
    return [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), start=1) if line.strip()]


def split_fields(line: str, count: int) -> list[str]:
    """Split at tabs, so that names may hold spaces; at any blanks where that does not give `count` fields."""
    by_tab = [field.strip() for field in line.split("\t") if field.strip()]
    return by_tab if len(by_tab) == count else line.split()


def parse_number(text: str) -> int | None:
    """A number from 1, or None for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS):
        return None
    return int(text) or None


def malformed(path: Path, line: Line, expected: str) -> UserError:
    """The error for a line that is not what was expected."""
    number, found = line
    found = found if len(found) <= _SHOWN_CHARACTERS else found[:_SHOWN_CHARACTERS] + "…"
    return UserError(f"{path}, line {number}: found {found!r}, expected {expected}. Correct the line.")


def wrong_count(path: Path, line: Line, found: str, announced: str) -> UserError:
    """The error for a count that the rest of the list does not keep."""
    return UserError(
        f"{path}, line {line[0]}: found {found} after it, but it announces {announced}. Correct the number, or fetch "
        "the list again if it was cut off."
    )
