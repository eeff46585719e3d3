"""Data sets of tensorflow-datasets, prepared here in every file format with random access."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.formats.tfds_source import read_tfds
from lfw_jax.data.formats.tfrecord import TfRecords
from lfw_jax.data.sources import read_source
from lfw_jax.errors import UserError
from tests.data.noise_images import jpeg

IDENTITIES = ("王 芳", "Ann Lee", "王 芳", "Bo", "Ann Lee", "Ann Lee")


def prepare(folder: Path, name: str, file_format: str, features: dict, examples: list[dict], supervised=None) -> None:
    """Prepare a data set with the single split `train` in a folder of its own."""
    import tensorflow_datasets as tfds

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(features), supervised_keys=supervised
            )

        def _split_generators(self, dl_manager):  # noqa: ARG002
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            yield from enumerate(examples)

    Builder.name = name
    # The folder where tensorflow-datasets looks for a description of the data set. In a package it would use
    # importlib_resources, which it does not install.
    Builder.pkg_dir_path, Builder.__module__ = folder, "__main__"
    Builder(data_dir=str(folder), file_format=file_format).download_and_prepare()


def faces(folder: Path, file_format: str, label: str = "text", name: str = "faces") -> None:
    import tensorflow_datasets as tfds

    kinds = {
        "text": (tfds.features.Text(), lambda identity: identity),
        "class": (tfds.features.ClassLabel(names=sorted(set(IDENTITIES))), lambda identity: identity),
        "number": (tfds.features.Scalar(np.int64), lambda identity: sorted(set(IDENTITIES)).index(identity) + 40),
    }
    feature, value = kinds[label]
    examples = [{"image": io.BytesIO(jpeg(i)), "label": value(identity)} for i, identity in enumerate(IDENTITIES)]
    features = {"image": tfds.features.Image(encoding_format="jpeg"), "label": feature}
    prepare(folder, name, file_format, features, examples)


# tensorflow-datasets 4.9 itself uses deprecated features of Python, NumPy and protobuf, and leaves files to the collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::UserWarning",
)  # fmt: skip


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_images_are_read_as_they_were_encoded(tmp_path: Path, file_format: str):
    faces(tmp_path, file_format)
    found, data_dir = read_source({"source": "tfds", "dir": str(tmp_path), "tfds": "faces:1.0.0/train"}, tmp_path)
    assert data_dir == tmp_path
    assert found.names == ("Ann Lee", "Bo", "王 芳")
    assert found.storage == "encoded"
    # tensorflow-datasets shuffles the records.
    expected = sorted((jpeg(i), identity) for i, identity in enumerate(IDENTITIES))
    assert sorted((found.images[i], found.names[found.labels[i]]) for i in range(6)) == expected
    assert sorted(found.keys()) == [
        ("Ann Lee", 1),
        ("Ann Lee", 2),
        ("Ann Lee", 3),
        ("Bo", 1),
        ("王 芳", 1),
        ("王 芳", 2),
    ]
    assert list(found.where(np.array([4, 1])).images) == [found.images[4], found.images[1]]


@pytest.mark.parametrize(("label", "names"), [("class", ("Ann Lee", "Bo", "王 芳")), ("number", ("40", "41", "42"))])
def test_a_label_may_be_a_class_or_a_number(tmp_path: Path, label: str, names: tuple[str, ...]):
    faces(tmp_path, "tfrecord", label)
    assert read_tfds("faces/train", tmp_path).names == names


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_a_part_of_a_split_is_that_part(tmp_path: Path, file_format: str):
    faces(tmp_path, file_format)
    everything = list(read_tfds("faces/train", tmp_path).images)
    assert list(read_tfds("faces/train[2:5]", tmp_path).images) == everything[2:5]
    assert list(read_tfds("faces/train[:50%]", tmp_path).images) == everything[:3]


def test_the_supervised_keys_select_the_label_and_broken_images_are_skipped(tmp_path: Path):
    import tensorflow_datasets as tfds

    images = [jpeg(0), jpeg(1), jpeg(2)[:300]]
    examples = [
        {"face": io.BytesIO(image), "who": f"p{i}", "place": "here", "year": i} for i, image in enumerate(images)
    ]
    features = {
        "face": tfds.features.Image(),
        "who": tfds.features.Text(),
        "place": tfds.features.Text(),
        "year": np.int64,
    }
    prepare(tmp_path, "keyed", "tfrecord", features, examples, supervised=("face", "who"))
    found = read_tfds("keyed/train", tmp_path)
    assert found.names == ("p0", "p1")
    assert sorted(found.images) == sorted(images[:2])
    assert "cut off" in found.skipped[0].reason
    prepare(tmp_path, "unkeyed", "tfrecord", features, examples)
    with pytest.raises(UserError, match=r"found the features .*expected one image and one label"):
        read_tfds("unkeyed/train", tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is ''; expected name:version/split, such as"),
        ("faces", "expected name:version/split"),
        ("faces/", "expected name:version/split"),
        ("none_such/train", "tensorflow-datasets has no 'none_such'"),
        ("faces:9.9.9/train", "tensorflow-datasets has no 'faces:9.9.9'"),
        ("faces/test", "there is no split 'test'; the splits are train"),
        ("faces/train[:x%]", "there is no split"),
    ],
)
def test_a_missing_set_or_split_is_reported(tmp_path: Path, text: str, words: str):
    faces(tmp_path, "tfrecord")
    with pytest.raises(UserError, match=words):
        read_tfds(text, tmp_path)


def test_without_tensorflow_datasets_the_remedy_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r"needs tensorflow-datasets, which is not installed.*lfw_jax\[tensorflow\]"):
        read_tfds("faces/train", tmp_path)


def test_tfrecords_that_are_cut_off_are_reported(tmp_path: Path):
    path = tmp_path / "a.tfrecord"
    record = (5).to_bytes(8, "little") + b"crc1" + b"hello" + b"crc2"
    path.write_bytes(record * 3)
    assert list(TfRecords([(path, 1, 2), (path, 0, 1)])) == [b"hello"] * 3
    for content in (record * 2, record * 2 + record[:-1], record * 2 + b"\xff" * 21, b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"a\.tfrecord: (record 2 at byte 42|cannot be read)"):
            TfRecords([(path, 0, 3)])
