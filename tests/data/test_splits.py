"""Splits: no identity is in two parts, and exclusions are noted."""

from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.duplicates.leakage import comparable_name
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.splits import Split
from lfw_jax.data.protocols.splitting import evaluation_pairs, split
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError

CONFIG = dict(protocol="view1", lists_dir="", validation_people=0.3, test_people=0.3, pairs=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("synthetic") / "faces", people=24, images_per_person=4, side=24, seed=0)


@pytest.fixture(scope="module")
def images(folder: Path) -> ImageSet:
    return read_folder(folder)


def disjoint(parts: Split) -> bool:
    groups = [set(parts.training.names), parts.validation.identities(), parts.test.identities()]
    return not any(one & other for i, one in enumerate(groups) for other in groups[:i])


@pytest.mark.parametrize("protocol", ["view1", "generated"])
def test_no_identity_is_in_two_parts(images: ImageSet, folder: Path, protocol: str):
    parts = split(images, CONFIG | dict(protocol=protocol), folder, seed=0)
    assert disjoint(parts)
    assert len(parts.training)
    assert len(parts.test)
    assert parts.validation.same.any()
    assert not parts.validation.same.all()


def test_identities_of_the_test_list_are_excluded_even_if_listed_for_training(
    images: ImageSet, folder: Path, tmp_path: Path
):
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt"):
        (tmp_path / name).write_text((folder / name).read_text())
    lines = "".join(f"{name}\t4\n" for name in images.names)
    (tmp_path / "peopleDevTrain.txt").write_text(f"{len(images.names)}\n{lines}")
    parts = split(images, CONFIG | dict(lists_dir=str(tmp_path)), folder, seed=0)
    assert disjoint(parts)
    assert any("named in pairsDevTest were excluded from training" in note for note in parts.notes)


def test_the_seed_chooses_the_held_out_identities(images: ImageSet, folder: Path):
    one, same, other = (split(images, CONFIG, folder, seed=seed) for seed in (0, 0, 1))
    assert one.training.names == same.training.names
    assert one.training.names != other.training.names
    np.testing.assert_array_equal(one.test.same, other.test.same)


def test_real_view_1_has_the_published_numbers(lfw_dir: Path):
    images = read_folder(lfw_dir)
    assert (len(images), len(images.names)) == (13_233, 5_749)
    assert not images.skipped
    parts = split(images, CONFIG | dict(validation_people=0.02, pairs=600), lfw_dir, seed=0)
    assert disjoint(parts)
    assert (len(parts.development), len(parts.test)) == (2200, 1000)
    assert parts.test.same.sum() == 500
    # 4,038 identities are listed for training.
    assert len(parts.training.names) + len(parts.validation.identities()) <= 4038
    assert "78 identities are held out of training for validation." in parts.notes  # as in docs/results.md


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(protocol="view3"), "view1, view2, pairs, generated"),
        (dict(lists_dir="/nowhere"), "/nowhere"),
    ],
)
def test_an_impossible_split_is_a_user_error(images: ImageSet, folder: Path, change: dict, words: str):
    with pytest.raises(UserError, match=words):
        split(images, CONFIG | change, folder, seed=0)


def test_an_identity_in_two_spellings_is_never_on_both_sides():
    names = [f"{first} Lee{number:02d}" for number in range(30) for first in ("Ann",)]
    names += [name.replace(" ", "_").lower() for name in names[:15]]
    labels = np.repeat(np.arange(len(names), dtype=np.int32), 2)
    numbers = np.tile(np.array([1, 2], np.int32), len(names))
    images = ImageSet(tuple(names), labels, numbers, np.zeros((len(labels), 8, 8, 3), np.uint8), "pixels")
    for seed in range(3):
        parts = split(images, CONFIG | dict(protocol="generated"), Path("none"), seed=seed)
        groups = [
            {comparable_name(name) for name in group}
            for group in (parts.training.names, parts.validation.identities(), parts.test.identities())
        ]
        assert not any(one & other for i, one in enumerate(groups) for other in groups[:i])


def set_of(people: int, images: int) -> ImageSet:
    labels = np.repeat(np.arange(people, dtype=np.int32), images)
    numbers = np.tile(np.arange(1, images + 1, dtype=np.int32), people)
    names = tuple(f"p{number}" for number in range(people))
    return ImageSet(names, labels, numbers, np.zeros((len(labels), 8, 8, 3), np.uint8), "pixels")


@pytest.mark.parametrize(("people", "share"), [(5, 0.05), (40, 0.05), (40, 0.02), (100, 0.02)])
def test_a_small_set_without_lists_is_split_with_every_seed(people: int, share: float):
    images = set_of(people, 5)
    config = CONFIG | dict(protocol="generated", validation_people=share, pairs=600)
    for seed in range(30):
        parts = split(images, config, Path("none"), seed=seed)
        assert disjoint(parts)
        for pairs in (parts.validation, parts.test):
            assert len({name for (name, _), same in zip(pairs.first, pairs.same, strict=True) if same}) >= 2
        assert len(parts.training)


