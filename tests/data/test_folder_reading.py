"""Folders as users have them: circular links, names that are not UTF-8, folders without permission, and many files."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.formats import files
from lfw_jax.data.formats.files import check_files, image_numbers, parse_number_of_file
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.folder_writing import write_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError


def add(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)).save(folder / name)
    return folder


def test_names_in_any_script_and_with_spaces_are_kept(tmp_path: Path):
    names = ("Ann Lee", "Ćira Žan", "محمد", "王 芳", "🙂", 'it\'s "so"', "a\tb", "%2F")
    for name in names:
        add(tmp_path / name, f"{name}_0002.png", "x.png" if name == "🙂" else f"{name}_0001.png")
    found = read_folder(tmp_path)
    assert found.names == tuple(sorted(names))
    assert found.numbers_by_identity() == {name: [1, 2] for name in names}
    assert all(path.is_file() for path in found.images)
    assert not found.skipped


def test_circular_links_are_skipped_and_links_to_images_are_read(tmp_path: Path):
    add(tmp_path / "Ann", "Ann_0001.png")
    (tmp_path / "Bo").mkdir()
    (tmp_path / "Bo" / "Bo_0001.png").symlink_to(tmp_path / "Ann" / "Ann_0001.png")
    (tmp_path / "Bo" / "itself.png").symlink_to("itself.png")
    (tmp_path / "Bo" / "up").symlink_to(tmp_path)
    (tmp_path / "Bo" / "nowhere.png").symlink_to("none.png")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "parent").symlink_to(tmp_path)
    found = read_folder(tmp_path)
    assert found.keys() == [("Ann", 1), ("Bo", 1)]
    assert {Path(item.path).name for item in found.skipped if "Bo" in Path(item.path).parts[-2]} == {
        "itself.png",
        "up",
        "nowhere.png",
    }
    assert {item.reason for item in found.skipped} == {"not a file"}


@pytest.mark.parametrize("outer", ["outer", "outer/archive", "outer/archive/inner"])
def test_a_folder_too_high_names_the_one_below_it(tmp_path: Path, outer: str):
    for name in ("Ann", "Bo"):
        add(tmp_path / outer / "lfw-deepfunneled" / name, f"{name}_0001.png")
        add(tmp_path / outer / "__MACOSX" / "lfw-deepfunneled" / name)
    (tmp_path / "outer" / "notes").mkdir()
    with pytest.raises(UserError) as refusal:
        read_folder(tmp_path / "outer")
    assert f"Did you mean {tmp_path}/{outer}/lfw-deepfunneled? It has such folders." in str(refusal.value)
    assert "not a file" not in str(refusal.value)


def test_a_folder_too_low_names_the_one_above_it(tmp_path: Path):
    add(tmp_path / "faces" / "Ann", "Ann_0001.png")
    with pytest.raises(UserError, match=f"Did you mean {tmp_path}/faces"):
        read_folder(tmp_path / "faces" / "Ann")
    (tmp_path / "empty" / "a" / "b").mkdir(parents=True)
    with pytest.raises(UserError, match=r"with JPEG or PNG files in it\.$"):
        read_folder(tmp_path / "empty")


def test_a_folder_that_may_not_be_opened_is_skipped_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("Ann", "Bo"):
        add(tmp_path / name, f"{name}_0001.png")
    scandir = os.scandir

    def refused(path: Path):
        if Path(path).name == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    closed = "Ann"
    found = read_folder(tmp_path)
    assert found.names == ("Bo",)
    assert [(item.path, item.reason) for item in found.skipped] == [
        (str(tmp_path / "Ann"), "cannot be opened (Permission denied)")
    ]
    closed = tmp_path.name
    with pytest.raises(UserError, match=r"cannot be opened .*Permission denied"):
        read_folder(tmp_path)


def test_a_name_that_is_not_utf_8_is_skipped_and_reported(tmp_path: Path):
    add(tmp_path / "Ann", "Ann_0001.png")
    try:
        (tmp_path / "Ann" / os.fsdecode(b"Ann_\xff.png")).write_bytes(b"")
        (tmp_path / os.fsdecode(b"B\xff")).mkdir()
    except OSError:
        pytest.skip("this file system accepts only UTF-8 names")
    found = read_folder(tmp_path)
    assert found.keys() == [("Ann", 1)]
    assert sorted(item.path.rpartition("/")[2] for item in found.skipped) == ["Ann_\\xff.png", "B\\xff"]
    assert {item.reason for item in found.skipped} == {"its name is not UTF-8"}


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["a_0003.png", "a_0010.png"], [3, 10]),
        (["a_0003.png", "a_3.png"], [1, 2]),
        (["a_0003.png", "b.png"], [1, 2]),
        (["a_99999999999999999999.png"], [1]),
        (["a_0003.tar.png", "a_0004.png"], [1, 2]),
        (["a_1_2.png", "a_1_7.png"], [2, 7]),
    ],
)
def test_numbers_in_file_names_are_used_if_all_files_have_distinct_ones(
    tmp_path: Path, names: list[str], numbers: list[int]
):
    add(tmp_path / "a", *names)
    assert read_folder(tmp_path).numbers_by_identity() == {"a": numbers}


def test_renumbering_one_identity_does_not_change_another():
    labels = np.array([1, 0, 1, 0, 2])
    assert image_numbers(labels, np.array([7, 3, 7, 2, -1])).tolist() == [1, 3, 2, 2, 1]
    assert image_numbers(np.zeros(0, np.int32), np.zeros(0, np.int32)).tolist() == []
    assert parse_number_of_file("a_٣.jpg") == 3


def test_many_files_take_the_memory_of_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    count = 5_000
    for person in range(count // 100):
        (tmp_path / f"p{person:04d}").mkdir()
        for number in range(100):
            (tmp_path / f"p{person:04d}" / f"p{person:04d}_{number + 1:04d}.jpg").touch()
    monkeypatch.setattr(files, "fault", lambda path: "odd" if path.stem.endswith("_0007") else None)
    held = []
    for _ in range(3):  # Python's own table of interned names may grow in one of them
        tracemalloc.start()
        found = read_folder(tmp_path)
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(found) == count - count // 100
        del found
    characters = len("p0000/p0000_0001.jpg")
    # Path, its end in the packed paths, label, number, index in the view; and 50 skipped files.
    assert min(held) < count * (1.13 * (characters + 8) + 12) + 50 * 400 + 100_000


def test_a_written_folder_reads_back_as_the_same_set(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    images = ImageSet(("王 芳", "Bo"), np.array([0, 1, 0], np.int32), np.array([12, 1, 3]), pixels, "pixels")
    write_folder(tmp_path / "out", images)
    found = read_folder(tmp_path / "out")
    assert found.keys() == [("Bo", 1), ("王 芳", 3), ("王 芳", 12)]
    np.testing.assert_array_equal(np.asarray(Image.open(found.images[2])), pixels[0])
    assert (tmp_path / "out" / "王 芳" / "王 芳_0012.png").is_file()


@pytest.mark.parametrize(
    ("names", "numbers", "words"),
    [
        (("a/b",), [1, 2], "'a/b' cannot be the name of a folder"),
        (("..",), [1, 2], r"'\.\.' cannot be"),
        (("",), [1, 2], "'' cannot be"),
        ((".hidden",), [1, 2], "cannot be"),
        (("a\0",), [1, 2], "cannot be"),
        (("é" * 200,), [1, 2], "longer than a file system allows"),
        (("a",), [2, 2], "a has two images with the number 2"),
    ],
)
def test_names_and_numbers_that_a_folder_cannot_hold_are_reported_and_nothing_is_written(
    tmp_path: Path, names: tuple, numbers: list, words: str
):
    pixels = np.zeros((2, 16, 16, 3), np.uint8)
    with pytest.raises(UserError, match=words):
        write_folder(tmp_path / "out", ImageSet(names, np.zeros(2, np.int32), np.array(numbers), pixels, "pixels"))
    assert not list(tmp_path.iterdir())


def test_a_path_that_the_system_rejects_is_skipped(tmp_path: Path):
    good, reasons = check_files([tmp_path / ("a" * 300)])
    assert not good.any()
    assert [item.reason for item in reasons] == ["not a file"]
