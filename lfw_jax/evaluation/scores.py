"""Scored pairs: the distances, labels and folds of a list of pairs, and their files."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from lfw_jax.errors import UserError
from lfw_jax.evaluation.role_files import Arrays, read_roles, write_roles

VERSION = 1
"""Version of the layout of `scores.npz`."""

_OPTIONAL = ("identities", "images", "folds")


@dataclasses.dataclass(frozen=True, eq=False)
class ScoredPairs:
    """The distances and labels of the pairs of one list. Every metric of pairs is a function of it.

    Attributes:
      name: name of the list in reports.
      distances: distance of each pair, float64; smaller is more similar.
      same: true where both images show one identity.
      identities: names of the two identities of each pair; None if unknown.
      images: numbers of the two images of each pair among those of their identities (the NNNN of `<Name>_NNNN.jpg`);
        None if unknown.
      folds: fold of each pair; None for a list without folds.
      named: false if names do not mean identities, as in a `.bin` file: one person may then have several names, so that nothing
        may be derived from equal or from different names.

    Raises:
      UserError: a distance that is not finite, or pairs of one kind only.
      ValueError: arrays whose lengths differ.
    """

    name: str
    distances: Float[np.ndarray, "pairs"]
    same: Bool[np.ndarray, "pairs"]
    identities: Shaped[np.ndarray, "pairs 2"] | None = None
    images: Int[np.ndarray, "pairs 2"] | None = None
    folds: Int[np.ndarray, "pairs"] | None = None
    named: bool = True

    def __post_init__(self):
        for field, dtype in (("distances", np.float64), ("same", np.bool_), ("images", np.int64), ("folds", np.int64)):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, np.asarray(value, dtype))
        if self.identities is not None:
            object.__setattr__(self, "identities", np.asarray(self.identities, np.str_))
        pairs = self.distances.shape[:1]
        if self.distances.ndim != 1:
            raise ValueError(f"{self.name}: expected distances [pairs], found shape {self.distances.shape}")
        for field, shape in (("same", pairs), ("identities", (*pairs, 2)), ("images", (*pairs, 2)), ("folds", pairs)):
            value = getattr(self, field)
            if value is not None and value.shape != shape:
                raise ValueError(f"{self.name}: expected {field} of shape {shape}, found {value.shape}")
        self._check_values()

    def _check_values(self) -> None:
        broken = np.flatnonzero(~np.isfinite(self.distances))
        if len(broken):
            raise UserError(
                f"{self.name}: {len(broken)} of {len(self)} distances are not finite, the first at pair {broken[0] + 1}; "
                "expected finite numbers. The embeddings contain NaN or infinity: the model has diverged. Use an earlier "
                "checkpoint, or train again with a lower learning rate."
            )
        if self.same.all() or not self.same.any():
            raise UserError(
                f"{self.name}: found {self.same.sum()} same pairs and {(~self.same).sum()} different pairs; expected at least "
                "one of each. Use a list with both."
            )

    def __len__(self) -> int:
        return len(self.distances)


def write_scores(path: Path, lists: Mapping[str, ScoredPairs]) -> None:
    """Write scored pairs to an `.npz` file, atomically, replacing an older one.

    Args:
      path: the file.
      lists: the lists by their role, such as "test" or "held_out". The arrays of each are stored as `<role>/<field>`.

    Raises:
      UserError: the file cannot be written.
    """
    write_roles(path, lists, version=VERSION)


def read_scores(path: Path) -> dict[str, ScoredPairs]:
    """Read scored pairs, by their role, from a file of `write_scores`.

    Args:
      path: the file.

    Raises:
      UserError: no such file, another version of the layout, or arrays that do not fit together.
    """
    return read_roles(path, _scored, version=VERSION, content="scores")


def _scored(arrays: Arrays) -> ScoredPairs:
    return ScoredPairs(
        name=str(arrays["name"]),
        distances=arrays["distances"],
        same=arrays["same"],
        named=bool(arrays.get("named", True)),
        **{field: arrays.get(field) for field in _OPTIONAL},
    )
