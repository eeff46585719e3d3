"""Any data set of tensorflow-datasets that has images and says who is on them. It is imported when it is used, not before."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lfw_jax.data.decoding.validity import fault
from lfw_jax.data.formats.example_message import bytes_feature
from lfw_jax.data.formats.tfrecord import TfRecords
from lfw_jax.data.images import ImageSet, Skipped, count_up, sort_people
from lfw_jax.data.storage import LazyImages
from lfw_jax.errors import UserError

_EXAMPLE = "such as --config.data.tfds=lfw:0.1.1/train"


class TfdsImages(LazyImages[bytes]):
    """The encoded images of the records of a data set, each parsed when it is asked for.

    Args:
      records: the serialised examples.
      features: the data set's features, which parse them.
      image: the name of the image feature.
      decoders: of every image feature, to leave it encoded.
    """

    def __init__(self, records: Sequence[bytes], features: Any, image: str, decoders: dict[str, Any]):
        self._records, self._features, self._image_name, self._decoders = records, features, image, decoders

    def __len__(self) -> int:
        return len(self._records)

    def _image(self, place: int) -> bytes:
        found = bytes_feature(self._records[place], self._image_name)
        return bytes(self.example(place)[self._image_name]) if found is None else found

    def example(self, place: int) -> dict[str, Any]:
        """All features of a record, images as encoded bytes."""
        return self._features.deserialize_example_np(self._records[place], decoders=self._decoders)


def read_tfds(text: str, data_dir: str | Path = "") -> ImageSet:
    """The images of one split of a data set.

    The data set needs one image feature (or one called `image`) and one label (what its supervised keys name, one called
    `label`, or its only class label): a class, a text or a number. Records are read in any order: from array_record or Parquet
    files by tensorflow-datasets, from TFRecord files by `TfRecords`. tensorflow-datasets keeps no index of the labels, so that
    opening reads every record once. The numbers of images are not known; a person's count from 1 in the order of the records.

    Args:
      text: `name:version/split`, the version optional, the split as tensorflow-datasets writes it: `train[:80%]`.
      data_dir: where tensorflow-datasets keeps its files; "" for its own default.

    Raises:
      UserError: tensorflow-datasets is missing, or has no such data set or split, or the data set no image or label.
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
    words, labels, skipped = {}, np.empty(len(images), np.int32), []
    for place in range(len(images)):
        example = images.example(place)
        labels[place] = words.setdefault(_word(features[label], example[label]), len(words))
        if reason := fault(bytes(example[image])):
            skipped.append(Skipped(f"{text} record {place}", reason))
            labels[place] = -1
    if not (labels >= 0).any():
        what = f"none of its {len(images)} records is a readable image" if len(images) else "it has no record"
        raise UserError(f"--config.data.tfds={text}: {what}{f', the first: {skipped[0].reason}' if skipped else ''}.")
    names, place_of_label = sort_people(words)
    everything = ImageSet(names, place_of_label[labels], labels, images, "encoded")  # of -1 some person, left out below
    kept = everything if not skipped else everything.where(np.flatnonzero(labels >= 0))
    return ImageSet(kept.names, kept.labels, count_up(kept.labels), kept.images, "encoded", tuple(skipped))


def _prepared(tfds: Any, text: str, name: str, data_dir: str | None) -> Any:
    """The builder of a data set that is on this machine, fetched and prepared where it was not."""
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (
        ValueError,
        AssertionError,
        OSError,
        RuntimeError,
    ) as error:  # its words for an unknown name, config or version
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"--config.data.tfds={text}: tensorflow-datasets has no '{name}' ({said[0][:200]}); expected name:version/split, "
            f"{_EXAMPLE}. --config.data.dir says where its files are."
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
                f"--config.data.tfds={text}: '{name}' is not in {builder.data_dir} and could not be fetched and prepared "
                f"({type(error).__name__}: {str(error)[:200]})."
            ) from error
    return builder


def _records(tfds: Any, text: str, builder: Any, split: str) -> Sequence[bytes]:
    """The serialised examples of a split, in any order."""
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
        f"--config.data.tfds={text}: its files are {', '.join(sorted(formats)) or 'of no known kind'}; expected array_record, "
        "parquet or tfrecord, which can be read in any order. Prepare it anew with file_format='array_record'."
    )


def _features(tfds: Any, text: str, info: Any) -> tuple[str, str]:
    """The names of the image and of the label."""
    features = info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        raise UserError(f"--config.data.tfds={text}: its records are no dictionaries of features.")
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
            "text or a whole number), or features of the names 'image' and 'label'."
        )
    return image, label


def _word(feature: Any, value: Any) -> str:
    """A label as text."""
    if hasattr(feature, "int2str"):
        return str(feature.int2str(int(value)))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
