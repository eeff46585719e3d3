"""Labels of any source are indices of identities, however large the numbers in its files are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.batches.sampling import build_sampler
from lfw_jax.data.images import ImageSet
from lfw_jax.data.sources import read_source
from lfw_jax.errors import UserError
from tests.data.noise_images import jpeg
from tests.data.records.test_reading import record, write_set

PIXELS = np.zeros((4, 16, 16, 3), np.uint8)
FAR_APART = (7, 7 + 2**32, 7, 7 + 2**33)


def read(source: str, path: Path) -> ImageSet:
    return read_source(dict(source=source, dir=str(path)), path)[0]


def assert_three_identities(images: ImageSet) -> None:
    """The first and the third image are of one identity; a sampler accepts the labels."""
    assert len(set(images.names)) == len(images.names) == 3
    assert images.labels.dtype == np.int32
    assert images.labels[0] == images.labels[2]
    assert sorted(set(images.labels.tolist())) == [0, 1, 2]
    sampler = build_sampler(dict(name="uniform", batch_size=4), images.labels, seed=0)
    assert images.labels[sampler.indices(0)].max() < len(images.names)


def test_labels_of_a_csv_list_are_names(tmp_path: Path):
    lines = []
    for index, label in enumerate(FAR_APART):
        Image.fromarray(PIXELS[0]).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,{label}\n")
    (tmp_path / "list.csv").write_text("".join(lines))
    assert_three_identities(read("csv", tmp_path / "list.csv"))


def test_the_names_of_folders_may_be_any_numbers(tmp_path: Path):
    for index, label in enumerate(FAR_APART):
        (tmp_path / str(label)).mkdir(exist_ok=True)
        Image.fromarray(PIXELS[0]).save(tmp_path / str(label) / f"{index}.png")
    images = read("folder", tmp_path)
    assert sorted(images.names) == sorted(map(str, set(FAR_APART)))
    assert sorted(images.names[label] for label in images.labels) == sorted(map(str, FAR_APART))


def test_labels_of_records_are_renumbered_up_to_31_bits_and_refused_beyond(tmp_path: Path):
    large = float(2**31 - 128)  # the largest float32 below 2³¹
    labels = (7.0, large, 7.0, float(2**24))
    images = {number: record(label, image=jpeg(number)) for number, label in enumerate(labels, start=1)}
    assert_three_identities(read("rec", write_set(tmp_path / "accepted", images)))
    images[5] = record(float(2**32), image=jpeg(5))
    found = read("rec", write_set(tmp_path / "skipped", images))
    assert [skipped.reason for skipped in found.skipped] == [
        "found the label 4.29497e+09, expected a non-negative integer below 2³¹"
    ]
    assert_three_identities(found)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_labels_of_arrays_beyond_the_names_are_refused(tmp_path: Path, dtype):
    np.savez(tmp_path / "far.npz", pixels=PIXELS, labels=np.array(FAR_APART, dtype), names=["a", "b", "c"])
    with pytest.raises(UserError, match=f"`labels` range from 7 to {7 + 2**33}, but there are 3 `names`"):
        read("array", tmp_path / "far.npz")


@pytest.mark.parametrize("label", [-1, 2, 2**32])
def test_an_image_set_refuses_labels_that_are_no_indices_of_names(label: int):
    labels = np.array([0, 1, 1, label])
    with pytest.raises(ValueError, match=r"indices into 2 names, found labels from .*expected 0 to 1"):
        ImageSet(("a", "b"), labels, np.arange(4), PIXELS, "pixels")
