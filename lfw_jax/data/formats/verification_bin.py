"""InsightFace's `.bin` verification sets: image pairs, each labelled as same or different.

Such a file is a pickle of `(images, issame)`. Images 2i and 2i + 1 form pair i; they are encoded as JPEG or PNG and stored as
bytes or uint8 arrays.
"""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Bool, Int, UInt8

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.decoding.validity import fault
from lfw_jax.data.formats.encoding import encoded_images
from lfw_jax.data.formats.pickled_values import NumberArray, PickleError, Span, array_values, shown, span_bytes
from lfw_jax.data.formats.repeated_images import images_of_pairs, without_repetition
from lfw_jax.data.formats.restricted_pickle import read_pickle
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.storage import LazyImages
from lfw_jax.errors import UserError

_LAYOUT = "expected a pickle of (images, issame): twice as many images as there are pairs, in bytes or uint8 arrays"


class PickledImages(LazyImages[bytes]):
    """Encoded images at given spans of a file, read on access. Memory: 17 bytes per image.

    Args:
      data: the memory-mapped file.
      spans: the span of each image.

    Attributes:
      starts: `[images]`, the byte where each image starts. Equal starts mean the same image.
    """

    def __init__(self, data: memoryview, spans: Sequence[Span]):
        self._data = data
        self.starts = np.array([span.start for span in spans], np.int64)
        self._lengths = np.array([span.length for span in spans], np.int64)
        self._latin = np.array([span.latin for span in spans], bool)

    def __len__(self) -> int:
        return len(self.starts)

    def _image(self, index: int) -> bytes:
        span = Span(int(self.starts[index]), int(self._lengths[index]), bool(self._latin[index]))
        return bytes(span_bytes(self._data, span))


def read_verification_bin(path: str | Path) -> tuple[ImageSet, PairList]:
    """Read the images and the pairs of a `.bin` file, in their order, without executing anything in it.

    A `.bin` file does not contain identities. A genuine pair gets one name ("pair 0001", with the images 1 and 2), an
    impostor pair two ("pair 0001" and "pair 0001 other"). An identity that occurs in two pairs therefore has two names. An
    image that the file stores once and names in several pairs is once in the image set, under its first name, so that reading
    and decoding cost no more than the file has bytes.

    Args:
      path: the file.

    Returns:
      The image set and the pairs. Pairs with an unreadable image are left out, and the image is listed in `skipped`.

    Raises:
      UserError: the file is missing, is a pickle of something else (possibly a malicious one), or has no readable pair.
    """
    path = Path(path)
    data = _open(path)
    try:
        images, same = _parts(data, read_pickle(data))
    except PickleError as error:
        raise UserError(f"{path}: not a verification set: {error}; {_LAYOUT}.") from error
    skipped, good = _check(path, images)
    pairs = np.flatnonzero(good[::2] & good[1::2])
    if not len(pairs):
        raise UserError(f"{path}: none of its {len(same)} pairs can be read; the first: {skipped[0].reason}.")
    everything, listed = _name_pairs(images, same, path.stem)
    if len(pairs) < len(same):
        everything, listed = everything.where(images_of_pairs(pairs)), listed.where(pairs, path.stem)
    if isinstance(images, PickledImages):
        everything, listed = without_repetition(everything, listed, images.starts[images_of_pairs(pairs)])
    return _with(everything, skipped), listed


