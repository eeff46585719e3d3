"""Embedded images: the embeddings of the images of one list, with their identities, and their files."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Shaped

from lfw_jax.errors import UserError
from lfw_jax.evaluation.role_files import Arrays, read_roles, write_roles

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
    write_roles(path, lists, version=VERSION)


def read_embeddings(path: Path) -> dict[str, EmbeddedImages]:
    """Read embedded images, by their role, from a file of `write_embeddings`.

    Args:
      path: the file.

    Raises:
      UserError: no such file, another version of the layout, or arrays that do not fit together.
    """
    return read_roles(path, _images, version=VERSION, content="embeddings")


def _images(arrays: Arrays) -> EmbeddedImages:
    return EmbeddedImages(
        name=str(arrays["name"]), **{field: arrays[field] for field in ("embeddings", "identities", "numbers")}
    )
