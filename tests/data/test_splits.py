"""Splits: nobody is in two parts, and what is left out is said."""

from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.duplicates.leakage import comparable_name
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.splits import Split, judged_pairs, split
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError

CONFIG = dict(protocol="view1", lists_dir="", validation_people=0.3, test_people=0.3, pairs=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("drawn") / "faces", people=24, images_per_person=4, side=24, seed=0)


@pytest.fixture(scope="module")
def images(folder: Path) -> ImageSet:
    return read_folder(folder)


def strangers(parts: Split) -> bool:
    groups = [set(parts.training.names), parts.validation.people(), parts.test.people()]
    return not any(one & other for i, one in enumerate(groups) for other in groups[:i])


@pytest.mark.parametrize("protocol", ["view1", "generated"])
def test_nobody_is_in_two_parts(images: ImageSet, folder: Path, protocol: str):
    parts = split(images, CONFIG | dict(protocol=protocol), folder, seed=0)
    assert strangers(parts)
    assert len(parts.training)
    assert len(parts.test)
    assert parts.validation.same.any()
    assert not parts.validation.same.all()


def test_people_of_the_test_list_never_train_even_if_listed_for_training(
    images: ImageSet, folder: Path, tmp_path: Path
):
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt"):
        (tmp_path / name).write_text((folder / name).read_text())
    everybody = "".join(f"{name}\t4\n" for name in images.names)
    (tmp_path / "peopleDevTrain.txt").write_text(f"{len(images.names)}\n{everybody}")
    parts = split(images, CONFIG | dict(lists_dir=str(tmp_path)), folder, seed=0)
    assert strangers(parts)
    assert any("named in pairsDevTest were excluded from training" in note for note in parts.notes)


def test_the_seed_chooses_who_is_held_out(images: ImageSet, folder: Path):
    one, same, other = (split(images, CONFIG, folder, seed=seed) for seed in (0, 0, 1))
    assert one.training.names == same.training.names
    assert one.training.names != other.training.names
    np.testing.assert_array_equal(one.test.same, other.test.same)


def test_real_view_1_has_the_published_numbers(lfw_dir: Path):
    images = read_folder(lfw_dir)
    assert (len(images), len(images.names)) == (13_233, 5_749)
    assert not images.skipped
    parts = split(images, CONFIG | dict(validation_people=0.02, pairs=600), lfw_dir, seed=0)
    assert strangers(parts)
    assert (len(parts.development), len(parts.test)) == (2200, 1000)
    assert parts.test.same.sum() == 500
    # 4,038 people are listed for training.
    assert len(parts.training.names) + len(parts.validation.people()) <= 4038


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(protocol="view3"), "view1, view2, pairs, generated"),
        (dict(lists_dir="/nowhere"), "/nowhere"),
    ],
)
def test_what_cannot_be_split_is_told(images: ImageSet, folder: Path, change: dict, words: str):
    with pytest.raises(UserError, match=words):
        split(images, CONFIG | change, folder, seed=0)


def test_one_person_in_two_spellings_is_never_on_both_sides():
    names = [f"{first} Lee{number:02d}" for number in range(30) for first in ("Ann",)]
    names += [name.replace(" ", "_").lower() for name in names[:15]]
    labels = np.repeat(np.arange(len(names), dtype=np.int32), 2)
    numbers = np.tile(np.array([1, 2], np.int32), len(names))
    images = ImageSet(tuple(names), labels, numbers, np.zeros((len(labels), 8, 8, 3), np.uint8), "pixels")
    for seed in range(3):
        parts = split(images, CONFIG | dict(protocol="generated"), Path("none"), seed=seed)
        groups = [
            {comparable_name(name) for name in group}
            for group in (parts.training.names, parts.validation.people(), parts.test.people())
        ]
        assert not any(one & other for i, one in enumerate(groups) for other in groups[:i])


def test_pairs_can_be_asked_for_where_nobody_is_left_to_train(images: ImageSet, folder: Path, tmp_path: Path):
    everybody = "".join(f"{name}/{name}_0001.jpg,{name}/{name}_0002.jpg,1\n" for name in images.names)
    other = f"{images.names[0]}/{images.names[0]}_0001.jpg,{images.names[1]}/{images.names[1]}_0001.jpg,0\n"
    (tmp_path / "all.csv").write_text("path1,path2,same\n" + everybody + other)
    config = CONFIG | dict(protocol="pairs", pairs_file=str(tmp_path / "all.csv"))
    with pytest.raises(UserError, match="nobody is left to train on"):
        split(images, config, folder, seed=0)
    pairs, brought, aligned = judged_pairs(images, config, folder, seed=0)
    assert len(pairs) == len(images.names) + 1
    assert len(brought.places(pairs.keys())) == len(pairs.keys())
    assert not aligned
    for protocol in ("view1", "generated"):
        config = CONFIG | dict(protocol=protocol)
        expected = split(images, config, folder, seed=0).test
        found, where, _ = judged_pairs(images, config, folder, seed=0)
        assert (found.first, found.second) == (expected.first, expected.second)
        assert where is images
