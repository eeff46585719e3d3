"""Which images train, which people validate, which pairs are judged."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from lfw_jax.data.duplicates.leakage import SharedPicture, kept_out_note, people_in_both, without
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet, read_evaluation_set
from lfw_jax.data.protocols.folds import Lists, view1_lists, view2_lists
from lfw_jax.data.protocols.lfw_lists import generate_pairs, split_people
from lfw_jax.errors import UserError

PROTOCOLS = ("view1", "view2", "pairs", "generated")

KeepOut = Mapping[str, Collection[str]]
"""People who must not train, by the name of the list that names them."""


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """The parts of a data set. No person is in two of `training`, `validation` and `test`.

    Attributes:
      training: the images that train.
      validation: pairs of people held out of training: they choose the best checkpoint.
      development: pairs on which the reported thresholds are chosen; `test` itself where that has folds, each of which is
        judged by the thresholds of the others.
      test: pairs on which they are scored, and on which nothing else is chosen.
      source: all images, from which the pairs are read unless they bring their own.
      notes: what was left out and why, for the terminal and the report.
      brought: the images of lists that are not over `source`.
      aligned: those of these lists whose images are aligned faces without anything around them.
      kept_out: who does not train because a list names them, perhaps in another spelling: the person → the list.
    """

    training: ImageSet
    validation: PairList
    development: PairList
    test: PairList
    source: ImageSet
    notes: tuple[str, ...]
    brought: Mapping[PairList, ImageSet] = dataclasses.field(default_factory=dict)
    aligned: frozenset[PairList] = frozenset()
    kept_out: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def by_folds(self) -> bool:
        """Whether each fold of the test pairs is judged by the thresholds of the others."""
        return self.development is self.test

    def images_of(self, pairs: PairList) -> ImageSet:
        """The set that has the images of one of the lists."""
        return self.brought.get(pairs, self.source)

    def with_brought(self, change: Callable[[ImageSet], ImageSet]) -> "Split":
        """The same with other images for the lists that bring their own and are not aligned."""
        before = {id(images): images for pairs, images in self.brought.items() if pairs not in self.aligned}
        after = {key: change(images) for key, images in before.items()}
        return dataclasses.replace(
            self, brought={pairs: after.get(id(images), images) for pairs, images in self.brought.items()}
        )

    def without(self, shared: Collection[SharedPicture]) -> "Split":
        """The same with those training images left out that are near duplicates of judged ones, counted in a note."""
        training = without(self.training, shared)
        gone = len(self.training.names) - len(training.names)
        people = f", and with them {gone} people who have no other" if gone else ""
        left_out = len(self.training) - len(training)
        images = (
            "1 training image is a near duplicate of a judged one and"
            if left_out == 1
            else (f"{left_out} training images are near duplicates of judged ones and")
        )
        note = f"{images} left out{people}."
        return dataclasses.replace(self, training=training, notes=(*self.notes, note))


def split(
    images: ImageSet, config: Mapping[str, Any], lists_beside: Path, *, seed: int, keep_out: KeepOut | None = None
) -> Split:
    """Divide a data set by `config.protocol`.

    "view1": LFW's development view. People of `peopleDevTrain.txt` train (where that list is not to be had, everybody
    whom `pairsDevTest.txt` does not name), thresholds are chosen on `pairsDevTrain.txt`, whose people mostly train, and
    scored on `pairsDevTest.txt`.
    "view2": LFW's reporting view. With `config.fold` k from 1 the people of the other folds of `people.txt` train (without
    that list everybody whom the fold's pairs do not name), thresholds are chosen on the other folds of `pairs.txt` and
    scored on fold k. With fold 0 nobody named in `pairs.txt` trains, and all folds are judged, each by the others' thresholds.
    "pairs": judged on `config.pairs_file` (see `read_evaluation_set`), of which nobody trains. Thresholds are chosen on the
    pairs that it marks as development; else by its folds; else on the validation pairs.
    "generated": for data without lists. Of the people, the share `config.test_people` is set aside for the test and the
    share `config.validation_people` for validation; pairs are drawn; thresholds are chosen on the validation pairs.

    Args:
      images: everything the source has.
      config: `protocol`, `fold`, `pairs_file`, `lists_dir`, `dir`, `validation_people`, `test_people`, `pairs`.
      lists_beside: the folder of the data, where lists are looked for.
      seed: of the drawn people and pairs.
      keep_out: people who must neither train nor validate, by the list that names them.

    Raises:
      UserError: an unknown protocol, a list that names missing images, or too few people.
    """
    protocol = _known_protocol(config)
    if protocol == "generated":
        return _generated(images, config, keep_out or {}, seed=seed)
    if protocol == "pairs":
        return _pairs(images, config, lists_beside, keep_out or {}, seed=seed)
    return _of_lists(images, config, _lists(images, config, lists_beside), keep_out or {}, seed=seed)


def judged_pairs(
    images: ImageSet, config: Mapping[str, Any], lists_beside: Path, *, seed: int
) -> tuple[PairList, ImageSet, bool]:
    """The pairs that `split` would test on, where nobody need be left to train.

    Takes and raises what `split` does.

    Returns:
      The pairs, the set that has their images, and whether these are aligned faces of another's making.
    """
    protocol = _known_protocol(config)
    if protocol == "generated":
        return _set_aside(images, config, seed=seed)[1], images, False
    if protocol == "pairs":
        judged = _judged_set(config, lists_beside)
        return judged.pairs, judged.images, judged.aligned
    return _lists(images, config, lists_beside).test, images, False


def _known_protocol(config: Mapping[str, Any]) -> str:
    if config["protocol"] not in PROTOCOLS:
        raise UserError(
            f"--config.data.protocol is '{config['protocol']}'; the known protocols are {', '.join(PROTOCOLS)}."
        )
    return config["protocol"]


def _lists(images: ImageSet, config: Mapping[str, Any], lists_beside: Path) -> Lists:
    return (view1_lists if config["protocol"] == "view1" else view2_lists)(images, config, lists_beside)


def _set_aside(images: ImageSet, config: Mapping[str, Any], *, seed: int) -> tuple[list[str], PairList]:
    return _held_out(images, config["test_people"], config["pairs"], "test people", seed=seed)


def _judged_set(config: Mapping[str, Any], data_dir: Path) -> EvaluationSet:
    if not config["pairs_file"]:
        raise UserError(
            "--config.data.pairs_file is empty; the protocol 'pairs' needs a list, such as a .csv with the columns "
            "path1,path2,same or a .bin file."
        )
    try:
        return read_evaluation_set(config["pairs_file"], data_dir)
    except UserError as error:
        raise UserError(f"--config.data.pairs_file: {error}") from error


def _held_out(images: ImageSet, share: float, pairs: int, name: str, *, seed: int) -> tuple[list[str], PairList]:
    """The people who stay, and pairs of those who don't. Whoever is spelt otherwise in both, neither stays nor is in a pair."""
    numbers = images.numbers_of_people()
    stay, leave = split_people(numbers, share=share, seed=seed)
    both = people_in_both(stay, leave)
    return [name for name in stay if name not in both], generate_pairs(
        {person: numbers[person] for person in leave}, pairs=pairs, seed=seed, name=name
    )


