"""LFW's two views: which people may train, on which pairs thresholds are chosen, which pairs are judged."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.lfw_lists import check_against, read_pairs, read_people, read_people_folds
from lfw_jax.data.protocols.list_sources import find_list
from lfw_jax.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Lists:
    """What a view says of a data set.

    Attributes:
      people: those who may train; some of them may be named in `test`, and must not.
      development: pairs on which thresholds are chosen; `test` itself where its folds choose for one another.
      test: pairs on which they are scored.
      notes: what is missing, in words.
    """

    people: frozenset[str]
    development: PairList
    test: PairList
    notes: tuple[str, ...]


def view1_lists(images: ImageSet, config: Mapping[str, Any], lists_beside: Path) -> Lists:
    """LFW's View 1, for choosing models: `pairsDevTrain.txt`, `pairsDevTest.txt` and, where it is at hand, `peopleDevTrain.txt`.

    Raises:
      UserError: a list that is not to be had or names images that are not there.
    """
    development, test = (
        _checked_pairs(name, images, config, lists_beside) for name in ("pairsDevTrain.txt", "pairsDevTest.txt")
    )
    path = find_list("peopleDevTrain.txt", lists_beside, config["lists_dir"], optional=True)
    if path is None:
        note = f"peopleDevTrain.txt is not at hand: everybody whom {test.name} does not name trains."
        return Lists(frozenset(images.names), development, test, (note,))
    people, notes = _present(frozenset(read_people(path)), images, "peopleDevTrain")
    return Lists(people, development, test, notes)


def view2_lists(images: ImageSet, config: Mapping[str, Any], lists_beside: Path) -> Lists:
    """LFW's View 2, for reporting: one fold of `pairs.txt`, or all of them with `config.fold` 0; people from `people.txt`.

    Raises:
      UserError: a list that is not to be had, has no folds or not that fold, or names images that are not there.
    """
    pairs, fold = _checked_pairs("pairs.txt", images, config, lists_beside), config["fold"]
    if pairs.folds is None:
        raise UserError(
            "pairs.txt: found a list in one piece, expected folds (a first line `F N`, in LFW's own list `10 300`). Use LFW's "
            "list, or --config.data.protocol=view1."
        )
    folds = int(pairs.folds.max()) + 1
    if not 0 <= fold <= folds:
        raise UserError(
            f"--config.data.fold is {fold}; expected 1 to {folds} to judge that fold of pairs.txt with a model of the other "
            "folds' people, or 0 to judge all folds with a model of people who are in none."
        )
    if fold == 0:
        note = f"all {folds} folds of pairs.txt are judged, and nobody whom it names trains."
        return Lists(frozenset(images.names), pairs, pairs, (note,))
    in_fold = pairs.folds == fold - 1
    test = pairs.where(in_fold, f"pairs fold {fold}")
    test = dataclasses.replace(test, folds=None)
    development = pairs.where(~in_fold, f"the {folds - 1} other folds of pairs")
    path = find_list("people.txt", lists_beside, config["lists_dir"], optional=True)
    if path is None:
        note = f"people.txt is not at hand: everybody whom {test.name} does not name trains."
        return Lists(frozenset(images.names), development, test, (note,))
    people_folds = read_people_folds(path)
    if len(people_folds) != folds:
        raise UserError(
            f"{path}: found {len(people_folds)} folds, expected {folds} as in pairs.txt. Use lists that belong together."
        )
    people = frozenset(name for number, names in enumerate(people_folds, 1) if number != fold for name in names)
    present, notes = _present(people, images, "people.txt")
    return Lists(present, development, test, notes)


def _checked_pairs(name: str, images: ImageSet, config: Mapping[str, Any], lists_beside: Path) -> PairList:
    pairs = read_pairs(find_list(name, lists_beside, config["lists_dir"]))
    check_against(pairs, images.numbers_of_people())
    return pairs


def _present(listed: frozenset[str], images: ImageSet, where: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The listed people who have an image, and a note on those who have none."""
    missing = listed - set(images.names)
    note = (f"{len(missing)} people of {where} have no image here, the first {min(missing)}.",) if missing else ()
    return listed - missing, note
