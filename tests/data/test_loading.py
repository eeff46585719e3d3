"""Both loaders yield the same batches in the order of the steps, from files, records and pixels, and report bad images."""

import collections
import dataclasses
import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.batches.loading import decode_all, stream
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import decode
from lfw_jax.data.images import ImageSet
from lfw_jax.data.storage import PackedPaths
from lfw_jax.errors import UserError

LOADERS = ["pillow", "tfdata"]
GEOMETRY = CropGeometry(20, 0.8, 2)
COUNT = 30


def encoded(number: int) -> bytes:
    """Encode an image whose format and shape depend on its number, as mixed as in real folders."""
    size = (40 + 7 * (number % 5), 36 + 5 * (number % 7))
    small = np.random.default_rng(number).integers(0, 256, (5, 5, 3), np.uint8)
    image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    kind, mode = [("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGBA"), ("GIF", "P"), ("JPEG", "CMYK"), ("BMP", "RGB")][
        number % 6
    ]
    image.convert(mode).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    folder = tmp_path_factory.mktemp("images")
    paths = []
    for number in range(COUNT):
        paths.append(folder / f"{number}.img")
        paths[-1].write_bytes(encoded(number))
    labels = np.arange(COUNT, dtype=np.int32) % 3
    return ImageSet(("a", "b", "c"), labels, np.arange(COUNT, dtype=np.int32), paths, "files")


def as_encoded(images: ImageSet) -> ImageSet:
    return dataclasses.replace(images, images=[path.read_bytes() for path in images.images], storage="encoded")


def sample(step: int) -> np.ndarray:
    return np.random.default_rng(step).integers(0, COUNT, 7 + step % 3)  # batches may differ in size


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("storage", ["files", "encoded"])
def test_a_batch_equals_its_images_decoded_one_by_one(images: ImageSet, loader: str, storage: str):
    source = images if storage == "files" else as_encoded(images)
    batches = list(stream(source, sample, start=2, stop=12, geometry=GEOMETRY, loader=loader))
    assert len(batches) == 10
    for step, batch in enumerate(batches, start=2):
        assert batch.dtype == np.uint8
        np.testing.assert_array_equal(batch, np.stack([decode(images.images[i], GEOMETRY) for i in sample(step)]))


@pytest.mark.parametrize("loader", LOADERS)
def test_pixels_are_resized_by_both_and_the_set_is_not_copied(images: ImageSet, loader: str):
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 50, 50, 3), np.uint8)
    in_memory = dataclasses.replace(images, images=pixels, storage="pixels")
    (batch,) = stream(in_memory, sample, start=1, stop=2, geometry=GEOMETRY, loader=loader)
    np.testing.assert_array_equal(batch, np.stack([decode(pixels[i], GEOMETRY) for i in sample(1)]))


@pytest.mark.parametrize("loader", LOADERS)
def test_only_sampled_images_are_read(images: ImageSet, loader: str):
    fetched: collections.Counter[int] = collections.Counter()
    lock = threading.Lock()

    class Lazy(collections.abc.Sequence):
        def __len__(self) -> int:
            return COUNT

        def __getitem__(self, index: int) -> bytes:
            with lock:
                fetched[index] += 1
            return encoded(index)

    lazy = dataclasses.replace(images, images=Lazy(), storage="encoded")
    list(
        stream(lazy, lambda step: np.arange(4 * step, 4 * step + 4), start=1, stop=4, geometry=GEOMETRY, loader=loader)
    )
    assert fetched == dict.fromkeys(range(4, 16), 1)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_consumer_may_stop_early(images: ImageSet, loader: str):
    before = threading.active_count()
    batches = iter(stream(images, sample, start=0, stop=10_000, geometry=GEOMETRY, loader=loader))
    assert next(batches).shape == (7, 24, 24, 3)
    batches.close()
    if loader == "pillow":
        assert threading.active_count() == before


@pytest.mark.parametrize("loader", LOADERS)
def test_no_steps_yield_no_batches(images: ImageSet, loader: str):
    assert list(stream(images, sample, start=5, stop=5, geometry=GEOMETRY, loader=loader)) == []


def test_all_images_are_decoded_in_order(images: ImageSet):
    many = images.where(np.arange(150) % COUNT)  # more than one batch
    found = decode_all(many, GEOMETRY, loader="pillow")
    np.testing.assert_array_equal(found, np.stack([decode(image, GEOMETRY) for image in many.images]))


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("damage", ["cut in half", "vanished", "a web page"])
def test_a_damaged_file_is_named_with_the_reason(images: ImageSet, tmp_path: Path, loader: str, damage: str):
    path = tmp_path / "Ann Ćirić_0002.jpg"
    whole = encoded(0)
    if damage != "vanished":
        path.write_bytes(whole[: len(whole) // 2] if damage == "cut in half" else b"<html></html>")
    damaged = dataclasses.replace(images, images=[*images.images[:5], path, *images.images[6:]])
    reason = {"cut in half": "truncated", "vanished": "No such file", "a web page": "not an image"}[damage]
    with pytest.raises(UserError, match=rf"(?i)Ann Ćirić_0002\.jpg could not be decoded \(.*{reason}"):
        list(
            stream(
                damaged,
                lambda step: np.arange(4 * step, 4 * step + 4),
                start=0,
                stop=6,
                geometry=GEOMETRY,
                loader=loader,
            )
        )


@pytest.mark.parametrize("loader", LOADERS)
def test_a_damaged_encoded_image_is_named_by_identity_and_number(images: ImageSet, loader: str):
    content = as_encoded(images)
    damaged = dataclasses.replace(content, images=[*content.images[:5], b"", *content.images[6:]])
    with pytest.raises(UserError, match="image 5 of c could not be decoded"):
        list(stream(damaged, lambda _: np.arange(COUNT), start=0, stop=1, geometry=GEOMETRY, loader=loader))


@pytest.mark.parametrize("loader", LOADERS)
def test_an_exception_of_the_sampler_is_not_hidden(images: ImageSet, loader: str):
    def wrong(step: int) -> np.ndarray:
        raise ZeroDivisionError(f"at step {step}")

    with pytest.raises(ZeroDivisionError, match="at step 3"):
        list(stream(images, wrong, start=3, stop=4, geometry=GEOMETRY, loader=loader))


@pytest.mark.parametrize("loader", LOADERS)
def test_batches_that_are_kept_do_not_change(images: ImageSet, loader: str):
    kept = list(stream(images, sample, start=0, stop=30, geometry=GEOMETRY, loader=loader))
    for step in (0, 10, 29):
        np.testing.assert_array_equal(kept[step], np.stack([decode(images.images[i], GEOMETRY) for i in sample(step)]))


def test_files_of_a_packed_set_are_read_by_name(images: ImageSet):
    folder = images.images[0].parent
    packed = dataclasses.replace(images, images=PackedPaths(folder, [path.name for path in images.images]))
    some = packed.where(np.array([9, 3, 27]))
    assert next(some.images.sources(np.array([0]))) == str(some.images[0]) == str(images.images[9])
    np.testing.assert_array_equal(
        decode_all(some, GEOMETRY, loader="pillow"), np.stack([decode(images.images[i], GEOMETRY) for i in (9, 3, 27)])
    )
