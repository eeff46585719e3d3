"""The record of a run's data: it tells changed data and does not depend on where they lie."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.data_record import DataRecord, changed_parts, changed_sets, record_of
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.splits import Split
from lfw_jax.typed_json import from_json, to_json


def pairs(*names: str, name: str = "pairs") -> PairList:
    return PairList(tuple((n, 1) for n in names), tuple((n, 2) for n in names), np.ones(len(names), bool), name)


def images(*names: str, root: str = "/data", count: int = 2) -> ImageSet:
    labels = np.repeat(np.arange(len(names)), count)
    numbers = np.tile(np.arange(1, count + 1), len(names))
    files = [Path(root) / names[i] / f"{n}.jpg" for i, n in zip(labels.tolist(), numbers.tolist(), strict=True)]
    return ImageSet(names, labels, numbers, files, "files")


def parts(training: ImageSet) -> Split:
    lists = pairs("Val"), pairs("Dev"), pairs("Test")
    return Split(training, *lists, source=training, notes=())


BEFORE = record_of(parts(images("Ann", "Bob")))


def test_the_same_data_elsewhere_are_unchanged_also_after_writing_and_reading():
    read = from_json(DataRecord, json.loads(json.dumps(to_json(BEFORE))), source="data.json", remedy="")
    assert read == BEFORE
    assert not changed_parts(read, record_of(parts(images("Ann", "Bob", root="/elsewhere"))))
    record_of(parts(images("Ann", "B\udcffb")))  # the name of a folder that is not UTF-8


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (images("Bob", "Zed"), ["new 'Zed'", "missing 'Ann'", "training: 4 images of 2 identities;"]),
        (images("Ann", "Bob", "Cid"), ["new 'Cid'", "6 images of 3 identities, it was 4 images of 2 identities"]),
        (images("Bob", "Ann"), ["another order, from 'Bob' on"]),
        (images("Ann", "Bob", count=3), ["another number of images 'Ann', 'Bob'"]),
        (dataclasses.replace(images("Ann", "Bob"), numbers=np.array([1, 2, 1, 3])), ["other images"]),
        (dataclasses.replace(images("Ann", "Bob"), images=[Path("1.jpg")] * 4), ["other images"]),
        (images(*"ABCDE"), ["new 'A', 'B', 'C' and 2 more"]),
    ],
)
def test_changed_training_images_are_described(now: ImageSet, words: list[str]):
    (text,) = changed_parts(BEFORE, record_of(parts(now)))
    assert all(word in text for word in words), text


@pytest.mark.parametrize("part", ["validation", "development", "test"])
def test_a_changed_pair_list_is_described(part: str):
    before = parts(images("Ann", "Bob"))
    longer = dataclasses.replace(before, **{part: pairs("Eve", "Fay")})
    (text,) = changed_parts(record_of(before), record_of(longer))
    assert text.startswith(f"{part}: 2 pairs of 4 images of 2 identities, it was 1 pairs of 2 images of 1 identities; ")
    assert "new 'Eve', 'Fay'" in text


def test_evaluation_sets_may_be_added_and_a_changed_one_is_described():
    def with_sets(*lists: PairList) -> DataRecord:
        sets = [EvaluationSet(item, images("Ann", "Bob"), item.identities()) for item in lists]
        return record_of(parts(images("Ann", "Bob")), sets)

    before = with_sets(pairs("Ann", name="one"))
    now = with_sets(pairs("Bob", name="one"), pairs("Ann", name="two"))
    assert not changed_parts(before, now)
    (text,) = changed_sets(before, now)
    assert text.startswith("one: ")
