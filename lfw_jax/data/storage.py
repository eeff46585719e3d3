"""Lazy sequences of images, which store the locations of images and read them on access.

Any number of threads may read a sequence at once.
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

_FILE_NAMES = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()  # as used by `os.fsencode`


class LazyImages(Sequence[Image], Generic[Image]):
    """A sequence that creates an image on access. Subclasses implement `__len__` and `_image`."""

    def _image(self, index: int) -> Image:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Image: ...

    @overload
    def __getitem__(self, index: slice) -> "Chosen[Image]": ...

    def __getitem__(self, index: int | slice) -> "Image | Chosen[Image]":
        if isinstance(index, slice):
            return Chosen(self, np.arange(len(self))[index])
        position = int(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"image {position} of {len(self)}")
        return self._image(position % len(self))

    def sources(self, indices: Int[np.ndarray, "chosen"]) -> Iterator[Image | str]:
        """Iterate over the encoded images or file names at the given indices.

        File names are text, which is created faster than a `Path`; otherwise the items are those of indexing.

        Args:
          indices: `[chosen]`, the indices of the images, from 0.
        """
        return map(self._image, indices.tolist())


class Chosen(LazyImages[Image]):
    """A view of selected images of another sequence, in any order.

    Memory: 4 bytes per image (8 beyond 2³¹ images).

    Args:
      images: the other sequence.
      indices: `[chosen]`, the indices of the images, from 0.
    """

    def __init__(self, images: Sequence[Image], indices: Int[np.ndarray, "chosen"]):
        if isinstance(images, Chosen):  # a view of a view would add a step to every access
            images, indices = images._images, images._indices[indices]
        self._images = images
        self._indices = indices.astype(np.int32 if len(images) < 2**31 else np.int64)

    def __len__(self) -> int:
        return len(self._indices)

    def _image(self, index: int) -> Image:
        return self._images[int(self._indices[index])]

    def sources(self, indices: Int[np.ndarray, "chosen"]) -> Iterator[Image | str]:
        """Iterate over the encoded images or file names at the given indices of the view."""
        inner = self._indices[indices]
        if isinstance(self._images, LazyImages):
            return self._images.sources(inner)
        return map(self._images.__getitem__, inner.tolist())


class PackedBytes(LazyImages[bytes]):
    """Encoded images in one array of bytes, which may be a memory map.

    Args:
      data: `[bytes]`, the array.
      starts: `[images]`, the position where each image starts.
      lengths: `[images]`, the length of each image in bytes.
    """

    def __init__(
        self, data: UInt8[np.ndarray, "bytes"], starts: Int[np.ndarray, "images"], lengths: Int[np.ndarray, "images"]
    ):
        self._data, self._starts, self._lengths = data, starts, lengths

    def __len__(self) -> int:
        return len(self._starts)

    def _image(self, index: int) -> bytes:
        start = int(self._starts[index])
        return self._data[start : start + int(self._lengths[index])].tobytes()


class PackedPaths(LazyImages[Path]):
    """Paths of files under one folder. Memory: the bytes of their names and 8 more per image.

    Args:
      root: the folder.
      paths: the path of each file, relative to `root` or absolute, with "/".
    """

    def __init__(self, root: str | Path, paths: Iterable[str] = ()):
        self._root = os.fspath(root)
        self._folder, self._all_below = os.path.join(self._root, ""), True
        self._text, self._ends = bytearray(), array.array("q", [0])
        self.extend(paths)

    def extend(self, paths: Iterable[str]) -> None:
        """Append files."""
        for path in paths:
            self._all_below = self._all_below and not os.path.isabs(path)
            self._text += os.fsencode(path)
            self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _image(self, index: int) -> Path:
        return Path(self._name(index))

    def sources(self, indices: Int[np.ndarray, "chosen"]) -> Iterator[str]:
        """Return the file names, all created at once: between two images threads would wait for each other."""
        return iter([self._name(index) for index in indices.tolist()])

    def _name(self, index: int) -> str:
        name = self._text[self._ends[index] : self._ends[index + 1]].decode(*_FILE_NAMES)
        return self._folder + name if self._all_below else os.path.join(self._root, name)


def choose(images: Any, indices: Int[np.ndarray, "chosen"]) -> Any:
    """Select images by index: a copy of an array (as by indexing), a view of any other sequence.

    Args:
      images: an array or a sequence.
      indices: `[chosen]`, the indices of the images, from 0.
    """
    return images[indices] if isinstance(images, np.ndarray) else Chosen(images, indices)
