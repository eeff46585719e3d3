"""The file of what was fitted to training images in a work directory, `backend.npz`."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError

BACKENDS = "backend.npz"
"""Name of the file in a work directory."""

VERSION = 1
"""Version of the layout of `backend.npz`."""

Arrays = Mapping[str, Shaped[np.ndarray, "..."]]
"""The arrays of one part by name."""

_REMEDY = "Remove the file, and fit again with --mode=train."


def write_parts(path: Path, parts: Mapping[str, Arrays], *, seconds: float) -> None:
    """Write fitted parts atomically, replacing an older file.

    Args:
      path: the file.
      parts: the arrays of each part by its name, such as those of `FittedBackend.to_arrays`.
      seconds: duration of the fitting.

    Raises:
      UserError: the file cannot be written.
    """
    arrays = {f"{part}/{name}": array for part, fields in parts.items() for name, array in fields.items()}
    arrays |= {"version": np.array(VERSION), "seconds": np.array(seconds)}
    with written_atomically(path, replace=True) as (unfinished,), open(unfinished, "wb") as file:
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]


def read_parts(path: Path) -> tuple[dict[str, dict[str, np.ndarray]], float]:
    """Return the arrays of each fitted part by its name, and the duration of the fitting in seconds.

    Args:
      path: the file.

    Raises:
      UserError: no such file, a damaged one, or one of another version.
    """
    try:
        with open(path, "rb") as opened, np.load(opened) as file:  # NumPy leaves a damaged file open
            arrays = {name: file[name] for name in file.files}
        if (version := int(arrays["version"])) != VERSION:
            raise UserError(f"{path}: found version {version}, expected {VERSION}. {_REMEDY}")
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            part, slash, field = name.partition("/")
            if slash:
                parts.setdefault(part, {})[field] = array
        return parts, float(arrays["seconds"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as fitted backends ({error}). {_REMEDY}") from error
