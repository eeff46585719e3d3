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
    """A file that was left out.

    Attributes:
      path: the file, or the record or image in it.
      reason: the fault.
    """

    path: str
    reason: str


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with identity labels.

    Attributes:
      names: the identities, in a fixed order.
      labels: `[images]`, the identity of each image as an index into `names`.
      numbers: `[images]`, the number of each image within its identity, as in pair lists (the NNNN of the file name).
      images: file paths, encoded bytes, or pixels `[images, height, width, 3]`, according to `storage`. Paths and bytes may
        be a lazy sequence (`lfw_jax.data.storage`), which reads an image on access and which any number of threads may
        index.
      storage: "files", "encoded" or "pixels".
      skipped: the files or records that the source left out.
      undetected: the images in which no face was detected, so that their crop is the centre of the image; None if faces were not
        detected. Keys of images that are not in the set may be among them.
    """

    names: tuple[str, ...]
    labels: Int[np.ndarray, "images"]
    numbers: Int[np.ndarray, "images"]
    images: Sequence[Path] | Sequence[bytes] | UInt8[np.ndarray, "images height width 3"]
    storage: Storage
    skipped: Sequence[Skipped] = ()
    undetected: frozenset[Key] | None = None

    def __post_init__(self):
        if not len(self.labels) == len(self.numbers) == len(self.images):
            raise ValueError(
                f"labels, numbers and images must be equally long, found {len(self.labels)}, {len(self.numbers)} and "
                f"{len(self.images)}"
            )
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.names):
            raise ValueError(
                f"labels are indices into {len(self.names)} names, found labels from {self.labels.min()} to "
                f"{self.labels.max()}; expected 0 to {len(self.names) - 1}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def keys(self) -> list[Key]:
        """Return the (name, number) of each image, as Python objects: too slow for millions of images."""
        numbers = self.numbers.tolist()
        return [(self.names[label], numbers[i]) for i, label in enumerate(self.labels.tolist())]

    def numbers_by_identity(self) -> "NumbersByIdentity":
        """Return the image numbers of each identity by name; each list is created on access."""
        return NumbersByIdentity(self.names, self.labels, self.numbers)

    def where(self, wanted: Int[np.ndarray, "chosen"]) -> "ImageSet":
        """Select images by index, and renumber the labels to the remaining identities.

        Files and encoded images are not read: `images` becomes a view.

        Args:
          wanted: `[chosen]`, the indices of the images, in the order of the result.
        """
        labels = self.labels[wanted]
        present, renumbered = _renumber(labels, len(self.names))
        return dataclasses.replace(
            self,
            names=tuple(self.names[i] for i in present.tolist()),
            labels=renumbered,
            numbers=self.numbers[wanted],
            images=choose(self.images, np.asarray(wanted)),
            skipped=(),
        )

    def of_identities(self, names: Collection[str]) -> "ImageSet":
        """Return the images of the identities with the given names."""
        chosen = np.array([name in names for name in self.names], bool)
        return self.where(np.flatnonzero(chosen[self.labels]) if len(self.labels) else np.zeros(0, np.int64))

    def of_keys(self, keys: Sequence[Key]) -> "ImageSet":
        """Select images by (name, number), in that order. Raises KeyError for an unknown one."""
        return self.where(self.indices(keys))

    def indices(self, keys: Sequence[Key]) -> Int[np.ndarray, "keys"]:
        """Return the indices of images given by (name, number). Raises KeyError for an unknown one."""
        label_of_name = {name: label for label, name in enumerate(self.names)}
        labels = np.array([label_of_name.get(name, -1) for name, _ in keys], np.int64)
        numbers = np.array([number for _, number in keys], np.int64)
        named = np.zeros(len(self.names) + 1, bool)  # one element more, for the label -1 of an unknown name
        named[labels] = True
        candidates = np.flatnonzero(named[:-1][self.labels]) if len(self) else np.zeros(0, np.int64)
        order = candidates[np.lexsort((self.numbers[candidates], self.labels[candidates]))]
        # (label, number) as one integer with the same order: both are below 2³².
        known = (self.labels[order].astype(np.int64) << 32) + self.numbers[order]
        wanted = (labels << 32) + numbers
        found = np.searchsorted(known, wanted, side="right") - 1
        missing = (found < 0) | (labels < 0)
        missing[~missing] = known[found[~missing]] != wanted[~missing]
        if missing.any():
            raise KeyError(keys[int(np.argmax(missing))])
        return order[found] if len(keys) else np.zeros(0, np.int64)

    def describe(self, index: int) -> str:
        """Return the description of an image for messages: its file, or its identity and number."""
        if self.storage == "files":
            return str(self.images[index])
        return f"image {self.numbers[index]} of {self.names[self.labels[index]]}"


class NumbersByIdentity(Mapping[str, list[int]]):
    """The image numbers of each identity: a mapping whose lists are created on access.

    Args:
      names: the identities.
      labels: `[images]`, the identity of each image.
      numbers: `[images]`, the number of each image within its identity.
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
    """Number the images 1, 2, 3 … within each label, for sources without image numbers.

    Args:
      labels: `[images]`, the identity of each image.

    Returns:
      `[images]`, the numbers, increasing in the order of the images.
    """
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    numbers = np.empty(len(labels), np.int32)
    numbers[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered) + 1
    return numbers


def sort_identities(names: Collection[str]) -> tuple[tuple[str, ...], Int[np.ndarray, "identities"]]:
    """Sort names.

    Args:
      names: distinct names.

    Returns:
      The sorted names, and for each given name its index among them.
    """
    order = tuple(sorted(names))
    index_of_name = {name: index for index, name in enumerate(order)}
    return order, np.array([index_of_name[name] for name in names], np.int32)


def _renumber(
    labels: Int[np.ndarray, "images"], classes: int
) -> tuple[Int[np.ndarray, "left"], Int[np.ndarray, "images"]]:
    """Return the sorted labels that occur, of `classes` possible ones, and each label's index in them."""
    present = np.zeros(classes, bool)
    present[labels] = True
    return np.flatnonzero(present), (np.cumsum(present, dtype=np.int32) - np.int32(1))[labels]
