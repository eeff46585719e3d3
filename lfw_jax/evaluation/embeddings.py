"""Embedded images: the embeddings of the images of one list, with their identities, and their files."""

import dataclasses
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError

VERSION = 1
"""Version of the layout of `embeddings.npz`."""


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddedImages:
    """The embeddings of distinct images. Identification, retrieval and the diagnosis are functions of it.

    Attributes:
      name: name of the list in reports.
      embeddings: raw embedding of each image, of any length; float32.
      identities: name of the identity of each image.
      numbers: number of each image among those of its identity (the NNNN of `<Name>_NNNN.jpg`).

    Raises:
      UserError: an embedding that is not finite.
      ValueError: arrays whose lengths differ, or no image.
    """

    name: str
    embeddings: Float[np.ndarray, "images dim"]
    identities: Shaped[np.ndarray, "images"]
    numbers: Int[np.ndarray, "images"]

    def __post_init__(self):
        for field, dtype in (("embeddings", np.float32), ("identities", np.str_), ("numbers", np.int64)):
            object.__setattr__(self, field, np.asarray(getattr(self, field), dtype))
        count = len(self.identities)
        if self.embeddings.ndim != 2 or not count or {len(self.embeddings), len(self.numbers)} != {count}:
            raise ValueError(
                f"{self.name}: expected embeddings [images, dim] and identities and numbers [images], not empty, found shapes "
                f"{self.embeddings.shape}, {self.identities.shape} and {self.numbers.shape}"
            )
        broken = np.flatnonzero(~np.isfinite(self.embeddings).all(axis=1))
        if len(broken):
            raise UserError(
                f"{self.name}: {len(broken)} of {count} embeddings are not finite, the first of image {broken[0] + 1}; expected "
                "finite numbers. The model has diverged. Use an earlier checkpoint, or train again with a lower learning rate."
            )

    def __len__(self) -> int:
        return len(self.identities)

    def labels(self) -> Int[np.ndarray, "images"]:
        """Return the index of each image's identity among the sorted names."""
        return np.unique(self.identities, return_inverse=True)[1]


def write_embeddings(path: Path, lists: Mapping[str, EmbeddedImages]) -> None:
    """Write embedded images to an `.npz` file, atomically, replacing an older one.

    Args:
      path: the file.
      lists: the images by their role, such as "test". The arrays of each are stored as `<role>/<field>`.

    Raises:
      UserError: the file cannot be written.
    """
    arrays: dict[str, Any] = {"version": np.int64(VERSION)}
    for role, images in lists.items():
        for field in dataclasses.fields(images):
            arrays[f"{role}/{field.name}"] = np.asarray(getattr(images, field.name))
    with written_atomically(path, replace=True) as (unfinished,), open(unfinished, "wb") as file:
        np.savez(file, **arrays)


def read_embeddings(path: Path) -> dict[str, EmbeddedImages]:
    """Read embedded images, by their role, from a file of `write_embeddings`.

    Args:
      path: the file.

    Raises:
      UserError: no such file, another version of the layout, or arrays that do not fit together.
    """
    if not path.is_file():
        raise UserError(f"{path}: found no such file; expected the embeddings that an evaluation writes.")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        version = int(arrays.pop("version", -1))
        if version != VERSION:
            raise UserError(
                f"{path}: found embeddings of layout {version}, expected {VERSION}. Evaluate again with --mode=evaluate."
            )
        return {
            role: EmbeddedImages(
                name=str(arrays[f"{role}/name"]),
                **{field: arrays[f"{role}/{field}"] for field in ("embeddings", "identities", "numbers")},
            )
            for role in dict.fromkeys(name.rpartition("/")[0] for name in arrays)
        }
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: not readable as embeddings of an evaluation ({error}). Evaluate again with --mode=evaluate."
        ) from error
