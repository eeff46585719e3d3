"""Inspection of images: headers, the number per identity, and duplicates."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from lfw_jax.data.duplicates.near_duplicates import NEAR
from lfw_jax.inspection import likeness as likeness_module
from lfw_jax.inspection.headers import read_headers
from lfw_jax.inspection.images_per_identity import images_per_identity
from lfw_jax.inspection.likeness import find_likeness
from tests.inspection.small_sets import encoded, images_of, on_disk, picture, set_of

# Headers


def test_sizes_kinds_and_bytes_come_from_headers_alone(tmp_path, monkeypatch):
    contents = [
        encoded(picture(0, 40, 50)),
        encoded(picture(1, 40, 50, "L")),
        encoded(picture(2, 70, 30), "PNG"),
    ]
    images = on_disk(tmp_path, contents, [0, 0, 1])

    def refuse(*_):
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", refuse)
    found = read_headers(images)
    assert found.widths.tolist() == [40, 40, 70]
    assert found.heights.tolist() == [50, 50, 30]
    assert found.sizes.tolist() == [len(content) for content in contents]
    assert found.formats == {"JPEG": 2, "PNG": 1}
    assert found.modes == {"RGB": 2, "L": 1}
    assert found.grey == 1
    summary = found.summary(images)
    assert summary["sizes"][0] == {"width": 40, "height": 50, "images": 2}
    assert summary["smallest"] == {"width": 40, "height": 50, "image": str(tmp_path / "0.jpg")}
    assert summary["largest"]["image"] == str(tmp_path / "2.jpg")
    assert summary["square"] == 0.0
    assert summary["aspect"]["max"] == pytest.approx(70 / 30)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_that_lies_on_its_side_counts_as_it_is_seen(kind: str):
    exif = Image.Exif()
    exif[0x0112] = 6
    on_its_side = encoded(picture(0, 60, 40), kind, exif=exif)
    found = read_headers(images_of([on_its_side, encoded(picture(0, 60, 40))], [0, 0]))
    assert list(zip(found.widths.tolist(), found.heights.tolist(), strict=True)) == [(40, 60), (60, 40)]


def test_an_unreadable_image_of_a_set_is_named_and_not_counted():
    whole = encoded(picture(0, 200, 200))
    images = images_of([whole, whole[: len(whole) // 2], b"<html>"], [0, 0, 1])
    found = read_headers(images)
    assert found.indices.tolist() == [0]
    assert found.formats == {"JPEG": 1}
    assert [item.path for item in found.unreadable] == ["image 2 of p0", "image 1 of p1"]
    assert "cut off" in found.unreadable[0].reason
    assert "not an image" in found.unreadable[1].reason


def test_pixels_have_sizes_too():
    pixels = np.zeros((3, 20, 30, 3), np.uint8)
    found = read_headers(images_of(pixels, [0, 0, 1], storage="pixels"))
    assert found.widths.tolist() == [30] * 3
    assert found.heights.tolist() == [20] * 3
    assert found.sizes.sum() == pixels.nbytes


def test_headers_tell_how_many_are_done():
    told = []
    read_headers(set_of([3]), report=told.append)
    assert told == [3]


# Images per identity


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30).filter(any))
def test_the_histogram_counts_everybody_once(counts):
    names = [f"p{i}" for i in range(len(counts))]
    found = images_per_identity(names, np.repeat(np.arange(len(counts)), counts))
    histogram = found.histogram()
    present = [count for count in counts if count]
    assert sum(row["identities"] for row in histogram) == len(present) == len(found.names)
    assert sum(row["images"] for row in histogram) == sum(counts)
    for row in histogram:
        assert row["identities"] == sum(row["from"] <= count <= row["to"] for count in present)
    assert all(a["to"] + 1 == b["from"] for a, b in itertools.pairwise(histogram))
    assert found.summary()["min"] == min(present)


def test_the_share_of_the_top_hundredth_is_that_of_its_identities():
    found = images_per_identity([str(i) for i in range(200)], np.repeat(np.arange(200), [1] * 198 + [51, 51]))
    assert found.top_share == pytest.approx(102 / 300)
    assert found.singletons == 198


# Likeness


def test_copies_and_recompressed_pictures_are_found_and_others_are_not():
    one, other = picture(1, 120, 120), picture(2, 120, 120)
    contents = [
        encoded(one),
        encoded(other),
        encoded(one),
        encoded(one.resize((90, 90)), quality=50),
        encoded(picture(3, 120, 120)),
    ]
    images = images_of(contents, [0, 1, 2, 0, 3])
    found = find_likeness(images, np.arange(5))
    assert found.pairs.tolist() == [[0, 2], [0, 3], [2, 3]]
    assert found.exact.tolist() == [True, False, False]
    assert found.copies(images.labels) == (0, 1)
    assert found.across_identities(images.labels).tolist() == [True, False, True]
    assert found.complete
    assert found.distances[0] == 0
    assert (found.distances <= NEAR).all()


def test_hashes_that_agree_by_chance_are_told_apart_by_their_pixels(monkeypatch):
    images = set_of([1, 1, 1])
    monkeypatch.setattr(likeness_module, "perceptual_hashes", lambda _, indices: np.zeros(len(indices), np.uint64))
    assert find_likeness(images, np.arange(3)).pairs.shape == (0, 2)


def test_blank_pictures_are_alike_and_never_all_listed(monkeypatch):
    monkeypatch.setattr(likeness_module, "LIMIT", 10)
    pixels = np.zeros((12, 16, 16, 3), np.uint8)
    images = images_of(pixels, [0] * 6 + [1] * 6, storage="pixels")
    found = find_likeness(images, np.arange(12))
    assert not found.complete
    assert 10 <= len(found.pairs) <= 20
    assert found.copies(images.labels) == (30, 36)


def test_lfw_holds_the_same_photograph_under_two_names(lfw_dir):
    names = ("Bart_Hendricks", "Ricky_Ray", "Carlos_Beltran", "Raul_Ibanez", "Emmy_Rossum", "Eva_Amurri", "AJ_Cook")
    paths = [lfw_dir / name / f"{name}_0001.jpg" for name in names]
    images = images_of(paths, np.arange(7), storage="files")
    found = find_likeness(images, np.arange(7))
    assert found.pairs.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert found.exact.tolist() == [True, True, False]
