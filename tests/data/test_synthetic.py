"""The synthetic data set: reproducible, in LFW's layout, written atomically, and neither trivial nor impossible."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.protocols import lfw_lists
from lfw_jax.data.synthetic import draw, folder, write_folder
from lfw_jax.data.synthetic.identity_sampling import draw_identity
from lfw_jax.data.synthetic.nuisance import draw_nuisance
from lfw_jax.errors import UserError

SMALL = {"people": 8, "images_per_person": 3, "side": 40, "seed": 5, "test_share": 0.4}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("synthetic") / "faces", **SMALL)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_same_arguments_write_the_same_bytes(written: Path, tmp_path: Path):
    assert contents(write_folder(tmp_path / "again", **SMALL)) == contents(written)


def test_a_larger_set_begins_with_the_images_of_a_smaller_one(written: Path, tmp_path: Path):
    larger = contents(write_folder(tmp_path / "larger", **(SMALL | {"people": 10, "images_per_person": 4})))
    images = {name: data for name, data in contents(written).items() if name.endswith(".jpg")}
    assert len(images) == 24
    assert images.items() <= larger.items()


def test_another_seed_gives_other_identities():
    assert not np.array_equal(draw_identity(0, 0).vector(), draw_identity(1, 0).vector())
    assert not np.array_equal(draw(0, 0, 1, 40), draw(1, 0, 1, 40))


@pytest.mark.parametrize("side", [16, 33, 125])
def test_an_image_has_the_requested_side(side: int):
    image = draw(0, 1, 1, side)
    assert image.shape == (side, side, 3)
    assert image.dtype == np.uint8
    assert image.std() > 10  # not a uniform image


def test_the_side_changes_only_the_resolution():
    small, large = (
        np.asarray(Image.fromarray(draw(0, 3, 2, side)).resize((20, 20), Image.Resampling.BOX), dtype=float).ravel()
        for side in (80, 160)
    )
    assert np.corrcoef(small, large)[0, 1] > 0.9


def test_the_lists_name_every_identity_once_and_only_images_that_exist(written: Path):
    halves = [lfw_lists.read_people(written / f"peopleDev{half}.txt") for half in ("Train", "Test")]
    people = sorted(path.name for path in written.iterdir() if path.is_dir())
    assert sorted([*halves[0], *halves[1]]) == people
    assert [len(half) for half in halves] == [5, 3]
    for half, counts in zip(("Train", "Test"), halves, strict=True):
        for name, count in counts.items():
            assert len(list((written / name).glob(f"{name}_*.jpg"))) == count == 3
        pairs = lfw_lists.read_pairs(written / f"pairsDev{half}.txt")
        assert pairs.identities() <= counts.keys()
        for name, number in dict.fromkeys(pairs.first + pairs.second):
            with Image.open(written / name / f"{name}_{number:04d}.jpg") as picture:
                assert picture.size == (40, 40)


def test_pair_lists_are_balanced_and_have_no_pair_twice(written: Path):
    for half, same in (("Train", 15), ("Test", 9)):  # 5 and 3 identities, 3 same pairs each
        pairs = lfw_lists.read_pairs(written / f"pairsDev{half}.txt")
        assert pairs.same.sum() == same
        assert len({frozenset(pair) for pair in zip(pairs.first, pairs.second, strict=True)}) == len(pairs) == 2 * same


def test_list_files_are_in_lfws_own_format(written: Path):
    lines = (written / "pairsDevTest.txt").read_text().splitlines()
    size = int(lines[0])
    assert {len(line.split("\t")) for line in lines[1 : size + 1]} == {3}
    assert {len(line.split("\t")) for line in lines[size + 1 :]} == {4}
    assert {len(line.split("\t")) for line in (written / "peopleDevTest.txt").read_text().splitlines()[1:]} == {2}


def test_an_identity_stays_in_its_half_in_a_larger_set(written: Path, tmp_path: Path):
    larger = write_folder(tmp_path / "larger", **(SMALL | {"people": 12}))
    for half in ("Train", "Test"):
        smaller_half = lfw_lists.read_people(written / f"peopleDev{half}.txt")
        assert smaller_half.keys() <= lfw_lists.read_people(larger / f"peopleDev{half}.txt").keys()


def test_names_are_pronounceable_and_unique():
    names = [folder.name_of(0, person) for person in range(5000)]
    assert len(set(names)) == 5000 < folder.NAME_COUNT == len({*folder.FIRST_NAMES}) * len({*folder.LAST_NAMES})
    assert all(first.isalpha() and last.isalpha() for first, last in (name.split("_") for name in names))


def test_a_second_call_writes_nothing(written: Path, monkeypatch: pytest.MonkeyPatch):
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    monkeypatch.setattr(folder, "draw", lambda *_: pytest.fail("drew again"))
    assert write_folder(written, **SMALL) == written
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


@pytest.mark.parametrize("change", [{"people": 9}, {"side": 41}, {"seed": 6}, {"test_share": 0.5}])
def test_other_arguments_do_not_touch_a_finished_folder(written: Path, change: dict[str, float]):
    before = contents(written)
    with pytest.raises(UserError, match="Choose another folder") as caught:
        write_folder(written, **(SMALL | change))
    assert str(written) in str(caught.value)
    assert str(next(iter(change.values()))) in str(caught.value)
    assert contents(written) == before


def test_a_folder_with_other_content_is_left_alone(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"synthetic\.json is missing"):
        write_folder(tmp_path, **SMALL)
    assert contents(tmp_path) == {"notes.txt": b"mine"}


def test_an_empty_folder_is_filled(written: Path, tmp_path: Path):
    assert contents(write_folder(tmp_path, **SMALL)) == contents(written)


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls = []

    def draw_until_interrupted(*arguments: int) -> np.ndarray:
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(folder, "draw", draw_until_interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "faces", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_appears_only_when_everything_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.setattr(folder, "_publish", lambda draft, directory, _: seen.append((contents(draft), directory)))
    write_folder(tmp_path / "faces", **SMALL)
    [(complete, directory)] = seen
    assert not directory.exists()
    assert {"synthetic.json", "pairsDevTest.txt", "peopleDevTrain.txt"} <= complete.keys()
    assert sum(name.endswith(".jpg") for name in complete) == 24


def test_two_writers_of_the_same_set_both_succeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    publish = folder._publish

    def publish_after_another(draft: Path, directory: Path, arguments: dict[str, float]) -> None:
        monkeypatch.setattr(folder, "_publish", publish)
        write_folder(directory, **SMALL)
        publish(draft, directory, arguments)

    monkeypatch.setattr(folder, "_publish", publish_after_another)
    target = write_folder(tmp_path / "faces", **SMALL)
    assert json.loads((target / "synthetic.json").read_text())["people"] == 8
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"people": 3}, "people is 3"),
        ({"images_per_person": 1}, "images_per_person is 1"),
        ({"side": 4}, "side is 4"),
        ({"seed": -1}, "seed is -1"),
        ({"test_share": 0.01}, "test_share of 0.01"),
        ({"test_share": 1.5}, "test_share of 1.5"),
    ],
)
def test_numbers_out_of_range_are_a_user_error(tmp_path: Path, change: dict[str, float], found: str):
    with pytest.raises(UserError, match=found):
        write_folder(tmp_path / "faces", **(SMALL | change))
    assert list(tmp_path.iterdir()) == []


def test_an_identity_is_reproducible_and_no_two_are_alike():
    vectors = np.stack([draw_identity(0, person).vector() for person in range(300)])
    assert np.isfinite(vectors).all()
    assert np.array_equal(vectors[17], draw_identity(0, 17).vector())
    spread = vectors[:, vectors.std(axis=0) > 0]
    scaled = (spread - spread.mean(axis=0)) / spread.std(axis=0)
    squares = (scaled**2).sum(axis=1)
    distances = np.sqrt(np.maximum(0, squares[:, None] + squares[None] - 2 * scaled @ scaled.T))
    off_diagonal = distances[~np.eye(len(vectors), dtype=bool)]
    # All identities differ, and some resemble each other far more than others.
    assert off_diagonal.min() > 1
    assert off_diagonal.min() < 0.6 * np.median(off_diagonal)


def test_photographs_differ_and_stay_within_the_promised_bounds():
    rng = np.random.default_rng(0)
    photographs = [draw_nuisance(rng) for _ in range(2000)]
    assert max(abs(np.degrees(photo.roll)) for photo in photographs) <= 15
    assert max(abs(np.degrees(photo.yaw)) for photo in photographs) <= 30
    assert all(np.isclose(np.linalg.norm(photo.light), 1) for photo in photographs)
    assert {photo.occluder for photo in photographs} == {"none", "hand", "scarf", "bar"}
    assert {photo.glasses for photo in photographs} == {"none", "clear", "sun"}
    assert 0.6 < np.mean([photo.occluder == photo.hat == "none" for photo in photographs]) < 0.95


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Central crops of 60 identities with 6 images each, `[identities, images, 32, 32, 3]`, from 0 to 1."""
    side, size = 64, 32
    edge = round(0.2 * side)
    return np.stack(
        [
            [
                np.asarray(
                    Image.fromarray(draw(0, person, number, side)[edge:-edge, edge:-edge]).resize((size, size)),
                    dtype=np.float32,
                )
                / 255
                for number in range(1, 7)
            ]
            for person in range(60)
        ]
    )


