"""Near duplicates: found if scaled, compressed or brightened, and not if two images are similar by chance."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from lfw_jax.data.duplicates.near_duplicates import (
    NEAR,
    exact_duplicates,
    find_near_duplicates,
    fine_distances,
    hamming,
    perceptual_hashes,
)
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError


def encoded(picture: Image.Image, quality: int = 95) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def as_set(images: list[bytes]) -> ImageSet:
    count = len(images)
    return ImageSet(("somebody",), np.zeros(count, np.int32), np.arange(1, count + 1), images, "encoded")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    folder = write_folder(
        tmp_path_factory.mktemp("synthetic") / "faces", people=12, images_per_person=2, side=120, seed=1
    )
    images = read_folder(folder)
    return [Image.open(images.images[index]).convert("RGB") for index in range(len(images))]


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: encoded(picture, quality=40),
        lambda picture: encoded(picture.resize((80, 80), Image.Resampling.BICUBIC)),
        lambda picture: encoded(ImageEnhance.Brightness(picture).enhance(1.15)),
        lambda picture: encoded(picture.convert("L").convert("RGB")),
    ],
    ids=["compressed", "shrunk", "brightened", "grey"],
)
def test_a_changed_copy_is_near_its_original_and_nothing_else(pictures, change):
    originals = as_set([encoded(picture) for picture in pictures])
    copies = as_set([change(picture) for picture in pictures])
    near = find_near_duplicates(originals, copies)
    assert near.pairs.tolist() == [[index, index] for index in range(len(pictures))]
    assert (near.distances <= NEAR).all()


def test_two_photographs_are_not_near_duplicates_and_given_hashes_change_nothing(pictures):
    images = as_set([encoded(picture) for picture in pictures])
    hashes = perceptual_hashes(images)
    assert hashes.dtype == np.uint64
    near = find_near_duplicates(images, hashes=hashes)
    assert near.pairs.tolist() == find_near_duplicates(images).pairs.tolist() == []


def test_hashes_are_in_the_order_of_the_indices_in_every_storage(pictures, tmp_path):
    files = [encoded(picture) for picture in pictures]
    of_bytes = as_set(files)
    for index, content in enumerate(files):
        (tmp_path / f"{index}.jpg").write_bytes(content)
    paths = [tmp_path / f"{index}.jpg" for index in range(len(files))]
    of_files = ImageSet(of_bytes.names, of_bytes.labels, of_bytes.numbers, paths, "files")
    indices = np.array([5, 0, 3])
    hashes = perceptual_hashes(of_bytes, indices)
    np.testing.assert_array_equal(hashes, perceptual_hashes(of_bytes)[indices])
    np.testing.assert_array_equal(hashes, perceptual_hashes(of_files, indices))
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in files])
    of_pixels = ImageSet(of_bytes.names, of_bytes.labels, of_bytes.numbers, pixels, "pixels")
    assert (hamming(hashes, perceptual_hashes(of_pixels, indices)) <= 4).all()


def test_fine_distances_are_zero_for_the_same_picture_and_large_for_two(pictures):
    images = as_set([encoded(pictures[0]), encoded(pictures[0]), encoded(pictures[5])])
    same, different = fine_distances(images, np.array([[0, 1], [1, 2]])).tolist()
    assert same == 0
    assert different > NEAR


def test_equal_bytes_are_grouped_across_names_and_equal_sizes_alone_are_not(tmp_path):
    contents = {"a.jpg": b"one", "b.jpg": b"two", "c.jpg": b"one", "d.jpg": b"three", "e.jpg": b"two"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    labels, numbers = np.arange(5, dtype=np.int32), np.ones(5, np.int32)
    of_files = ImageSet(tuple("abcde"), labels, numbers, [tmp_path / name for name in contents], "files")
    of_bytes = ImageSet(tuple("abcde"), labels, numbers, list(contents.values()), "encoded")
    pixels = np.zeros((5, 2, 2, 3), np.uint8)
    pixels[:, 0, 0, 0] = [1, 2, 1, 3, 2]
    for images in (of_files, of_bytes, ImageSet(tuple("abcde"), labels, numbers, pixels, "pixels")):
        assert [group.tolist() for group in exact_duplicates(images)] == [[0, 2], [1, 4]]


def test_an_image_that_cannot_be_decoded_is_named(pictures, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(encoded(pictures[0])[:400])
    images = ImageSet(("somebody",), np.zeros(1, np.int32), np.ones(1, np.int32), [broken], "files")
    with pytest.raises(UserError, match=r"broken\.jpg: cannot be decoded"):
        perceptual_hashes(images)


def test_lfw_photographs_that_carry_two_names_are_found(lfw_dir: Path):
    pairs = [
        ("Andrew_Caldecott", "Andrew_Gilligan"), ("Bart_Hendricks", "Ricky_Ray"), ("Carlos_Beltran", "Raul_Ibanez"),
        ("Emmy_Rossum", "Eva_Amurri"),
    ]  # fmt: skip
    identities = [identity for pair in pairs for identity in pair]
    portraits = [
        "Abdullah_Gul",
        "Silvio_Berlusconi",
        "Tony_Blair",
        "Javier_Solana",
    ]  # similar, but different photographs
    paths = [lfw_dir / identity / f"{identity}_0001.jpg" for identity in identities + portraits]
    count = len(paths)
    images = ImageSet(
        tuple(identities + portraits), np.arange(count, dtype=np.int32), np.ones(count, np.int32), paths, "files"
    )
    assert find_near_duplicates(images).pairs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [group.tolist() for group in exact_duplicates(images)] == [[2, 3], [4, 5]]


def test_a_margin_around_a_picture_does_not_hide_it(pictures):
    plain = as_set([encoded(picture) for picture in pictures])
    margins = as_set([encoded(ImageOps.expand(picture, 24, fill=(40, 90, 60))) for picture in pictures])
    crop = pictures[0].width / (pictures[0].width + 48)
    assert len(find_near_duplicates(margins, plain)) < len(pictures)
    near = find_near_duplicates(margins, plain, crop=crop)
    assert near.pairs.tolist() == [[index, index] for index in range(len(pictures))]
    assert near.distances.tolist() == find_near_duplicates(plain, margins, other_crop=crop).distances.tolist()


def test_pictures_are_compared_as_they_are_decoded(pictures):
    def deep(picture: Image.Image) -> bytes:
        file = io.BytesIO()
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) << 8).save(file, "PNG")
        return file.getvalue()

    def turned(picture: Image.Image) -> bytes:
        file, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = 6  # upright after a quarter turn clockwise
        picture.rotate(90, expand=True).save(file, "JPEG", quality=95, exif=exif)
        return file.getvalue()

    plain = as_set([encoded(picture) for picture in pictures])
    for change in (deep, turned):
        near = find_near_duplicates(plain, as_set([change(picture) for picture in pictures]))
        assert near.pairs.tolist() == [[index, index] for index in range(len(pictures))]
