"""The feed: streamed, decoded and resident sets give the same batches, bit for bit."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.batches.loading import decode_all
from lfw_jax.data.batches.sampling import build_sampler
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.training import resident
from lfw_jax.training.devices import choose_devices, spread
from lfw_jax.training.feed import Feed, Storage, storage_of

GEOMETRY, BATCH, DEVICES = CropGeometry(12, 0.7, 1), 8, 2


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    return read_folder(write_folder(folder, people=10, images_per_person=3, side=40, seed=0))


def feed(images: ImageSet, storage: Storage) -> Feed:
    sampler = build_sampler(dict(name="uniform", batch_size=BATCH), images.labels, seed=3)
    return Feed(images, sampler.indices, GEOMETRY, choose_devices(DEVICES, BATCH), storage=storage, loader="pillow")


def per_device(feed: Feed, start: int, stop: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The images and labels that each device receives at each step, `[devices, slice, …]`."""
    if feed.storage != "resident":
        return [spread(batch, feed.devices) for batch in feed.batches(start, stop)]
    found = []
    for step, batch in zip(range(start, stop), feed.batches(start, stop), strict=True):
        pixels, labels, places, first = (np.asarray(array) for array in batch)
        at = [places[device, step - first[device]] for device in range(DEVICES)]
        found.append(tuple(np.stack([array[d][at[d]] for d in range(DEVICES)]) for array in (pixels, labels)))
    return found


@pytest.mark.parametrize("start", [0, 4])
@pytest.mark.parametrize("storage", ["streamed", "decoded", "resident"])
def test_every_storage_gives_the_sampled_images_and_labels(images, storage, start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resident, "_BLOCK", 3)  # so that blocks end, the last one early
    given = feed(images, storage)
    pixels, stop = decode_all(images, GEOMETRY, loader="pillow"), 8
    found = per_device(given, start, stop)
    assert len(found) == stop - start
    for step, (squares, labels) in zip(range(start, stop), found, strict=True):
        indices = given.indices(step)
        np.testing.assert_array_equal(squares.reshape(BATCH, *squares.shape[2:]), pixels[indices])
        np.testing.assert_array_equal(labels.reshape(BATCH), images.labels[indices])


@pytest.mark.parametrize("storage", ["streamed", "decoded", "resident"])
def test_each_step_is_sampled_once(images, storage):
    given, sampled = feed(images, storage), []

    def indices(step: int) -> np.ndarray:
        sampled.append(step)
        return given.indices(step)

    list(dataclasses.replace(given, indices=indices).batches(2, 7))
    assert sorted(sampled) == [2, 3, 4, 5, 6]


def test_a_resident_set_without_room_is_refused_when_the_feed_is_made(images, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resident, "free_bytes", lambda _: 10_000)
    with pytest.raises(UserError, match=r"--config\.data\.resident=True keeps 30 images of 14×14 pixels"):
        feed(images, "resident")
    feed(images, "decoded")


def test_resident_has_precedence_over_decoded():
    assert storage_of(keep_decoded=True, resident=True) == "resident"
    assert storage_of(keep_decoded=True, resident=False) == "decoded"
    assert storage_of(keep_decoded=False, resident=False) == "streamed"


def test_an_unreadable_image_is_a_user_error_in_every_storage(images, tmp_path: Path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    faulty = ImageSet(images.names, images.labels, images.numbers, [*images.images[:-1], broken], "files")
    for storage in ("streamed", "decoded", "resident"):
        with pytest.raises(UserError, match=r"broken\.jpg"):
            list(feed(faulty, storage).batches(0, 12))
