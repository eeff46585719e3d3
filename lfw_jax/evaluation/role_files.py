"""Arrays by role in one `.npz` file with a version: the layout of `scores.npz` and `embeddings.npz`."""

import dataclasses
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError

Arrays = Mapping[str, np.ndarray]
"""The arrays of one role, by the names of the fields."""

T = TypeVar("T")


def write_roles(path: Path, items: Mapping[str, Any], *, version: int) -> None:
    """Write dataclasses of arrays to an `.npz` file, atomically, replacing an older one.

    Args:
      path: the file.
      items: the dataclasses by their role. Each field that is not None is stored as `<role>/<field>`.
      version: version of the layout.

    Raises:
      UserError: the file cannot be written.
    """
    arrays: dict[str, Any] = {"version": np.int64(version)}
    for role, item in items.items():
        for field in dataclasses.fields(item):
            if (value := getattr(item, field.name)) is not None:
                arrays[f"{role}/{field.name}"] = np.asarray(value)
    with written_atomically(path, replace=True) as (unfinished,), open(unfinished, "wb") as file:
        np.savez_compressed(file, **arrays)


def read_roles(path: Path, build: Callable[[Arrays], T], *, version: int, content: str) -> dict[str, T]:
    """Read a file of `write_roles`.

    Args:
      path: the file.
      build: a function from the arrays of one role to its dataclass.
      version: version of the layout that `build` understands.
      content: the content in messages, such as "scores".

    Raises:
      UserError: no such file, another version of the layout, or arrays that do not fit together.
    """
    remedy = "Evaluate again with --mode=evaluate."
    if not path.is_file():
        raise UserError(f"{path}: found no such file; expected the {content} that an evaluation writes.")
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is not an .npz file")
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        found = int(arrays.pop("version", -1))
        if found != version:
            raise UserError(f"{path}: found {content} of layout {found}, expected {version}. {remedy}")
        by_role: dict[str, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            role, _, field = name.rpartition("/")
            by_role.setdefault(role, {})[field] = array
        built = {}
        for role, fields in by_role.items():
            try:
                built[role] = build(fields)
            except KeyError as missing:
                raise ValueError(f"no array {role}/{missing.args[0]}") from missing
            except UserError as error:
                raise UserError(f"{path}: {error}") from error
        return built
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not readable as {content} of an evaluation ({error}). {remedy}") from error
