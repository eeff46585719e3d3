"""Data sets of tensorflow-datasets with images and identity labels, imported on first use only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lfw_jax.data.decoding.validity import fault
from lfw_jax.data.formats.example_message import bytes_feature
from lfw_jax.data.formats.tfrecord import TfRecords
from lfw_jax.data.images import ImageSet, Skipped, count_up, sort_identities
from lfw_jax.data.storage import LazyImages
from lfw_jax.errors import UserError

_EXAMPLE = "such as --config.data.tfds=lfw:0.1.1/train"


class TfdsImages(LazyImages[bytes]):
    """Encoded images of the records of a data set, each parsed on access.

    Args:
      records: the serialised examples.
      features: the features of the data set, which parse the examples.
      image: the name of the image feature.
      decoders: by image feature, the decoder that leaves the image encoded.
    """

    def __init__(self, records: Sequence[bytes], features: Any, image: str, decoders: dict[str, Any]):
        self._records, self._features, self._image_name, self._decoders = records, features, image, decoders

    def __len__(self) -> int:
        return len(self._records)

    def _image(self, index: int) -> bytes:
        found = bytes_feature(self._records[index], self._image_name)
        return bytes(self.example(index)[self._image_name]) if found is None else found

    def example(self, place: int) -> dict[str, Any]:
        """Return all features of the record at an index, with images as encoded bytes."""
        return self._features.deserialize_example_np(self._records[place], decoders=self._decoders)


def read_tfds(text: str, data_dir: str | Path = "") -> ImageSet:
    """Read the images of one split of a data set.

    The data set needs one image feature (or one called `image`) and one label (the one named by its supervised keys, one
    called `label`, or its only class label), which may be a class, a text or an integer. Records are accessed at random:
    array_record and Parquet files by tensorflow-datasets, TFRecord files by `TfRecords`. tensorflow-datasets keeps no index
    of the labels, so that opening reads every record once. Image numbers are unknown; the images of each identity are
    numbered from 1 in the order of the records.

    Args:
      text: `name:version/split`; the version is optional, the split has the syntax of tensorflow-datasets: `train[:80%]`.
      data_dir: the folder of tensorflow-datasets; "" for its own default.

    Returns:
      The image set. Records whose image cannot be read are left out and listed in `skipped`.

    Raises:
      UserError: tensorflow-datasets is not installed or has no such data set or split, or the data set lacks an image or
        label feature.
    """
    name, slash, split = text.rpartition("/")
    if not slash or not name or not split:
        raise UserError(f"--config.data.tfds is '{text}'; expected name:version/split, {_EXAMPLE}.")
    try:
        import tensorflow_datasets as tfds
    except ModuleNotFoundError as error:
        raise UserError(
            f"--config.data.source=tfds needs tensorflow-datasets, which is not installed ({error}). Install "
            "lfw_jax[tensorflow], or use another source."
        ) from error
    builder = _prepared(tfds, text, name, str(data_dir) or None)
    features = builder.info.features
    image, label = _features(tfds, text, builder.info)
    decoders = {
        key: tfds.decode.SkipDecoding() for key, feature in features.items() if isinstance(feature, tfds.features.Image)
    }
    images = TfdsImages(_records(tfds, text, builder, split), features, image, decoders)
    label_of_name, labels, skipped = {}, np.empty(len(images), np.int32), []
    for index in range(len(images)):
        example = images.example(index)
        labels[index] = label_of_name.setdefault(_label_text(features[label], example[label]), len(label_of_name))
        if reason := fault(bytes(example[image])):
            skipped.append(Skipped(f"{text} record {index}", reason))
            labels[index] = -1
    if not (labels >= 0).any():
        found = f"none of its {len(images)} records is a readable image" if len(images) else "it has no record"
        raise UserError(f"--config.data.tfds={text}: {found}{f', the first: {skipped[0].reason}' if skipped else ''}.")
    names, sorted_label = sort_identities(label_of_name)
    # The label -1 selects some identity, but those images are left out in the next line.
    everything = ImageSet(names, sorted_label[labels], labels, images, "encoded")
    readable = everything if not skipped else everything.where(np.flatnonzero(labels >= 0))
    return ImageSet(
        readable.names, readable.labels, count_up(readable.labels), readable.images, "encoded", tuple(skipped)
    )


def _prepared(tfds: Any, text: str, name: str, data_dir: str | None) -> Any:
    """Return the builder of a data set, downloaded and prepared if necessary."""
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (
        ValueError,
        AssertionError,
        OSError,
        RuntimeError,
    ) as error:  # raised for an unknown name, config or version
        message = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"--config.data.tfds={text}: tensorflow-datasets has no '{name}' ({message[0][:200]}); expected name:version/split, "
            f"{_EXAMPLE}. --config.data.dir is the folder of its files."
        ) from error
    if not builder.is_prepared():
        from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

        try:
            builder.download_and_prepare(file_format="array_record")
        except (
            OSError, ValueError, AssertionError, RuntimeError, ImportError, tfds.download.DownloadError,
            NonMatchingChecksumError,
        ) as error:  # fmt: skip
            raise UserError(
                f"--config.data.tfds={text}: '{name}' is not in {builder.data_dir} and could not be downloaded and prepared "
                f"({type(error).__name__}: {str(error)[:200]})."
            ) from error
    return builder


def _records(tfds: Any, text: str, builder: Any, split: str) -> Sequence[bytes]:
    """Return the serialised examples of a split, with random access."""
    try:
        chosen = builder.info.splits[split]
        files = chosen.file_instructions
    except (KeyError, ValueError, AssertionError) as error:
        known = ", ".join(builder.info.splits) or "none"
        raise UserError(f"--config.data.tfds={text}: there is no split '{split}'; the splits are {known}.") from error
    formats = {kind.value for kind in builder.info.available_file_formats()}
    if formats & {"array_record", "parquet"}:
        return builder.as_data_source(split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES)
    if "tfrecord" in formats:
        return TfRecords([(Path(file.filename), file.skip, file.take) for file in files])
    raise UserError(
        f"--config.data.tfds={text}: its files are {', '.join(sorted(formats)) or 'of an unknown format'}; expected "
        "array_record, parquet or tfrecord, which allow random access. Prepare it again with file_format='array_record'."
    )


def _features(tfds: Any, text: str, info: Any) -> tuple[str, str]:
    """Return the names of the image feature and of the label feature."""
    features = info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        raise UserError(
            f"--config.data.tfds={text}: its records are not dictionaries of features; expected an image and a label."
        )
    images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    labels = [
        key for key, feature in features.items()
        if isinstance(feature, tfds.features.ClassLabel | tfds.features.Text)
        or (isinstance(feature, tfds.features.Scalar) and np.issubdtype(feature.np_dtype, np.integer))
    ]  # fmt: skip
    supervised = info.supervised_keys if isinstance(info.supervised_keys, tuple) else ()
    named = [key for key in (*supervised[1:2], "label") if key in labels]
    classes = [key for key in labels if isinstance(features[key], tfds.features.ClassLabel)]
    image = next(iter(["image"] if "image" in images else images if len(images) == 1 else []), None)
    label = next(iter(named or (classes if len(classes) == 1 else labels if len(labels) == 1 else [])), None)
    if image is None or label is None:
        raise UserError(
            f"--config.data.tfds={text}: found the features {', '.join(features)}; expected one image and one label (a class, a "
            "text or an integer), or features named 'image' and 'label'."
        )
    return image, label


def _label_text(feature: Any, value: Any) -> str:
    """Return a label as text."""
    if hasattr(feature, "int2str"):
        return str(feature.int2str(int(value)))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
