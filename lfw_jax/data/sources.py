"""The data sources by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lfw_jax.data.formats.array import read_array
from lfw_jax.data.formats.csv_list import read_csv
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.lfw import fetch_lfw, tfds_folder
from lfw_jax.data.formats.verification_bin import read_verification_bin
from lfw_jax.data.images import ImageSet
from lfw_jax.data.records.reading import read_records
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError

# What each source that reads what a person has needs in config.data.dir.
_NEEDS = {
    "folder": "a folder of one folder a person",
    "array": "an .npz file of images and labels",
    "csv": "a CSV of path,label",
    "rec": "a folder with train.rec and train.idx, or a .rec file",
    "bin": "a .bin verification set",
}
SOURCES = ("lfw", "folder", "synthetic", "array", "csv", "rec", "bin", "tfds")
_SOURCE_OF_ENDING = {".npz": "array", ".csv": "csv", ".rec": "rec", ".bin": "bin"}


def read_source(config: Mapping[str, Any], default_dir: Path) -> tuple[ImageSet, Path]:
    """The images that `config` (the `data` part of a configuration) names, and the folder beside which lists lie.

    Args:
      config: `source`, `dir`, for "tfds" `tfds` and for "synthetic" `synthetic` (`people`, `images_per_person`, `side`,
        `seed`).
      default_dir: where the source "synthetic" writes when `dir` is empty.

    Raises:
      UserError: an unknown source, or what the source itself finds wrong.
    """
    source, directory = config["source"], config["dir"]
    if source not in SOURCES:
        raise UserError(f"--config.data.source is '{source}'; the known sources are {', '.join(SOURCES)}.")
    if source == "lfw":
        folder = fetch_lfw(directory)
        return read_folder(folder), folder
    if source == "synthetic":
        folder = write_folder(Path(directory) if directory else default_dir, **dict(config["synthetic"]))
        return read_folder(folder), folder
    if source == "tfds":
        # Here, because it is the one source that looks for TensorFlow Datasets.
        from lfw_jax.data.formats.tfds_source import read_tfds

        return read_tfds(config["tfds"], directory), tfds_folder(directory)
    if not directory:
        raise UserError(
            f"--config.data.dir is empty; the source '{source}' needs {_NEEDS[source]}. To fetch LFW use "
            "--config.data.source=lfw; --config=configs/quickstart.py makes its own data."
        )
    return _read(source, directory), _beside(Path(directory))


def read_path(path: str | Path) -> tuple[ImageSet, Path]:
    """The images at a path, whatever it is, and the folder beside which lists lie.

    Args:
      path: an `.npz`, `.csv`, `.rec` or `.bin` file, a folder with a `.rec` in it, or a folder of one folder a person.

    Raises:
      UserError: nothing of the kind is there.
    """
    path = Path(path)
    if path.is_dir():
        source = "rec" if any(path.glob("*.rec")) else "folder"
    elif path.exists():
        source = _SOURCE_OF_ENDING.get(path.suffix.lower(), "")
    else:
        raise UserError(
            f"{path}: found nothing there; expected a folder of images or an .npz, .csv, .rec or .bin file."
        )
    if not source:
        raise UserError(
            f"{path}: found a file of no known kind; expected .npz, .csv, .rec or .bin, or a folder of images."
        )
    return _read(source, path), _beside(path)


def _read(source: str, path: str | Path) -> ImageSet:
    if source == "bin":
        return read_verification_bin(path)[0]
    return {"folder": read_folder, "array": read_array, "csv": read_csv, "rec": read_records}[source](path)


def _beside(path: Path) -> Path:
    return path if path.is_dir() else path.parent
