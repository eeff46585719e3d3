"""Lists of this package's own making: pairs of images, by name and number."""

import dataclasses
import itertools
from collections.abc import Collection

import numpy as np
from jaxtyping import Bool, Int

Key = tuple[str, int]
"""A person's name and the number of one of their images, from 1: the NNNN of `<Name>_NNNN.jpg`."""

Images = int | Collection[int]
"""The images of one person: how many, numbered from 1, or their numbers."""


@dataclasses.dataclass(frozen=True, eq=False)
class PairList:
    """Pairs of images to be judged as same or different person.

    Attributes:
        first: the first image of each pair.
        second: the second image of each pair, as many.
        same: `[pairs]`, true where both images show one person.
        name: what reports call the list.
        folds: `[pairs]`, the fold of each pair from 0; None for a list in one piece.
    """

    first: tuple[Key, ...]
    second: tuple[Key, ...]
    same: Bool[np.ndarray, "pairs"]
    name: str
    folds: Int[np.ndarray, "pairs"] | None = None

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
        """Every image of the list once, in the order of its first appearance."""
        return tuple(dict.fromkeys(itertools.chain.from_iterable(zip(self.first, self.second, strict=True))))

    def indices(self) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]:
        """The places of each pair's first and second image in `keys()`."""
        place = {key: index for index, key in enumerate(self.keys())}
        first, second = ([place[key] for key in side] for side in (self.first, self.second))
        return np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)

    def people(self) -> frozenset[str]:
        """The names of all people in the list."""
        return frozenset(name for name, _ in self.first + self.second)

    def where(self, wanted: Int[np.ndarray, "chosen"] | Bool[np.ndarray, "pairs"], name: str) -> "PairList":
        """Some of the pairs, in that order, as a list of another name."""
        wanted = np.flatnonzero(wanted) if np.asarray(wanted).dtype == bool else np.asarray(wanted, dtype=np.int64)
        return PairList(
            first=tuple(self.first[i] for i in wanted.tolist()),
            second=tuple(self.second[i] for i in wanted.tolist()),
            same=self.same[wanted],
            name=name,
            folds=None if self.folds is None else self.folds[wanted],
        )


def image_numbers(images: Images) -> list[int]:
    """The distinct numbers of one person's images, sorted."""
    return list(range(1, images + 1)) if isinstance(images, int) else sorted(set(images))
