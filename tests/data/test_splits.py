"""Splits: nobody is in two parts, and what is left out is said."""

from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.splits import Split, split
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
    assert any("named in pairsDevTest were kept out of training" in note for note in parts.notes)


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
