"""The lines of LFW's pair lists, and of lists in their form that others made."""

from pathlib import Path

from lfw_jax.data.pair_list import Key
from lfw_jax.data.protocols.list_format import Line, malformed, parse_number, read_lines


def is_lfw_list(path: Path) -> bool:
    """Return True if a list is in LFW's own format.

    Its first line is one or two numbers; or it is a pair, and the list has pairs of four fields, as no list of paths has.
    """
    lines = read_lines(path)
    return announced_counts(lines[0][1]) is not None or lacks_first_line(lines)


def announced_counts(line: str) -> list[int] | None:
    """Return the one or two numbers of a first line, or None if it is something else.

    Args:
      line: its text.
    """
    counts = [parse_number(field) for field in line.split()]
    found = [count for count in counts if count is not None]
    return found if len(found) == len(counts) in (1, 2) else None


def lacks_first_line(lines: list[Line]) -> bool:
    """Return True if the first line is a pair.

    Some line must be a pair of two identities, which has four fields: a line of three could also be two paths and a verdict.

    Args:
      lines: all lines of the list.
    """
    return parse_pair(lines[0][1]) is not None and any(
        len(_pair_fields(line)) == 4 and parse_pair(line) is not None for _, line in lines
    )


def _pair_fields(line: str) -> list[str]:
    """Split at tabs if they give the fields of a pair, so that names may contain spaces, or else at blanks."""
    by_tab = [field.strip() for field in line.split("\t") if field.strip()]
    return by_tab if len(by_tab) in (3, 4) else line.split()


def parse_pair(line: str) -> tuple[Key, Key, bool] | None:
    """Return both images of a pair, and whether it shows one identity; None if the line is no pair.

    Args:
      line: its text.
    """
    fields = _pair_fields(line)
    if len(fields) not in (3, 4):
        return None
    same = len(fields) == 3
    name, other = fields[0], fields[0 if same else 2]
    i, j = parse_number(fields[1]), parse_number(fields[-1])
    if i is None or j is None or (same and i == j) or (not same and name == other):
        return None
    return (name, i), (other, j), same


def read_pair(path: Path, line: Line) -> tuple[Key, Key, bool]:
    """Return both images of a pair, and whether it shows one identity.

    Args:
      path: the list, for messages.
      line: the line.

    Raises:
      UserError: the line is no pair.
    """
    pair = parse_pair(line[1])
    if pair is None:
        expected = "`name i j`, two images of one identity, or `name1 i name2 j`, two different identities"
        raise malformed(path, line, f"{expected}, separated by tabs, with image numbers from 1")
    return pair
