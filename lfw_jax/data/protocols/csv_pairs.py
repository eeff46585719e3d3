"""A user's own pairs from a CSV file, of paths or of identities and image numbers."""

import numpy as np

from lfw_jax.data.pair_list import Key, PairList
from lfw_jax.data.protocols.list_format import parse_number
from lfw_jax.data.protocols.pair_table import PairTable, Row
from lfw_jax.data.protocols.path_pairs import PathPairs


def path_pairs(table: PairTable) -> PathPairs:
    """Return the pairs of a table with the columns `path1`, `path2` and `same`.

    `same` is 1 or 0; also 1.0/0.0, true/false, yes/no, same/different, -1. Optional columns are `person1` and `person2`, the
    identities on the images; `fold`, an integer; and `split`, "development" or "test".

    Args:
      table: the table.

    Returns:
      The pairs, named after the file.

    Raises:
      UserError: a line is malformed; the message has its number.
    """
    named = {"person1", "person2"} <= table.columns.keys()
    same: list[bool] = []
    identities: dict[str, str] = {}
    for row in table.rows:
        same.append(_same(table, row))
        if named:
            _add_identities(table, row, same[-1], identities)
    return PathPairs(
        name=table.path.stem,
        first=[table.cell(row, "path1") for row in table.rows],
        second=[table.cell(row, "path2") for row in table.rows],
        same=np.array(same, bool),
        folds=table.folds(),
        development=table.development(),
        identities=identities,
    )


def numbered_pairs(table: PairTable) -> PairList:
    """Return the pairs of a table that names images by identity and number.

    Its columns are `person1`, `number1`, `person2`, `number2` and perhaps `same`; or `person1`, `number1`, `number2` for pairs of
    one identity, after which an untitled column may hold the second number of pairs whose third field is another identity.

    Args:
      table: the table.

    Returns:
      The pairs, named after the file.

    Raises:
      UserError: a line is malformed; the message has its number.
    """
    pairs = [_numbered_pair(table, row) for row in table.rows]
    same = np.array([name == other for (name, _), (other, _) in pairs])
    first, second = zip(*pairs, strict=True)
    return PairList(first, second, same, table.path.stem, table.folds())


def _numbered_pair(table: PairTable, row: Row) -> tuple[Key, Key]:
    name, other = table.cell(row, "person1"), table.cell(row, "person1")
    number, other_number = table.cell(row, "number1"), table.cell(row, "number2")
    after = table.columns["number2"] + 1
    if "person2" in table.columns:
        other = table.cell(row, "person2")
    elif after < len(row[1]) and after not in table.columns.values() and row[1][after].strip():
        other, other_number = other_number, row[1][after].strip()
    i, j = parse_number(number), parse_number(other_number)
    if not name or not other or i is None or j is None or (name, i) == (other, j):
        raise table.malformed(row, "two different images, each by identity and number from 1")
    if "same" in table.columns and table.verdict(row) != (name == other):
        raise table.malformed(row, "one identity where same is 1, and two where it is 0")
    return (name, i), (other, j)


def _same(table: PairTable, row: Row) -> bool:
    """Return the label of a pair, after checking its paths."""
    one, other, verdict = table.cell(row, "path1"), table.cell(row, "path2"), table.verdict(row)
    if not one or not other or one == other or verdict is None:
        raise table.malformed(row, "two different paths, and 1 or 0 for same")
    return verdict


def _add_identities(table: PairTable, row: Row, same: bool, identities: dict[str, str]) -> None:
    """Add the identities of a row to `identities`, which they must not contradict."""
    first, second = (
        (table.cell(row, image), table.cell(row, person))
        for image, person in (("path1", "person1"), ("path2", "person2"))
    )
    for image, identity in (first, second):
        if not identity or identities.setdefault(image, identity) != identity:
            raise table.malformed(row, f"one identity for {image}, the same in every line")
    if (first[1] == second[1]) != same:
        raise table.malformed(row, "one identity where same is 1, and two where it is 0")
