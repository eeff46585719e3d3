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

# The content of config.data.dir that each source of existing data needs.
_NEEDS = {
    "folder": "a folder with one folder per identity",
    "array": "an .npz file of images and labels",
    "csv": "a list of path,label, such as a .csv or .lst",
    "rec": "a folder with train.rec and train.idx, or a .rec file",
    "bin": "a .bin verification set",
}
SOURCES = ("lfw", "folder", "synthetic", "array", "csv", "rec", "bin", "tfds")
_SOURCE_OF_SUFFIX = {
    ".npz": "array", ".rec": "rec", ".bin": "bin", ".csv": "csv", ".tsv": "csv", ".lst": "csv", ".txt": "csv",
}  # fmt: skip


def read_source(config: Mapping[str, Any], default_dir: Path) -> tuple[ImageSet, Path]:
    """Read the images of the source that a configuration names.

    Args:
      config: the `data` part of a configuration: `source`, `dir`, for "tfds" `tfds` and for "synthetic" `synthetic` (`people`,
        `images_per_person`, `side`, `seed`).
      default_dir: the folder to which the source "synthetic" writes if `dir` is empty.

    Returns:
      The images, and the folder in which their pair lists are expected.

    Raises:
      UserError: the source is unknown or reports a fault.
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
        # Imported here because it is the only source that needs TensorFlow Datasets.
        from lfw_jax.data.formats.tfds_source import read_tfds

        folder = tfds_folder(directory)
        return read_tfds(config["tfds"], directory), folder
    if not directory:
        raise UserError(
            f"--config.data.dir is empty; the source '{source}' needs {_NEEDS[source]}. To download LFW use "
            "--config.data.source=lfw; --config=configs/quickstart.py generates its own data."
        )
    return _read(source, directory), _list_folder(Path(directory))


def read_path(path: str | Path) -> tuple[ImageSet, Path]:
    """Read the images at a path, with the source chosen by its kind.

    Args:
      path: an `.npz`, `.rec` or `.bin` file, a list (`.csv`, `.tsv`, `.lst`, `.txt`), a folder with a `.rec` in it, or one with
        one folder per identity.

    Returns:
      The images, and the folder in which their pair lists are expected.

    Raises:
      UserError: the path is missing or of another kind.
    """
    path = Path(path)
    if path.is_dir():
        source = "rec" if any(path.glob("*.rec")) else "folder"
    elif path.exists():
        source = _SOURCE_OF_SUFFIX.get(path.suffix.lower(), "")
    else:
        raise UserError(
            f"{path}: found no such file or folder; expected a folder of images, or an .npz, .csv, .lst, .rec or .bin "
            "file."
        )
    if not source:
        raise UserError(
            f"{path}: found a file of an unknown kind; expected .npz, .csv, .lst, .rec or .bin, or a folder of images."
        )
    return _read(source, path), _list_folder(path)


def _read(source: str, path: str | Path) -> ImageSet:
    if source == "bin":
        return read_verification_bin(path)[0]
    return {"folder": read_folder, "array": read_array, "csv": read_csv, "rec": read_records}[source](path)


def _list_folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent
