"""The columns of a CSV file of pairs: recognised by their titles, or named by the user."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lfw_jax.data.formats.text_lists import comparable_title, find_titles
from lfw_jax.errors import UserError

NEEDED = ("path1", "path2", "same")
OPTIONAL = ("person1", "person2", "fold", "split")
NUMBERED = ("person1", "number1", "number2")
"""The columns of pairs that are named by identity and image number, as LFW's are."""

_KEY = "--config.data.pairs_columns"
_SIDES = (("1", "a", "left", "first"), ("2", "b", "right", "second"))
_PATHS = ("path", "image", "img", "file", "filename", "filepath", "imagepath", "imagefile", "imagename", "imgpath", "imgname",
          "photo", "picture")  # fmt: skip
_PEOPLE = ("person", "name", "identity", "id", "subject", "label")
_NUMBERS = ("number", "num", "imagenum", "imagenumber", "imgnum", "imageindex", "index")


def _sided(stems: Iterable[str], side: int, *, alone: bool = False) -> frozenset[str]:
    """Return the titles of one side: path1, patha, leftpath, pathleft and so on, and left and first alone."""
    words = _SIDES[side]
    names = {name for stem in stems for word in words for name in (stem + word, word + stem)}
    return frozenset(names | set(words[2:] if alone else ()))


_TITLES = {
    "path1": _sided(_PATHS, 0, alone=True),
    "path2": _sided(_PATHS, 1, alone=True),
    "person1": _sided(_PEOPLE, 0),
    "person2": _sided(_PEOPLE, 1),
    "number1": _sided(_NUMBERS, 0),
    "number2": _sided(_NUMBERS, 1),
    "same": frozenset(
        {
            "issame",
            "match",
            "ismatch",
            "verdict",
            "label",
            "target",
            "sameperson",
            "sameidentity",
            "issameperson",
            "genuine",
        }
    ),
    "fold": frozenset({"foldid", "foldnumber", "foldindex"}),
    "split": frozenset({"subset", "part"}),
}


def parse_columns(text: str) -> dict[str, str]:
    """Parse `config.data.pairs_columns`.

    Args:
      text: `meaning=title` for each column that is not recognised, such as "path1=Left photo,same=verdict"; empty for none.

    Returns:
      The title of the column of each meaning.

    Raises:
      UserError: an item has another form or meaning, or a meaning is repeated.
    """
    found: dict[str, str] = {}
    for item in text.split(","):
        meaning, equals, title = (part.strip() for part in item.partition("="))
        if not item.strip():
            continue
        if not equals or not title or meaning not in _TITLES or meaning in found:
            raise UserError(
                f"{_KEY}: found {item.strip()!r}, expected meaning=title once for each of {', '.join(_TITLES)}, such as "
                "path1=left,path2=right,same=match."
            )
        found[meaning] = title
    return found


def find_columns(path: Path, titles: Sequence[str], named: Mapping[str, str]) -> dict[str, int]:
    """Find the columns of a file of pairs.

    Files with the columns of `NEEDED` are read by the exact titles of `NEEDED` and `OPTIONAL`; other columns are ignored. In
    other files, titles such as `image_a`, `left path`, `label` and `name, imagenum1, imagenum2` are recognised.

    Args:
      path: the file, for messages.
      titles: its first line.
      named: the titles that the user gave, by meaning.

    Returns:
      The index of each column that the file has.

    Raises:
      UserError: a column is missing or ambiguous.
    """
    given = {meaning: _column(path, titles, meaning, title) for meaning, title in named.items()}
    rest = ["" if index in given.values() else title for index, title in enumerate(titles)]
    lowered = {title.strip().lower() for title in titles}
    if not named and lowered.issuperset(NEEDED):
        meanings: dict[str, frozenset[str]] = {meaning: frozenset() for meaning in (*NEEDED, *OPTIONAL)}
    else:
        meanings = {meaning: names for meaning, names in _TITLES.items() if meaning not in given}
    columns = given | find_titles(path, 1, rest, meanings, f"Name the right one: {_KEY}={{meaning}}=TITLE.")
    if "path1" not in columns and {"number1", "number2"} <= columns.keys():
        free = [index for index in range(len(rest)) if index not in columns.values()]
        people = [index for index in free if comparable_title(rest[index]) in _PEOPLE]
        if "person1" not in columns and len(people) in (1, 2):  # `name` once, or twice in a row
            columns |= dict(zip(("person1", "person2"), people, strict=False))
        needed = NUMBERED
    else:
        needed = NEEDED
    if missing := [name for name in needed if name not in columns]:
        raise UserError(
            f"{path}: its first line has no column {missing[0]} (found: {', '.join(map(str.strip, titles)) or 'nothing'}); "
            f"expected {','.join(NEEDED)} and optionally {', '.join(OPTIONAL)}, or {','.join(NUMBERED)}. Add the header, or name "
            f"the column: {_KEY}={missing[0]}=TITLE."
        )
    return columns


def _column(path: Path, titles: Sequence[str], meaning: str, title: str) -> int:
    found = [index for index, other in enumerate(titles) if other.strip().lower() == title.lower()]
    if len(found) != 1:
        raise UserError(
            f"{_KEY}: found {len(found)} columns {title!r} for {meaning} in {path}, expected one of: "
            f"{', '.join(map(str.strip, titles))}."
        )
    return found[0]
