"""A set of labelled images, wherever they are stored."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.data.pair_list import Key
from lfw_jax.data.storage import choose

Storage = Literal["files", "encoded", "pixels"]


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with the person each shows.

    Attributes:
      names: the people, in a fixed order.
      labels: `[images]`, the person of each image as an index into `names`.
      numbers: `[images]`, the number of each image among its person's, as lists name it (the NNNN of the file name).
      images: the paths of the files, the encoded bytes, or pixels `[images, height, width, 3]`, as `storage` says. Paths
        and bytes may be a lazy sequence (`lfw_jax.data.storage`), which reads an image when it is indexed; any number of
        threads may index it.
      storage: "files", "encoded" or "pixels".
      skipped: what a source left out.
    """

    names: tuple[str, ...]
    labels: Int[np.ndarray, "images"]
    numbers: Int[np.ndarray, "images"]
    images: Sequence[Path] | Sequence[bytes] | UInt8[np.ndarray, "images height width 3"]
    storage: Storage
    skipped: Sequence[Skipped] = ()

    def __post_init__(self):
        if not len(self.labels) == len(self.numbers) == len(self.images):
            raise ValueError(
                f"labels, numbers and images must be equally long, found {len(self.labels)}, {len(self.numbers)} and "
                f"{len(self.images)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def keys(self) -> list[Key]:
        """The (name, number) of each image: a Python object for each, which millions of images do not bear."""
        numbers = self.numbers.tolist()
        return [(self.names[label], numbers[i]) for i, label in enumerate(self.labels.tolist())]

    def numbers_of_people(self) -> "NumbersOfPeople":
        """The numbers of each person's images, by name; each list is made when it is asked for."""
        return NumbersOfPeople(self.names, self.labels, self.numbers)

    def where(self, wanted: Int[np.ndarray, "chosen"]) -> "ImageSet":
        """The images at some places, in that order, with the people renumbered to those that are left.

        Files and encoded images are not read for it: `images` becomes a view.
        """
        labels = self.labels[wanted]
        people, renumbered = _renumber(labels, len(self.names))
        return dataclasses.replace(
            self,
            names=tuple(self.names[i] for i in people.tolist()),
            labels=renumbered,
            numbers=self.numbers[wanted],
            images=choose(self.images, np.asarray(wanted)),
            skipped=(),
        )

    def of_people(self, people: Collection[str]) -> "ImageSet":
        """The images of some people."""
        chosen = np.array([name in people for name in self.names], bool)
        return self.where(np.flatnonzero(chosen[self.labels]) if len(self.labels) else np.zeros(0, np.int64))

    def of_keys(self, keys: Sequence[Key]) -> "ImageSet":
        """Some images by (name, number), in that order. Raises KeyError for one that is not here."""
        return self.where(self.places(keys))

    def places(self, keys: Sequence[Key]) -> Int[np.ndarray, "keys"]:
        """Where the images of some (name, number) are. Raises KeyError for one that is not here."""
        label_of_name = {name: label for label, name in enumerate(self.names)}
        labels = np.array([label_of_name.get(name, -1) for name, _ in keys], np.int64)
        numbers = np.array([number for _, number in keys], np.int64)
        named = np.zeros(len(self.names) + 1, bool)  # one place more, for -1: a name that is not here
        named[labels] = True
        candidates = np.flatnonzero(named[:-1][self.labels]) if len(self) else np.zeros(0, np.int64)
        order = candidates[np.lexsort((self.numbers[candidates], self.labels[candidates]))]
        # (person, number) as one integer that sorts alike: numbers are below 2³², people too.
        known = (self.labels[order].astype(np.int64) << 32) + self.numbers[order]
        wanted = (labels << 32) + numbers
        found = np.searchsorted(known, wanted, side="right") - 1
        missing = (found < 0) | (labels < 0)
        missing[~missing] = known[found[~missing]] != wanted[~missing]
        if missing.any():
            raise KeyError(keys[int(np.argmax(missing))])
        return order[found] if len(keys) else np.zeros(0, np.int64)

    def describe(self, index: int) -> str:
        """What a message calls an image: its file, or its person and number."""
        if self.storage == "files":
            return str(self.images[index])
        return f"image {self.numbers[index]} of {self.names[self.labels[index]]}"


class NumbersOfPeople(Mapping[str, list[int]]):
    """The numbers of each person's images: a dictionary whose lists are made when asked for.

    Args:
      names: the people.
      labels: `[images]`, the person of each image.
      numbers: `[images]`, its number among that person's.
    """

    def __init__(self, names: Sequence[str], labels: Int[np.ndarray, "images"], numbers: Int[np.ndarray, "images"]):
        self._label = {name: label for label, name in enumerate(names)}
        if np.any(labels[1:] < labels[:-1]):
            order = np.argsort(labels, kind="stable")
            labels, numbers = labels[order], numbers[order]
        self._numbers = numbers
        self._starts = np.searchsorted(labels, np.arange(len(names) + 1))

    def __getitem__(self, name: str) -> list[int]:
        label = self._label[name]
        return self._numbers[self._starts[label] : self._starts[label + 1]].tolist()

    def __iter__(self) -> Iterator[str]:
        return iter(self._label)

    def __len__(self) -> int:
        return len(self._label)


def count_up(labels: Int[np.ndarray, "images"]) -> Int[np.ndarray, "images"]:
    """1, 2, 3 … within each label, in the order of the images: the numbers of a source that has none."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    numbers = np.empty(len(labels), np.int32)
    numbers[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered) + 1
    return numbers


def sort_people(names: Collection[str]) -> tuple[tuple[str, ...], Int[np.ndarray, "people"]]:
    """Different names in order, and the place there of each one as it was given."""
    order = tuple(sorted(names))
    places = {name: place for place, name in enumerate(order)}
    return order, np.array([places[name] for name in names], np.int32)


def _renumber(
    labels: Int[np.ndarray, "images"], people: int
) -> tuple[Int[np.ndarray, "left"], Int[np.ndarray, "images"]]:
    """Which of 0 … people - 1 occur, in order, and the labels counted among these: without sorting the labels."""
    present = np.zeros(people, bool)
    present[labels] = True
    return np.flatnonzero(present), (np.cumsum(present, dtype=np.int32) - np.int32(1))[labels]
