"""Images that stay where they are until asked for: sequences that hold places, not images.

Every sequence here may be read by several threads at once.
"""

import array
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import numpy as np
from jaxtyping import Int, UInt8

Image = TypeVar("Image")

_FILE_NAMES = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()  # how `os.fsencode` made bytes of them


class LazyImages(Sequence[Image], Generic[Image]):
    """A sequence that makes an image when asked for one: subclasses have `__len__` and `_image`."""

    def _image(self, place: int) -> Image:
        raise NotImplementedError

    @overload
    def __getitem__(self, place: int) -> Image: ...

    @overload
    def __getitem__(self, place: slice) -> "Chosen[Image]": ...

    def __getitem__(self, place: int | slice) -> "Image | Chosen[Image]":
        if isinstance(place, slice):
            return Chosen(self, np.arange(len(self))[place])
        index = int(place)
        if not -len(self) <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        return self._image(index % len(self))

    def sources(self, places: Int[np.ndarray, "chosen"]) -> Iterator[Image | str]:
        """What some images are decoded from, in their order: what indexing gives, but a file's name as text, which is had
        sooner than a `Path`."""
        return map(self._image, places.tolist())


class Chosen(LazyImages[Image]):
    """Some images of another sequence, in an order of their own; 4 bytes an image (8 beyond 2³¹ images).

    Args:
      images: the sequence that has them.
      places: `[chosen]`, from 0.
    """

    def __init__(self, images: Sequence[Image], places: Int[np.ndarray, "chosen"]):
        if isinstance(images, Chosen):  # a view of a view would cost another step at every access
            images, places = images._images, images._places[places]
        self._images = images
        self._places = places.astype(np.int32 if len(images) < 2**31 else np.int64)

    def __len__(self) -> int:
        return len(self._places)

    def _image(self, place: int) -> Image:
        return self._images[int(self._places[place])]

    def sources(self, places: Int[np.ndarray, "chosen"]) -> Iterator[Image | str]:
        """As of the images that it has."""
        inside = self._places[places]
        if isinstance(self._images, LazyImages):
            return self._images.sources(inside)
        return map(self._images.__getitem__, inside.tolist())


class PackedBytes(LazyImages[bytes]):
    """Encoded images that lie in one array of bytes, which may be a memory map.

    Args:
      data: `[bytes]`.
      starts: `[images]`, where each image starts.
      lengths: `[images]`, in bytes.
    """

    def __init__(
        self, data: UInt8[np.ndarray, "bytes"], starts: Int[np.ndarray, "images"], lengths: Int[np.ndarray, "images"]
    ):
        self._data, self._starts, self._lengths = data, starts, lengths

    def __len__(self) -> int:
        return len(self._starts)

    def _image(self, place: int) -> bytes:
        start = int(self._starts[place])
        return self._data[start : start + int(self._lengths[place])].tobytes()


class PackedPaths(LazyImages[Path]):
    """Paths of files under one folder: the bytes of their names and 8 bytes more an image.

    Args:
      root: the folder.
      paths: of each file, below `root` (or absolute), with "/".
    """

    def __init__(self, root: str | Path, paths: Iterable[str] = ()):
        self._root = os.fspath(root)
        self._folder, self._all_below = os.path.join(self._root, ""), True
        self._text, self._ends = bytearray(), array.array("q", [0])
        self.extend(paths)

    def extend(self, paths: Iterable[str]) -> None:
        """Add files to the end."""
        for path in paths:
            self._all_below = self._all_below and not os.path.isabs(path)
            self._text += os.fsencode(path)
            self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _image(self, place: int) -> Path:
        return Path(self._name(place))

    def sources(self, places: Int[np.ndarray, "chosen"]) -> Iterator[str]:
        """Names of files, all made at once: between two images threads would wait for one another."""
        return iter([self._name(place) for place in places.tolist()])

    def _name(self, place: int) -> str:
        name = self._text[self._ends[place] : self._ends[place + 1]].decode(*_FILE_NAMES)
        return self._folder + name if self._all_below else os.path.join(self._root, name)


def choose(images: Any, places: Int[np.ndarray, "chosen"]) -> Any:
    """The images at some places: of an array a copy (as indexing it gives), of any other sequence a view."""
    return images[places] if isinstance(images, np.ndarray) else Chosen(images, places)
