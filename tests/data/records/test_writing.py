"""`write_records`: the bytes of InsightFace's format, and sets that are read back unchanged."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.batches.loading import decode_all
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet, count_up
from lfw_jax.data.records.index import read_index
from lfw_jax.data.records.people import read_people_file
from lfw_jax.data.records.reading import read_records
from lfw_jax.data.records.writing import write_records
from lfw_jax.errors import UserError
from tests.data.noise_images import jpeg

MAGIC = bytes.fromhex("0a23d7ce")


def small_set() -> ImageSet:
    """Return an unsorted set with a gap in the numbers and a name in another script with a space."""
    labels = np.array([1, 0, 1, 2], np.int32)
    numbers = np.array([5, 1, 2, 1], np.int32)
    return ImageSet(("Ann_Lee", "Ćira Žan", "王 芳"), labels, numbers, [jpeg(i) for i in range(4)], "encoded")


def test_a_written_set_is_read_back_with_names_and_numbers(tmp_path: Path):
    images = small_set()
    path = write_records(tmp_path / "out", images)
    assert path == tmp_path / "out" / "train.rec"
    found = read_records(tmp_path / "out")
    assert found.names == images.names
    assert found.keys() == [("Ann_Lee", 1), ("Ćira Žan", 2), ("Ćira Žan", 5), ("王 芳", 1)]
    assert list(found.images) == [jpeg(1), jpeg(2), jpeg(0), jpeg(3)]
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "property",
        "train.idx",
        "train.people.json",
        "train.rec",
    ]
    (path.parent / "train.people.json").unlink()
    assert read_records(path).keys() == [("0", 1), ("1", 1), ("1", 2), ("2", 1)]


def test_a_lost_image_does_not_change_the_number_of_another(tmp_path: Path):
    labels = np.zeros(4, np.int32)
    images = ImageSet(("Ann",), labels, count_up(labels), [jpeg(i) for i in range(4)], "encoded")
    rec = write_records(tmp_path, images)
    _, offsets = read_index(rec.with_suffix(".idx"))
    with rec.open("r+b") as file:
        file.seek(int(offsets[1]))
        file.write(b"\0\0\0\0")
    assert read_records(tmp_path).keys() == [("Ann", 1), ("Ann", 3), ("Ann", 4)]


def test_the_written_bytes_are_those_of_the_format(tmp_path: Path):
    images = [jpeg(0), jpeg(1)]
    assert all(MAGIC not in image for image in images)
    write_records(tmp_path, ImageSet(("a", "b"), np.array([0, 1]), np.array([1, 1]), images, "encoded"))
    expected, lines = b"", []
    for number, label in ((1, "00000000"), (2, "0000803f")):  # 0.0 and 1.0
        image = images[number - 1]
        lines.append(f"{number}\t{len(expected)}\n")
        # Magic, length; flag 0, label, id, id2; the image, padded to a multiple of 4.
        expected += MAGIC + (24 + len(image)).to_bytes(4, "little")
        expected += bytes.fromhex(f"00000000 {label} 0{number}00000000000000 0000000000000000") + image
        expected += b"\0" * (-len(image) % 4)
    # Record 0: two labels, 3.0 and 5.0: images are records 1 and 2, identities records 3 and 4.
    lines.append(f"0\t{len(expected)}\n")
    expected += bytes.fromhex("0a23d7ce 20000000 02000000 00000000 0000000000000000 0000000000000000 00004040 0000a040")
    # The identities: images [1, 2) and [2, 3).
    lines.append(f"3\t{len(expected)}\n")
    expected += bytes.fromhex("0a23d7ce 20000000 02000000 00000000 0300000000000000 0000000000000000 0000803f 00000040")
    lines.append(f"4\t{len(expected)}\n")
    expected += bytes.fromhex("0a23d7ce 20000000 02000000 00000000 0400000000000000 0000000000000000 00000040 00004040")
    assert (tmp_path / "train.rec").read_bytes() == expected
    assert (tmp_path / "train.idx").read_text() == "".join(lines)
    assert (tmp_path / "property").read_text() == "2,16,16\n"


def test_pixels_are_written_losslessly_as_png(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    write_records(tmp_path, ImageSet(("a",), np.zeros(2, np.int32), np.array([1, 2]), pixels, "pixels"))
    found = read_records(tmp_path)
    assert found.images[0].startswith(b"\x89PNG")  # type: ignore[union-attr]
    np.testing.assert_array_equal(decode_all(found, CropGeometry(16), loader="pillow"), pixels)


def test_an_existing_set_is_not_overwritten(tmp_path: Path):
    write_records(tmp_path, small_set())
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(UserError, match="found an existing file or folder"):
        write_records(tmp_path, small_set().where(np.array([0])))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_more_records_than_floats_can_count_are_refused(tmp_path: Path):
    class Many(list):
        def __len__(self) -> int:
            return 1 << 24

    labels = np.broadcast_to(np.int32(0), 1 << 24)
    with pytest.raises(UserError, match="16,777,216 images of 1 identities need"):
        write_records(tmp_path / "out", ImageSet(("a",), labels, labels, Many(), "encoded"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"names": ["a"]}', '{"names": ["a", "a"], "first": [1, 2], "numbers": {}}',
                                     '{"names": ["a"], "first": [1], "numbers": {}}', "[" * 100_000])  # fmt: skip
def test_a_damaged_file_of_names_is_reported(tmp_path: Path, content: str):
    write_records(tmp_path, small_set())
    (tmp_path / "train.people.json").write_text(content)
    with pytest.raises(UserError, match=r"train\.people\.json: .*emove the file"):
        read_records(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"names": ["Ann", "\ud800", "Cy"]}, r"the name '\\ud800' is not valid text"),
        ({"numbers": {"0": [4, 4]}}, "Ann has two images with the same number"),
        ({"numbers": {"3": [1]}}, "label 3 are not numbers of an identity"),
        ({"numbers": {"0": [-1]}}, "label 0 are not numbers of an identity"),
        ({"first": [1, 2]}, "the names are not distinct texts"),
    ],
)
def test_a_file_of_names_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, change: dict, words: str):
    content = {"names": ["Ann", "Bo", "Cy"], "first": [1, 2, 3], "numbers": {}} | change
    (tmp_path / "train.people.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=words):
        read_people_file(tmp_path / "train.people.json")


def test_a_file_of_names_of_another_set_is_reported(tmp_path: Path):
    write_records(tmp_path, small_set())
    content = json.loads((tmp_path / "train.people.json").read_text())
    (tmp_path / "train.people.json").write_text(json.dumps(content | {"first": [3, 1, 2]}))
    with pytest.raises(UserError, match=r"record 1 does not belong to the identity"):
        read_records(tmp_path)


def test_a_long_name_and_images_numbered_from_0_are_read_back(tmp_path: Path):
    images = small_set()
    images = dataclasses.replace(images, numbers=np.asarray(images.numbers - images.numbers.min(), np.int32))
    path = write_records(tmp_path, images, name="a" * 60)
    assert sorted(read_records(path).keys()) == sorted(images.keys())