def test_a_threshold_of_two_identities_is_called_a_matter_of_luck():
    config = CONFIG | dict(protocol="generated", validation_people=0.01)
    notes = split(set_of(40, 5), config, Path("none"), seed=0).notes
    assert any("only 2 identities" in note and "--config.data.validation_people" in note for note in notes)
    notes = split(set_of(200, 2), CONFIG | dict(protocol="generated"), Path("none"), seed=0).notes
    assert not any("luck" in note for note in notes)


@pytest.mark.parametrize(("people", "images"), [(4, 5), (40, 1)])
def test_a_set_too_small_to_be_split_is_refused_with_the_key(people: int, images: int):
    with pytest.raises(UserError, match=r"--config\.data\.test_people 0\.3 .*expected at least 5, 4 with two images"):
        split(set_of(people, images), CONFIG | dict(protocol="generated"), Path("none"), seed=0)
    with pytest.raises(UserError, match=r"--config\.data\.validation_people is 0;.*such as 0\.1"):
        split(set_of(40, 5), CONFIG | dict(protocol="generated", validation_people=0), Path("none"), seed=0)


def test_test_pairs_are_available_even_if_no_identity_is_left_for_training(
    images: ImageSet, folder: Path, tmp_path: Path
):
    same = "".join(f"{name}/{name}_0001.jpg,{name}/{name}_0002.jpg,1\n" for name in images.names)
    different = f"{images.names[0]}/{images.names[0]}_0001.jpg,{images.names[1]}/{images.names[1]}_0001.jpg,0\n"
    (tmp_path / "all.csv").write_text("path1,path2,same\n" + same + different)
    config = CONFIG | dict(protocol="pairs", pairs_file=str(tmp_path / "all.csv"))
    with pytest.raises(UserError, match="none is left for training"):
        split(images, config, folder, seed=0)
    pairs, external, aligned = evaluation_pairs(images, config, folder, seed=0)
    assert len(pairs) == len(images.names) + 1
    assert len(external.indices(pairs.keys())) == len(pairs.keys())
    assert not aligned
    for protocol in ("view1", "generated"):
        config = CONFIG | dict(protocol=protocol)
        expected = split(images, config, folder, seed=0).test
        found, where, _ = evaluation_pairs(images, config, folder, seed=0)
        assert (found.first, found.second) == (expected.first, expected.second)
        assert where is images


@pytest.mark.parametrize("limit", [1, 3])
def test_the_pairs_of_an_identity_are_limited_for_validation_and_not_for_the_test(limit: int):
    config = CONFIG | dict(protocol="generated", pairs=600, pairs_per_identity=limit)
    parts = split(set_of(40, 5), config, Path("none"), seed=0)
    for pairs, most in ((parts.validation, limit), (parts.test, 10)):
        names = [name for (name, _), same in zip(pairs.first, pairs.same.tolist(), strict=True) if same]
        assert {names.count(name) for name in names} == {most}


def few_images() -> ImageSet:
    """40 identities, of which every second has one image and the others have three."""
    counts = [1 + 2 * (index % 2) for index in range(40)]
    labels = np.repeat(np.arange(40), counts)
    numbers = np.concatenate([np.arange(1, count + 1) for count in counts])
    pixels = np.zeros((len(labels), 4, 4, 3), np.uint8)
    return ImageSet(tuple(f"person{index:02d}" for index in range(40)), labels, numbers, pixels, "pixels")


def test_identities_with_too_few_training_images_are_left_out_of_training_alone(tmp_path: Path):
    config = CONFIG | dict(protocol="generated")
    whole = split(few_images(), config, tmp_path, seed=0)
    fewer = split(few_images(), config | dict(min_images_per_identity=2), tmp_path, seed=0)
    counts = dict(zip(whole.training.names, np.bincount(whole.training.labels).tolist(), strict=True))
    assert set(fewer.training.names) == {name for name, count in counts.items() if count >= 2}
    assert set(np.bincount(fewer.training.labels).tolist()) == {3}
    singles = sum(count == 1 for count in counts.values())
    assert singles
    assert any(
        note.startswith(
            f"{singles} identities with fewer than 2 training images are left out of training, {singles} images"
        )
        for note in fewer.notes
    )
    for kept in ("validation", "development", "test"):
        assert getattr(fewer, kept).keys() == getattr(whole, kept).keys()
    assert len(fewer.source) == len(whole.source)


def test_view_1_leaves_them_out_after_validation_is_held_out(images: ImageSet, folder: Path):
    whole = split(images, CONFIG, folder, seed=0)
    counts = np.bincount(whole.training.labels)
    same = split(images, CONFIG | dict(min_images_per_identity=int(counts.min())), folder, seed=0)
    assert same.training.names == whole.training.names
    with pytest.raises(UserError, match=rf"no training identity has more than {counts.max()} images; set it to"):
        split(images, CONFIG | dict(min_images_per_identity=int(counts.max()) + 1), folder, seed=0)
