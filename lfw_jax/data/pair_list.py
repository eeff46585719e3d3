"""Pair lists: pairs of images, each given by the name of its identity and a number."""

import dataclasses
import itertools
from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Int

Key = tuple[str, int]
"""The name of an identity and the number of one of its images, from 1: the NNNN of `<Name>_NNNN.jpg`."""


class NamedImages(Protocol):
    """A list of images with a name: a pair list, or a set that is evaluated."""

    @property
    def name(self) -> str:
        """The name of the list in reports."""
        ...

    def keys(self) -> Sequence[Key]:
        """Return the identity and number of each image."""
        ...


Images = int | Collection[int]
"""The images of one identity: their count, with numbers from 1, or the numbers themselves."""


@dataclasses.dataclass(frozen=True, eq=False)
class PairList:
    """Labelled pairs of images for face verification.

    Attributes:
        first: the first image of each pair.
        second: the second image of each pair.
        same: `[pairs]`, true if both images show the same identity.
        name: the name of the list in reports.
        folds: `[pairs]`, the fold of each pair, from 0; None for a list without folds.
        named: false if names do not mean identities, as in a `.bin` file: one person may then have several names.
    """

    first: tuple[Key, ...]
    second: tuple[Key, ...]
    same: Bool[np.ndarray, "pairs"]
    name: str
    folds: Int[np.ndarray, "pairs"] | None = None
    named: bool = True

    def __post_init__(self):
        object.__setattr__(self, "same", np.asarray(self.same, dtype=bool))
        if self.folds is not None:
            object.__setattr__(self, "folds", np.asarray(self.folds, dtype=np.int64))
        lengths = [len(self.first), len(self.second), len(self.same)]
        lengths += [] if self.folds is None else [len(self.folds)]
        if len(set(lengths)) != 1:
            raise ValueError(f"{self.name}: first, second, same and folds must be equally long, found {lengths}")

    def __len__(self) -> int:
        return len(self.first)

    def keys(self) -> tuple[Key, ...]:
        """Return the distinct images of the list, in the order of their first appearance."""
        return tuple(dict.fromkeys(itertools.chain.from_iterable(zip(self.first, self.second, strict=True))))

    def indices(self) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]:
        """Return the indices in `keys()` of the first and of the second image of each pair."""
        index_of = {key: index for index, key in enumerate(self.keys())}
        first, second = ([index_of[key] for key in side] for side in (self.first, self.second))
        return np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)

    def identities(self) -> frozenset[str]:
        """Return the names of all identities in the list."""
        return frozenset(name for name, _ in self.first + self.second)

    def where(self, wanted: Int[np.ndarray, "chosen"] | Bool[np.ndarray, "pairs"], name: str) -> "PairList":
        """Return a list of selected pairs.

        Args:
          wanted: the indices of the pairs, in the order of the new list, or a mask over the pairs.
          name: the name of the new list.
        """
        wanted = np.flatnonzero(wanted) if np.asarray(wanted).dtype == bool else np.asarray(wanted, dtype=np.int64)
        return PairList(
            first=tuple(self.first[i] for i in wanted.tolist()),
            second=tuple(self.second[i] for i in wanted.tolist()),
            same=self.same[wanted],
            name=name,
            folds=None if self.folds is None else self.folds[wanted],
            named=self.named,
        )


def image_numbers(images: Images) -> list[int]:
    """Return the distinct numbers of the images of one identity, sorted."""
    return list(range(1, images + 1)) if isinstance(images, int) else sorted(set(images))
