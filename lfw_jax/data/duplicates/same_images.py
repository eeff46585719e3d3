"""Images of two sets that have the same content, whatever their paths and names."""

import collections
import hashlib
import os
from pathlib import Path

import numpy as np
from jaxtyping import Int

from lfw_jax.data.duplicates.near_duplicates import content, in_threads
from lfw_jax.data.images import ImageSet

MOST_ENCODED = 200_000
"""The most encoded images or pixels of a set that are compared: reading a page of each would delay the start of a larger set."""

_TAIL = 64  # bytes: the end of a JPEG's entropy-coded data, or the checksum of a PNG's
_Key = tuple[tuple[int, ...], bytes]
"""The length of an encoded image and its last bytes, or the shape of pixels and their middle row."""


def compares(images: ImageSet) -> bool:
    """Return True if the content of a set is compared: files always, others up to `MOST_ENCODED`."""
    return images.storage == "files" or len(images) <= MOST_ENCODED


def same_images(images: ImageSet, others: ImageSet) -> Int[np.ndarray, "found"]:
    """Return the indices of the images whose content is also in another set.

    A file that is reached through a link, another path or a copy has the same content. Files and encoded images are compared by
    their bytes, pixels by their values; pixels never equal encoded images. Few images are read whole: files whose size occurs
    in the other set are opened to compare their last bytes, and only where these agree, the whole content decides.

    Args:
      images: the image set; nothing is found in one that `compares` excludes.
      others: the other set.
    """
    if not compares(images):
        return np.zeros(0, np.int64)
    known: dict[_Key, list[int]] = collections.defaultdict(list)
    for index, key in enumerate(in_threads(lambda index: _key(others, index), np.arange(len(others)))):
        known[key].append(index)
    indices = _of_known_size(images, known)
    keys = in_threads(lambda index: _key(images, index), indices)
    near = [(index, key) for index, key in zip(indices.tolist(), keys, strict=True) if key in known]
    contents = {key: {_digest(others, other) for other in known[key]} for key in {key for _, key in near}}
    digests = in_threads(lambda index: _digest(images, index), np.array([index for index, _ in near], np.int64))
    equal = [digest in contents[key] for (_, key), digest in zip(near, digests, strict=True)]
    return np.array([index for (index, _), same in zip(near, equal, strict=True) if same], np.int64)


def _of_known_size(images: ImageSet, known: dict[_Key, list[int]]) -> Int[np.ndarray, "some"]:
    """Return the indices of the files with a known size, without opening any; of other sets, all indices."""
    indices = np.arange(len(images))
    if images.storage != "files":
        return indices
    sizes = np.unique(np.array([shape[0] for shape, _ in known if len(shape) == 1], np.int64))
    return indices[np.isin(np.array(in_threads(lambda index: _size(images, index), indices), np.int64), sizes)]


def _size(images: ImageSet, index: int) -> int:
    try:
        return os.stat(images.images[index]).st_size  # pyright: ignore[reportArgumentType]
    except OSError:
        return -1  # it was removed in the meantime


def _key(images: ImageSet, index: int) -> _Key:
    image = images.images[index]
    if isinstance(image, np.ndarray):
        return image.shape, image[len(image) // 2].tobytes()
    if isinstance(image, bytes):
        return (len(image),), image[-_TAIL:]
    try:
        file = os.open(image, os.O_RDONLY)  # in half the time of `open`
    except OSError:
        return (-1,), str(image).encode()
    try:
        size = os.fstat(file).st_size
        os.lseek(file, max(0, size - _TAIL), os.SEEK_SET)
        return (size,), os.read(file, _TAIL)
    finally:
        os.close(file)


def _digest(images: ImageSet, index: int) -> bytes:
    image: Path | bytes | np.ndarray = images.images[index]
    try:
        return hashlib.blake2b(content(image), digest_size=16).digest()
    except OSError:
        return str(image).encode()
