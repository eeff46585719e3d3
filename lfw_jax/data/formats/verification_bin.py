"""InsightFace's `.bin` verification sets: pairs of images and whether each shows one person.

A pickle of `(images, issame)`: images 2i and 2i + 1 are pair i, encoded as JPEG or PNG, in bytes or in uint8 arrays.
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
from lfw_jax.data.formats.restricted_pickle import read_pickle
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.storage import LazyImages
from lfw_jax.errors import UserError

_LAYOUT = "expected a pickle of (images, issame): twice as many images as there are pairs, in bytes or uint8 arrays"


class PickledImages(LazyImages[bytes]):
    """Encoded images at places of a file, 17 bytes an image until one is asked for.

    Args:
      data: the file, mapped.
      spans: where the images are.
    """

    def __init__(self, data: memoryview, spans: Sequence[Span]):
        self._data = data
        self._starts = np.array([span.start for span in spans], np.int64)
        self._lengths = np.array([span.length for span in spans], np.int64)
        self._latin = np.array([span.latin for span in spans], bool)

    def __len__(self) -> int:
        return len(self._starts)

    def _image(self, place: int) -> bytes:
        span = Span(int(self._starts[place]), int(self._lengths[place]), bool(self._latin[place]))
        return bytes(span_bytes(self._data, span))


def read_verification_bin(path: str | Path) -> tuple[ImageSet, PairList]:
    """The images of a `.bin` and its pairs, in their order. Nothing in the file is run or called.

    A `.bin` does not say who is on its images. A pair of one person gets one name ("pair 0001", with the images 1 and 2), a
    pair of two people two ("pair 0001" and "pair 0001 other"), so that a person who is in two pairs has two names. A pair with
    an unreadable image is left out, and the image listed in `skipped`.

    Args:
      path: the file.

    Raises:
      UserError: no such file, a pickle of something else (a crafted one among them), or no readable pair in it.
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
    if len(pairs) == len(same):
        return _with(everything, skipped), listed
    kept = everything.where((2 * pairs[:, None] + [0, 1]).reshape(-1))
    first, second = ([side[i] for i in pairs.tolist()] for side in (listed.first, listed.second))
    return _with(kept, skipped), PairList(tuple(first), tuple(second), same[pairs], path.stem)


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
    """The images and the verdicts of what a pickle held. Raises PickleError."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise PickleError(f"found {shown(value)}")
    same = _verdicts(data, value[1])
    images = _images(data, value[0])
    if len(images) != 2 * len(same) or not len(same):
        raise PickleError(f"found {len(images):,} images and {len(same):,} verdicts")
    return images, same


def _verdicts(data: memoryview, value: Any) -> Bool[np.ndarray, "pairs"]:
    if isinstance(value, NumberArray):
        values = array_values(data, value)
        if values.ndim != 1:
            raise PickleError(f"found verdicts in the shape {list(values.shape)}")
        values = values.view(np.uint8) if values.dtype == bool else values  # a damaged one may hold 2
        known = np.isin(values, (0, 1))
    elif isinstance(value, list | tuple):
        known = np.array([type(verdict) in (bool, int) and verdict in (0, 1) for verdict in value], bool)
        values = np.array(value, bool) if known.all() else np.zeros(0, bool)
    else:
        raise PickleError(f"found {shown(value)} of verdicts")
    if not known.all():
        raise PickleError(f"found a verdict for pair {int(np.argmin(known))} that is neither true nor false")
    return values.astype(bool)


def _images(data: memoryview, value: Any) -> PickledImages | UInt8[np.ndarray, "images h w 3"]:
    if isinstance(value, NumberArray):
        return _pixels(array_values(data, value))
    if not isinstance(value, list | tuple):
        raise PickleError(f"found {shown(value)} of images")
    if value and isinstance(value[0], NumberArray) and len(value[0].shape) == 3:
        return _stack(data, value)
    spans = []
    for place, image in enumerate(value):
        if isinstance(image, NumberArray) and image.dtype == np.uint8 and len(image.shape) == 1:
            image = image.data
        if not isinstance(image, Span):
            raise PickleError(f"found {shown(image)} for image {place}")
        spans.append(image)
    return PickledImages(data, spans)


def _pixels(values: np.ndarray) -> UInt8[np.ndarray, "images h w 3"]:
    if values.dtype != np.uint8 or values.ndim != 4 or values.shape[3] != 3 or 0 in values.shape:
        raise PickleError(f"found an array {values.dtype}{list(values.shape)} of images")
    return values


def _stack(data: memoryview, arrays: Sequence[Any]) -> UInt8[np.ndarray, "images h w 3"]:
    """Pixels that stand in one array each, of one size. They are copied, and must not be more than the file holds."""
    shape = arrays[0].shape
    for place, array in enumerate(arrays):
        if not isinstance(array, NumberArray) or array.dtype != np.uint8 or array.shape != shape:
            raise PickleError(f"found another size or kind for image {place} than the first's, {list(shape)}")
    if len(arrays) * int(np.prod(shape, dtype=object)) > len(data):
        raise PickleError("found the same pixels many times")
    return _pixels(np.stack([array_values(data, array) for array in arrays]))


def _check(path: Path, images: PickledImages | np.ndarray) -> tuple[tuple[Skipped, ...], Bool[np.ndarray, "images"]]:
    """Which images can be used. An image that a pickle names many times is looked at once."""
    good = np.ones(len(images), bool)
    skipped = []
    if isinstance(images, PickledImages):
        known: dict[tuple[int, int], str | None] = {}
        for place, key in enumerate(zip(images._starts.tolist(), images._lengths.tolist(), strict=True)):
            if key not in known:
                try:
                    known[key] = fault(images[place])
                except PickleError as error:
                    known[key] = str(error)
            if reason := known[key]:
                skipped.append(Skipped(f"{path} image {place}", reason))
                good[place] = False
    return tuple(skipped), good


def _name_pairs(
    images: PickledImages | np.ndarray, same: Bool[np.ndarray, "pairs"], name: str
) -> tuple[ImageSet, PairList]:
    """A name for each pair of one person, and two for each pair of two; see `read_verification_bin`."""
    digits = max(4, len(str(len(same))))
    names, first, second = [], [], []
    labels = np.empty(2 * len(same), np.int32)
    for pair, one in enumerate(same.tolist()):
        person = f"pair {pair + 1:0{digits}d}"
        labels[2 * pair] = len(names)
        names += [person] if one else [person, f"{person} other"]
        labels[2 * pair + 1] = len(names) - 1
        first.append((person, 1))
        second.append((person, 2) if one else (f"{person} other", 1))
    numbers = np.ones(2 * len(same), np.int32)
    numbers[1::2] += same
    storage = "pixels" if isinstance(images, np.ndarray) else "encoded"
    return ImageSet(tuple(names), labels, numbers, images, storage), PairList(tuple(first), tuple(second), same, name)


def _with(images: ImageSet, skipped: Sequence[Skipped]) -> ImageSet:
    return ImageSet(images.names, images.labels, images.numbers, images.images, images.storage, skipped)


def write_verification_bin(path: str | Path, images: ImageSet, pairs: PairList) -> None:
    """Write a list's pairs as InsightFace packs them: readable by its tools, and by `pickle.load` as (bytes, bools).

    Files and encoded images are copied byte for byte, pixels become PNG. An image that is in several pairs stands in the file
    once for each, as these tools expect. Images go through memory one by one.

    Args:
      path: the file; it appears whole or not at all, and must not be there.
      images: where the images are.
      pairs: which of them are paired.

    Raises:
      UserError: the list names an image that is not there, or the file cannot be written.
    """
    try:
        sides = [images.places(side) for side in (pairs.first, pairs.second)]
    except KeyError as error:
        name, number = error.args[0]
        raise UserError(
            f"{path}: {pairs.name} names image {number} of {name}, which is missing from the data."
        ) from error
    with written_atomically(Path(path)) as (unfinished,), unfinished.open("wb") as file:
        _dump(file, images, np.stack(sides, axis=1).reshape(-1), pairs.same)


def _dump(
    file: IO[bytes], images: ImageSet, places: Int[np.ndarray, "images"], same: Bool[np.ndarray, "pairs"]
) -> None:
    """The pickle, protocol 4, written by hand: `pickle.dump` would hold every image at once."""
    file.write(pickle.PROTO + b"\x04" + pickle.EMPTY_LIST)
    for image in encoded_images(images, places):
        file.write(pickle.BINBYTES8 + len(image).to_bytes(8, "little") + image + pickle.APPEND)
    file.write(pickle.EMPTY_LIST + pickle.MARK)
    file.write(b"".join(pickle.NEWTRUE if one else pickle.NEWFALSE for one in same.tolist()))
    file.write(pickle.APPENDS + pickle.TUPLE2 + pickle.STOP)
