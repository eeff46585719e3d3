"""The data sources by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lfw_jax.data.array import read_array
from lfw_jax.data.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.lfw import fetch_lfw
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError

SOURCES = ("lfw", "folder", "synthetic", "array")


def read_source(config: Mapping[str, Any], default_dir: Path) -> tuple[ImageSet, Path]:
    """The images that `config` (the `data` part of a configuration) names, and the folder beside which lists lie.

    Args:
      config: `source`, `dir` and, for "synthetic", `synthetic` (`people`, `images_per_person`, `side`, `seed`).
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
    if not directory:
        what = "a folder of one folder a person" if source == "folder" else "an .npz file of images and labels"
        raise UserError(
            f"--config.data.dir is empty; the source '{source}' needs {what}. To fetch LFW use --config.data.source=lfw; "
            "--config=configs/quickstart.py makes its own data."
        )
    if source == "folder":
        return read_folder(directory), Path(directory)
    return read_array(directory), Path(directory).parent
