"""Images are found in another set by their content, whatever their paths, names and format of storage."""

import os
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.duplicates import same_images as module
from lfw_jax.data.duplicates.same_images import compares, same_images
from lfw_jax.data.formats.array import read_array, write_array
from lfw_jax.data.formats.verification_bin import read_verification_bin, write_verification_bin
from lfw_jax.data.images import ImageSet, count_up
from lfw_jax.data.pair_list import PairList

CONTENTS = [bytes([value]) * 100 + bytes([value + 1]) * 80 for value in (1, 2, 3, 4)]


def files(folder: Path, contents: list[bytes]) -> ImageSet:
    folder.mkdir()
    paths = [folder / f"{index}.jpg" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return image_set(paths, "files")


def image_set(images, storage) -> ImageSet:
    labels = np.arange(len(images), dtype=np.int32)
    return ImageSet(tuple(f"p{index}" for index in labels), labels, count_up(labels), images, storage)


def test_links_other_paths_and_copies_are_the_same_images(tmp_path: Path):
    images = files(tmp_path / "data", CONTENTS)
    (tmp_path / "soft.jpg").symlink_to(tmp_path / "data" / "0.jpg")
    os.link(tmp_path / "data" / "1.jpg", tmp_path / "hard.jpg")
    (tmp_path / "copy.jpg").write_bytes(CONTENTS[3])
    paths = [tmp_path / name for name in ("soft.jpg", "hard.jpg", "data/../copy.jpg")]
    assert same_images(images, image_set(paths, "files")).tolist() == [0, 1, 3]
    assert same_images(images, image_set(CONTENTS[2:3], "encoded")).tolist() == [2]
    assert same_images(image_set(CONTENTS, "encoded"), image_set(paths, "files")).tolist() == [0, 1, 3]


def test_the_whole_content_decides(tmp_path: Path):
    others = [b"x" + CONTENTS[0][1:], CONTENTS[1] + b"x", CONTENTS[2][:-1] + b"x", CONTENTS[3][1:]]
    assert not len(same_images(files(tmp_path / "data", CONTENTS), files(tmp_path / "others", others)))


def test_only_files_of_an_evaluated_size_are_opened(tmp_path: Path):
    images = files(tmp_path / "data", [*CONTENTS, b"of another size"])
    opened, open_file = [], os.open

    def recorded(path, *arguments, **options):
        opened.append(Path(path).name)
        return open_file(path, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.os, "open", recorded)
        assert same_images(images, image_set(CONTENTS[:1], "encoded")).tolist() == [0]
    assert sorted(opened) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_a_file_that_was_removed_equals_nothing(tmp_path: Path):
    images = files(tmp_path / "data", CONTENTS)
    (tmp_path / "data" / "0.jpg").unlink()
    assert same_images(images, image_set([tmp_path / "gone.jpg"], "files")).tolist() == []
    assert same_images(images, image_set(CONTENTS[:2], "encoded")).tolist() == [1]


def test_pixels_are_compared_with_pixels(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    write_array(tmp_path / "data.npz", image_set(pixels, "pixels"))
    images = read_array(tmp_path / "data.npz")
    other = pixels[[4, 1]].copy()
    other[0, 0, 0, 0] ^= 1
    assert same_images(images, image_set(other, "pixels")).tolist() == [1]
    assert same_images(images, image_set(CONTENTS, "encoded")).tolist() == []
    pairs = PairList((("p0", 1),), (("p3", 1),), np.array([False]), "pairs")
    write_verification_bin(tmp_path / "pairs.bin", images, pairs)  # as PNG: equal pixels, but other bytes
    assert same_images(images, read_verification_bin(tmp_path / "pairs.bin")[0]).tolist() == []


def test_a_large_set_that_is_not_files_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_ENCODED", 3)
    assert not compares(image_set(CONTENTS, "encoded"))
    assert not len(same_images(image_set(CONTENTS, "encoded"), image_set(CONTENTS, "encoded")))
    assert len(same_images(files(tmp_path / "data", CONTENTS), image_set(CONTENTS, "encoded"))) == 4