def _open(path: Path) -> memoryview:
    if not path.is_file():
        raise UserError(f"{path}: found no such file; expected a .bin verification set. Correct the path.")
    try:
        return np.memmap(path, np.uint8, "r").data if path.stat().st_size else memoryview(b"")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _parts(
    data: memoryview, value: Any
) -> tuple[PickledImages | UInt8[np.ndarray, "images h w 3"], Bool[np.ndarray, "pairs"]]:
    """Return the images and the `issame` flags of an unpickled value. Raises PickleError."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise PickleError(f"found {shown(value)}")
    same = _same_flags(data, value[1])
    images = _images(data, value[0])
    if len(images) != 2 * len(same) or not len(same):
        raise PickleError(f"found {len(images):,} images and {len(same):,} issame flags, expected two images per flag")
    return images, same


def _same_flags(data: memoryview, value: Any) -> Bool[np.ndarray, "pairs"]:
    if isinstance(value, NumberArray):
        values = array_values(data, value)
        if values.ndim != 1:
            raise PickleError(f"found issame flags of shape {list(values.shape)}, expected one axis")
        values = values.view(np.uint8) if values.dtype == bool else values  # a damaged array may hold 2
        known = np.isin(values, (0, 1))
    elif isinstance(value, list | tuple):
        known = np.array([type(flag) in (bool, int, float) and flag in (0, 1) for flag in value], bool)
        values = np.array(value, bool) if known.all() else np.zeros(0, bool)
    else:
        raise PickleError(f"found {shown(value)} of issame flags")
    if not known.all():
        raise PickleError(f"found an issame flag for pair {int(np.argmin(known))} that is neither true nor false")
    return values.astype(bool)


def _images(data: memoryview, value: Any) -> PickledImages | UInt8[np.ndarray, "images h w 3"]:
    if isinstance(value, NumberArray):
        return _pixels(array_values(data, value))
    if not isinstance(value, list | tuple):
        raise PickleError(f"found {shown(value)} of images")
    if value and isinstance(value[0], NumberArray) and len(value[0].shape) == 3:
        return _stack(data, value)
    spans = []
    for index, image in enumerate(value):
        if isinstance(image, NumberArray) and image.dtype == np.uint8 and _is_vector(image.shape):
            image = image.data
        if not isinstance(image, Span):
            raise PickleError(f"found {shown(image)} for image {index}, expected bytes")
        spans.append(image)
    return PickledImages(data, spans)


def _is_vector(shape: tuple[int, ...]) -> bool:
    """Return True for [n], and for the [n, 1] or [1, n] into which some tools reshape an encoded image."""
    return len(shape) == 1 or (len(shape) == 2 and 1 in shape)


def _pixels(values: np.ndarray) -> UInt8[np.ndarray, "images h w 3"]:
    if values.dtype != np.uint8 or values.ndim != 4 or values.shape[3] != 3 or 0 in values.shape:
        raise PickleError(f"found an array {values.dtype}{list(values.shape)} of images")
    return values


def _stack(data: memoryview, arrays: Sequence[Any]) -> UInt8[np.ndarray, "images h w 3"]:
    """Stack images of one size that are one array each. Their copy must not be larger than the file."""
    shape = arrays[0].shape
    for index, array in enumerate(arrays):
        if not isinstance(array, NumberArray) or array.dtype != np.uint8 or array.shape != shape:
            raise PickleError(
                f"found another size or type for image {index}, expected uint8{list(shape)} as for the first"
            )
    if len(arrays) * int(np.prod(shape, dtype=object)) > len(data):
        raise PickleError("found the same pixels in many images, expected each image once")
    return _pixels(np.stack([array_values(data, array) for array in arrays]))


def _check(path: Path, images: PickledImages | np.ndarray) -> tuple[tuple[Skipped, ...], Bool[np.ndarray, "images"]]:
    """Return the faults and a mask of the readable images; a repeated image is checked once."""
    good = np.ones(len(images), bool)
    skipped = []
    if isinstance(images, PickledImages):
        known: dict[int, str | None] = {}
        for index, start in enumerate(images.starts.tolist()):
            if start not in known:
                try:
                    known[start] = fault(images[index])
                except PickleError as error:
                    known[start] = str(error)
            if reason := known[start]:
                skipped.append(Skipped(f"{path} image {index}", reason))
                good[index] = False
    return tuple(skipped), good


def _name_pairs(
    images: PickledImages | np.ndarray, same: Bool[np.ndarray, "pairs"], name: str
) -> tuple[ImageSet, PairList]:
    """Assign one name to each genuine pair and two to each impostor pair; see `read_verification_bin`."""
    digits = max(4, len(str(len(same))))
    names, first, second = [], [], []
    labels = np.empty(2 * len(same), np.int32)
    for pair, genuine in enumerate(same.tolist()):
        identity = f"pair {pair + 1:0{digits}d}"
        labels[2 * pair] = len(names)
        names += [identity] if genuine else [identity, f"{identity} other"]
        labels[2 * pair + 1] = len(names) - 1
        first.append((identity, 1))
        second.append((identity, 2) if genuine else (f"{identity} other", 1))
    numbers = np.ones(2 * len(same), np.int32)
    numbers[1::2] += same
    storage = "pixels" if isinstance(images, np.ndarray) else "encoded"
    pairs = PairList(tuple(first), tuple(second), same, name, named=False)
    return ImageSet(tuple(names), labels, numbers, images, storage), pairs


def _with(images: ImageSet, skipped: Sequence[Skipped]) -> ImageSet:
    return ImageSet(images.names, images.labels, images.numbers, images.images, images.storage, skipped)


def write_verification_bin(path: str | Path, images: ImageSet, pairs: PairList) -> None:
    """Write a pair list in InsightFace's format.

    The file is readable by InsightFace's tools, and by `pickle.load` as (bytes, bools).

    Files and encoded images are copied byte for byte; pixels become PNG. An image that occurs in several pairs is stored once
    for each, as InsightFace's tools expect. Images pass through memory one at a time.

    Args:
      path: the file, written atomically; it must not exist.
      images: the image set that contains all images of the pairs.
      pairs: the pair list.

    Raises:
      UserError: the list names an image that is not in the set, or the file cannot be written.
    """
    try:
        sides = [images.indices(side) for side in (pairs.first, pairs.second)]
    except KeyError as error:
        name, number = error.args[0]
        raise UserError(
            f"{path}: {pairs.name} names image {number} of {name}, which is missing from the data."
        ) from error
    with written_atomically(Path(path)) as (unfinished,), unfinished.open("wb") as file:
        _dump(file, images, np.stack(sides, axis=1).reshape(-1), pairs.same)


def _dump(
    file: IO[bytes], images: ImageSet, indices: Int[np.ndarray, "images"], same: Bool[np.ndarray, "pairs"]
) -> None:
    """Write the pickle (protocol 4) opcode by opcode: `pickle.dump` would hold all images in memory."""
    file.write(pickle.PROTO + b"\x04" + pickle.EMPTY_LIST)
    for image in encoded_images(images, indices):
        file.write(pickle.BINBYTES8 + len(image).to_bytes(8, "little") + image + pickle.APPEND)
    file.write(pickle.EMPTY_LIST + pickle.MARK)
    file.write(b"".join(pickle.NEWTRUE if genuine else pickle.NEWFALSE for genuine in same.tolist()))
    file.write(pickle.APPENDS + pickle.TUPLE2 + pickle.STOP)
