"""Which images train, which people validate, which pairs are judged."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lfw_jax.data.images import ImageSet
from lfw_jax.data.lists import find_list
from lfw_jax.data.protocols import PairList, check_against, generate_pairs, read_pairs, read_people, split_people
from lfw_jax.errors import UserError

PROTOCOLS = ("view1", "generated")


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """The parts of a data set. No person is in two of `training`, `validation` and `test`.

    Attributes:
      training: the images that train.
      validation: pairs of people held out of training: they choose the best checkpoint.
      development: pairs on which the reported thresholds are chosen.
      test: pairs on which they are scored, and on which nothing is chosen.
      source: all images, from which the pairs are read.
      notes: what was left out and why, for the terminal and the report.
    """

    training: ImageSet
    validation: PairList
    development: PairList
    test: PairList
    source: ImageSet
    notes: tuple[str, ...]


def split(images: ImageSet, config: Mapping[str, Any], lists_beside: Path, *, seed: int) -> Split:
    """Divide a data set by `config.protocol`.

    "view1": LFW's development view. People of `peopleDevTrain.txt` train (where that list is not to be had, everybody
    whom `pairsDevTest.txt` does not name), thresholds are chosen on `pairsDevTrain.txt`, whose people mostly train, and
    scored on `pairsDevTest.txt`.
    "generated": for data without lists. Of the people, the share `config.test_people` is set aside for the test and the
    share `config.validation_people` for validation; pairs are drawn; thresholds are chosen on the validation pairs.

    Args:
      images: everything the source has.
      config: `protocol`, `lists_dir`, `dir`, `validation_people`, `test_people`, `pairs`.
      lists_beside: the folder of the data, where lists are looked for.
      seed: of the drawn people and pairs.

    Raises:
      UserError: an unknown protocol, a list that names missing images, or too few people.
    """
    protocol = config["protocol"]
    if protocol == "generated":
        return _generated(images, config, seed=seed)
    if protocol == "view1":
        return _view1(images, config, lists_beside, seed=seed)
    raise UserError(f"--config.data.protocol is '{protocol}'; the known protocols are {', '.join(PROTOCOLS)}.")


def _held_out(images: ImageSet, share: float, pairs: int, name: str, *, seed: int) -> tuple[list[str], PairList]:
    """The people who stay, and pairs of those who don't."""
    numbers = images.numbers_of_people()
    stay, leave = split_people(numbers, share=share, seed=seed)
    return stay, generate_pairs({person: numbers[person] for person in leave}, pairs=pairs, seed=seed, name=name)


def _view1(images: ImageSet, config: Mapping[str, Any], lists_beside: Path, *, seed: int) -> Split:
    available = images.numbers_of_people()
    lists = {}
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt"):
        lists[name] = read_pairs(find_list(name, lists_beside, config["lists_dir"]))
        check_against(lists[name], available)
    development, test = lists.values()
    notes = []
    people_path = find_list("peopleDevTrain.txt", lists_beside, config["lists_dir"], optional=True)
    if people_path is None:
        wanted = set(images.names)
        notes.append("peopleDevTrain.txt is not at hand: everybody whom pairsDevTest does not name trains.")
    else:
        wanted = set(read_people(people_path))
        if missing := wanted - set(images.names):
            notes.append(f"{len(missing)} people of peopleDevTrain have no image here, the first {min(missing)}.")
    if overlap := wanted & test.people():
        notes.append(f"{len(overlap)} people named in pairsDevTest were kept out of training.")
    training = images.of_people(wanted - test.people())
    stay, validation = _held_out(
        training, config["validation_people"], config["pairs"], "held-out people", seed=seed
    )  # fmt: skip
    notes.append(f"{len(training.names) - len(stay)} people are held out of training for validation.")
    return Split(training.of_people(set(stay)), validation, development, test, images, tuple(notes))


def _generated(images: ImageSet, config: Mapping[str, Any], *, seed: int) -> Split:
    rest, test = _held_out(images, config["test_people"], config["pairs"], "test people", seed=seed)
    others = images.of_people(set(rest))
    stay, validation = _held_out(
        others, config["validation_people"], config["pairs"], "validation people", seed=seed + 1
    )
    notes = (
        f"of {len(images.names)} people {len(images.names) - len(rest)} are set aside for the test and "
        f"{len(rest) - len(stay)} for validation; the threshold is chosen on the validation pairs.",
    )
    return Split(others.of_people(set(stay)), validation, validation, test, images, notes)