def best_accuracy(features: np.ndarray) -> float:
    """Return the accuracy of the best threshold on the distance of normalised features, on balanced pairs."""
    identities, images = features.shape[:2]
    flat = features.reshape(identities * images, -1)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    rng = np.random.default_rng(1)
    counts = {f"{person:03d}": images for person in range(identities)}
    pairs = lfw_lists.generate_pairs(counts, pairs=800, seed=int(rng.integers(100)))
    first, second = (
        np.array([int(name) * images + number - 1 for name, number in side]) for side in (pairs.first, pairs.second)
    )
    distances = np.linalg.norm(flat[first] - flat[second], axis=1)
    return float(max(((distances <= threshold) == pairs.same).mean() for threshold in distances))


def test_raw_pixels_do_little_better_than_chance(crops: np.ndarray):
    # The threshold is chosen on the test pairs themselves, which overestimates the accuracy by a few points.
    assert 0.52 < best_accuracy(crops) < 0.68


def test_mean_colours_alone_are_hardly_better_than_chance(crops: np.ndarray):
    assert best_accuracy(crops.mean(axis=(2, 3))) < 0.58


def test_the_average_of_the_images_of_an_identity_is_informative(crops: np.ndarray):
    # Nuisance averages out, identity does not: averages of disjoint photographs match far above chance.
    one, other = (half.mean(axis=1).reshape(len(crops), -1) for half in (crops[:, :3], crops[:, 3:]))
    one, other = (half - half.mean(axis=0) for half in (one, other))
    one, other = (half / np.linalg.norm(half, axis=1, keepdims=True) for half in (one, other))
    found = ((one @ other.T).argmax(axis=1) == np.arange(len(crops))).mean()
    assert found > 10 / len(crops)
