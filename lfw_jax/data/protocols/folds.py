"""LFW's two views: the training identities, the development pairs and the test pairs of each."""

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
    """The lists of a view.

    Attributes:
      identities: the identities listed for training. Those named in `test` must still be excluded.
      development: pairs for choosing thresholds; `test` itself for cross-validation over its folds.
      test: pairs for evaluation at these thresholds.
      notes: remarks on missing lists and images.
    """

    identities: frozenset[str]
    development: PairList
    test: PairList
    notes: tuple[str, ...]


def view1_lists(images: ImageSet, config: Mapping[str, Any], data_dir: Path) -> Lists:
    """Read LFW's View 1, for model selection.

    Its lists are `pairsDevTrain.txt`, `pairsDevTest.txt` and, if available, `peopleDevTrain.txt`.

    Args:
      images: the data set.
      config: the `data` part of the configuration; `lists_dir` is used.
      data_dir: the folder of the data, which may hold the lists.

    Returns:
      The lists of the view.

    Raises:
      UserError: a list is not available, or names images that are missing.
    """
    development, test = (
        _checked_pairs(name, images, config, data_dir) for name in ("pairsDevTrain.txt", "pairsDevTest.txt")
    )
    path = find_list("peopleDevTrain.txt", data_dir, config["lists_dir"], optional=True)
    if path is None:
        note = (
            f"peopleDevTrain.txt is not available: all identities that {test.name} does not name are used for training."
        )
        return Lists(frozenset(images.names), development, test, (note,))
    people, notes = _present(frozenset(read_people(path)), images, "peopleDevTrain")
    return Lists(people, development, test, notes)


def view2_lists(images: ImageSet, config: Mapping[str, Any], data_dir: Path) -> Lists:
    """Read LFW's View 2, for reporting: one fold of `pairs.txt`, or all of them.

    The training identities are taken from `people.txt`, if available.

    Args:
      images: the data set.
      config: the `data` part of the configuration; `lists_dir` and `fold` (from 1; 0 for all folds) are used.
      data_dir: the folder of the data, which may hold the lists.

    Returns:
      The lists of the view.

    Raises:
      UserError: a list is not available, names images that are missing, or lacks folds or the given fold.
    """
    pairs, folds = _checked_folds(images, config, data_dir)
    fold = config["fold"]
    if not 0 <= fold <= folds:
        raise UserError(
            f"--config.data.fold is {fold}; expected 1 to {folds} to evaluate on that fold of pairs.txt with a model trained on "
            "the identities of the other folds, or 0 to evaluate on all folds with a model trained on other identities."
        )
    if fold == 0:
        note = f"the model is evaluated on all {folds} folds of pairs.txt, and none of their identities are used for training."
        return Lists(frozenset(images.names), pairs, pairs, (note,))
    in_fold = pairs.folds == fold - 1
    test = pairs.where(in_fold, f"pairs fold {fold}")
    test = dataclasses.replace(test, folds=None)
    development = pairs.where(~in_fold, f"the {folds - 1} other folds of pairs")
    path = find_list("people.txt", data_dir, config["lists_dir"], optional=True)
    if path is None:
        note = f"people.txt is not available: all identities that {test.name} does not name are used for training."
        return Lists(frozenset(images.names), development, test, (note,))
    people_folds = enumerate(_checked_people(path, folds), 1)
    people = frozenset(name for number, names in people_folds if number != fold for name in names)
    present, notes = _present(people, images, "people.txt")
    return Lists(present, development, test, notes)


def count_folds(images: ImageSet, config: Mapping[str, Any], data_dir: Path) -> int:
    """Return the number of folds of View 2, after a check of both of its lists for a model per fold.

    Args:
      images: the data set.
      config: the `data` part of the configuration; `lists_dir` is used.
      data_dir: the folder of the data, which may hold the lists.

    Raises:
      UserError: `pairs.txt` or `people.txt` is not available, names images that are missing, or has too few or other folds.
    """
    folds = _checked_folds(images, config, data_dir)[1]
    if folds < 2:
        raise UserError(f"pairs.txt: found {folds} fold, expected two or more. Use LFW's list, which has 10.")
    path = find_list("people.txt", data_dir, config["lists_dir"], optional=True)
    if path is None:
        raise UserError(
            f"people.txt: found neither in --config.data.lists_dir nor in {data_dir}; View 2 trains on the identities of its "
            "other folds. Put LFW's people.txt beside pairs.txt."
        )
    _checked_people(path, folds)
    return folds


def _checked_people(path: Path, folds: int) -> list[dict[str, int]]:
    """Return the number of images by identity, for each fold of `people.txt`."""
    people = read_people_folds(path)
    if len(people) != folds:
        raise UserError(
            f"{path}: found {len(people)} folds, expected {folds} as in pairs.txt. Use lists that belong together."
        )
    return people


def _checked_folds(images: ImageSet, config: Mapping[str, Any], data_dir: Path) -> tuple[PairList, int]:
    """Return the pairs of `pairs.txt` and the number of its folds."""
    pairs = _checked_pairs("pairs.txt", images, config, data_dir)
    if pairs.folds is None:
        raise UserError(
            "pairs.txt: found a list without folds, expected folds (a first line `F N`, in LFW's own list `10 300`). Use LFW's "
            "list, or --config.data.protocol=view1."
        )
    return pairs, int(pairs.folds.max()) + 1


def _checked_pairs(name: str, images: ImageSet, config: Mapping[str, Any], data_dir: Path) -> PairList:
    pairs = read_pairs(find_list(name, data_dir, config["lists_dir"]))
    check_against(pairs, images.numbers_by_identity())
    return pairs


def _present(listed: frozenset[str], images: ImageSet, where: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the listed identities that have an image, and a note on those that have none."""
    missing = listed - set(images.names)
    note = (
        (f"{len(missing)} identities of {where} have no image in the data, the first {min(missing)}.",)
        if missing
        else ()
    )
    return listed - missing, note