def _trainable(wanted: Collection[str], judged: KeepOut) -> tuple[set[str], dict[str, str], list[str]]:
    """Those of some people whom no list names; the others, each with the list; and a note for each list that names some."""
    remaining, kept_out, notes = set(wanted), {}, []
    for where, people in judged.items():
        if removed := people_in_both(remaining, people):
            notes.append(kept_out_note(removed, where))
            remaining -= removed.keys()
            kept_out |= dict.fromkeys(removed, where)
    if not remaining:
        raise UserError(
            f"--config.data.protocol: every person of the data is named in {', '.join(judged)}, so nobody is left to train on. "
            "Train on other people, or judge on other pairs."
        )
    return remaining, kept_out, notes


def _of_lists(images: ImageSet, config: Mapping[str, Any], lists: Lists, keep_out: KeepOut, *, seed: int) -> Split:
    people, kept_out, notes = _trainable(lists.people, {lists.test.name: lists.test.people(), **keep_out})
    training = images.of_people(people)
    stay, validation = _held_out(
        training, config["validation_people"], config["pairs"], "held-out people", seed=seed
    )  # fmt: skip
    notes = [*lists.notes, *notes, f"{len(training.names) - len(stay)} people are held out of training for validation."]
    return Split(
        training.of_people(set(stay)),
        validation,
        lists.development,
        lists.test,
        images,
        tuple(notes),
        kept_out=kept_out,
    )


def _pairs(images: ImageSet, config: Mapping[str, Any], data_dir: Path, keep_out: KeepOut, *, seed: int) -> Split:
    judged = _judged_set(config, data_dir)
    people, kept_out, notes = _trainable(images.names, {judged.name: judged.people, **keep_out})
    training = images.of_people(people)
    stay, validation = _held_out(
        training, config["validation_people"], config["pairs"], "held-out people", seed=seed
    )  # fmt: skip
    brought, test = {judged.pairs: judged.images}, judged.pairs
    if judged.development is not None:
        development = judged.development
        brought[development] = judged.images
    else:
        development = test if test.folds is not None else validation
    held_out = len(training.names) - len(stay)
    notes = [*judged.notes, *notes, f"{held_out} people are held out of training for validation."]
    aligned = frozenset(brought if judged.aligned else ())
    trained = training.of_people(set(stay))
    return Split(trained, validation, development, test, images, tuple(notes), brought, aligned, kept_out)


def _generated(images: ImageSet, config: Mapping[str, Any], keep_out: KeepOut, *, seed: int) -> Split:
    rest, test = _set_aside(images, config, seed=seed)
    people, kept_out, removed = _trainable(rest, keep_out)
    others = images.of_people(people)
    stay, validation = _held_out(
        others, config["validation_people"], config["pairs"], "validation people", seed=seed + 1
    )
    note = (
        f"of {len(images.names)} people {len(images.names) - len(rest)} are set aside for the test and "
        f"{len(others.names) - len(stay)} for validation; the threshold is chosen on the validation pairs."
    )
    trained = others.of_people(set(stay))
    return Split(trained, validation, validation, test, images, (note, *removed), kept_out=kept_out)


def judged_lists(parts: Split, sets: Collection[EvaluationSet], crop: float) -> list[tuple[PairList, ImageSet, float]]:
    """Every list on which something is reported, with its images and the share of their sides that holds the face.

    Args:
      parts: the split, whose test list is the first.
      sets: further ones.
      crop: that share of images that are not aligned faces of another's making.
    """
    test = (parts.test, parts.images_of(parts.test), 1.0 if parts.test in parts.aligned else crop)
    return [test, *((item.pairs, item.images, 1.0 if item.aligned else crop) for item in sets)]
