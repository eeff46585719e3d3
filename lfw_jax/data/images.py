"""A set of labelled images, wherever they are stored."""

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.data.protocols import Key

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
      images: the paths of the files, the encoded bytes, or pixels `[images, height, width, 3]`, as `storage` says.
      storage: "files", "encoded" or "pixels".
      skipped: what a source left out.
    """

    names: tuple[str, ...]
    labels: Int[np.ndarray, "images"]
    numbers: Int[np.ndarray, "images"]
    images: Sequence[Path] | Sequence[bytes] | UInt8[np.ndarray, "images height width 3"]
    storage: Storage
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self):
        if not len(self.labels) == len(self.numbers) == len(self.images):
            raise ValueError(
                f"labels, numbers and images must be equally long, found {len(self.labels)}, {len(self.numbers)} and "
                f"{len(self.images)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def keys(self) -> list[Key]:
        """The (name, number) of each image."""
        numbers = self.numbers.tolist()
        return [(self.names[label], numbers[i]) for i, label in enumerate(self.labels.tolist())]

    def numbers_of_people(self) -> dict[str, list[int]]:
        """The numbers of each person's images."""
        numbers: dict[str, list[int]] = {name: [] for name in self.names}
        for name, number in self.keys():
            numbers[name].append(number)
        return numbers

    def where(self, wanted: Int[np.ndarray, "chosen"]) -> "ImageSet":
        """The images at some places, in that order, with the people renumbered to those that are left."""
        labels = self.labels[wanted]
        people, renumbered = np.unique(labels, return_inverse=True)
        images = self.images[wanted] if isinstance(self.images, np.ndarray) else [self.images[i] for i in wanted]
        return dataclasses.replace(
            self,
            names=tuple(self.names[i] for i in people),
            labels=renumbered.astype(np.int32),
            numbers=self.numbers[wanted],
            images=images,
            skipped=(),
        )

    def of_people(self, people: Collection[str]) -> "ImageSet":
        """The images of some people."""
        chosen = np.array([name in people for name in self.names], bool)
        return self.where(np.flatnonzero(chosen[self.labels]) if len(self.labels) else np.zeros(0, np.int64))

    def of_keys(self, keys: Sequence[Key]) -> "ImageSet":
        """Some images by (name, number), in that order. Raises KeyError for one that is not here."""
        place = {key: index for index, key in enumerate(self.keys())}
        return self.where(np.array([place[key] for key in keys], np.int64))

    def describe(self, index: int) -> str:
        """What a message calls an image: its file, or its person and number."""
        image = self.images[index]
        return (
            str(image)
            if isinstance(image, Path)
            else f"image {self.numbers[index]} of {self.names[self.labels[index]]}"
        )
