"""Text for the terminal: names of files and identities may hold anything."""

import shutil
import sys
import textwrap
import unicodedata
from typing import Any, TextIO

WIDTH = 80
"""The greatest width of text on the terminal, in letters."""


def print_lines(*lines: str, file: TextIO | None = None) -> None:
    """Print lines of text, each on one line of the terminal whatever the names in it contain.

    Args:
      *lines: the lines; see `printable`.
      file: the stream; standard output by default.
    """
    print(*map(printable, lines), sep="\n", file=file)


def print_notes(*notes: str, file: TextIO | None = None) -> None:
    """Print notes, each wrapped between words on a terminal and on one line in a file or a pipe.

    Args:
      *notes: the notes; see `printable`.
      file: the stream; standard output by default.
    """
    stream: TextIO = file or sys.stdout
    if not stream.isatty():
        print_lines(*notes, file=stream)
        return
    width = min(WIDTH, shutil.get_terminal_size().columns)
    for note in notes:
        print(textwrap.fill(printable(note), width, break_on_hyphens=False, break_long_words=False), file=stream)


def printable(value: Any) -> Any:
    """Return the value with text that every terminal and file accepts.

    File names may contain line breaks, terminal commands, or bytes that are not text; these are replaced by escape
    sequences.

    Args:
      value: A string, a number, or a nested dict, list or tuple of these.

    Returns:
      The value; tuples become lists.
    """
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    if not isinstance(value, str):
        return value
    return "".join(
        letter.encode("unicode_escape").decode("ascii")
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        else letter
        for letter in value
    )
