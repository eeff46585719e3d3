"""The file of fitted backends in a work directory, `backend.npz`."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.backends.backend import FittedBackend
from lfw_jax.errors import UserError

BACKENDS = "backend.npz"
"""Name of the file in a work directory."""

VERSION = 1
"""Version of the layout of `backend.npz`."""

_REMEDY = "Remove the file, and fit again with --mode=train."


def write_backends(path: Path, backends: Mapping[str, FittedBackend], *, seconds: float) -> None:
    """Write fitted backends atomically, replacing an older file.

    Args:
      path: the file.
      backends: the backends by their part, such as "0" or "joint".
      seconds: duration of the fitting.

    Raises:
      UserError: the file cannot be written.
    """
    arrays = {
        f"{part}/{name}": array for part, backend in backends.items() for name, array in backend.to_arrays().items()
    }
    arrays |= {"version": np.array(VERSION), "seconds": np.array(seconds)}
    with written_atomically(path, replace=True) as (unfinished,), open(unfinished, "wb") as file:
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]


def read_backends(path: Path) -> tuple[dict[str, FittedBackend], float]:
    """Return the fitted backends by their part, and the duration of the fitting in seconds.

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
        seconds = float(arrays["seconds"])
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            part, slash, field = name.partition("/")
            if slash:
                parts.setdefault(part, {})[field] = array
        return {part: FittedBackend.from_arrays(fields) for part, fields in parts.items()}, seconds
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as fitted backends ({error}). {_REMEDY}") from error
