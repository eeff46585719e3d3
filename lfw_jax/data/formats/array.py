"""Images in one .npz file: the source for machines without TensorFlow."""

import collections
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import Decoder
from lfw_jax.data.decoding.validity import fault
from lfw_jax.data.formats.encoding import encoded_image, encoded_images
from lfw_jax.data.formats.npz import NpzError, names_in, read_npz, write_npz
from lfw_jax.data.images import ImageSet, Skipped, count_up
from lfw_jax.data.storage import PackedBytes
from lfw_jax.errors import UserError

_LAYOUT = (
    "expected the arrays `labels` (integers [images]), `names` (strings [identities]) and either `pixels` (uint8 [images, "
    "height, width, 3]) or `encoded` (uint8 [bytes]: the concatenated files) with `offsets` (integers [images + 1])"
)
_ARRAYS = ("labels", "names", "numbers", "pixels", "encoded", "offsets")


def read_array(path: str | Path) -> ImageSet:
    """Read an image set from a file written by `write_array`, or from any file in its layout.

    The arrays are `labels` (integers `[images]`, indices into `names`), `names` (strings `[identities]`), optionally
    `numbers` (integers `[images]`; without it the images of each identity are numbered from 1), and either `pixels` (uint8
    `[images, height, width, 3]`) or `encoded` (uint8 `[bytes]`, the concatenated image files) with `offsets`
    (`[images + 1]`). Nothing in the file is unpickled. Images stored by `np.savez` are memory-mapped; those stored by
    `np.savez_compressed` are decompressed into memory.

    Args:
      path: the .npz file.

    Returns:
      The image set. Encoded images that cannot be read are left out and listed in `skipped`.

    Raises:
      UserError: the file is missing or has another layout; the message says what was found.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"--config.data.dir: found no file at {path}; the source 'array' needs an .npz file.")
    try:
        arrays = read_npz(path, _ARRAYS)
        found = ", ".join(names_in(path)) or "(none)"
    except (NpzError, OSError) as error:
        raise UserError(f"{path}: not a readable .npz file ({error}); {_LAYOUT}.") from error
    if "labels" not in arrays or "names" not in arrays:
        raise UserError(f"{path}: found the arrays {found}; {_LAYOUT}.")
    labels, names = _labels(path, arrays["labels"]), _names(path, arrays["names"])
    if labels.min() < 0 or labels.max() >= len(names):
        raise UserError(
            f"{path}: `labels` range from {labels.min()} to {labels.max()}, but there are {len(names)} `names`; "
            f"expected 0 to {len(names) - 1}."
        )
    labels = labels.astype(np.int32)
    numbers = _numbers(path, arrays["numbers"], len(labels)) if "numbers" in arrays else count_up(labels)
    if "pixels" in arrays:
        pixels = arrays["pixels"]
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3 or len(pixels) != len(labels):
            raise UserError(
                f"{path}: `pixels` is {pixels.dtype}{list(pixels.shape)}, expected uint8[{len(labels)}, height, width, 3]."
            )
        if 0 in pixels.shape:
            raise UserError(f"{path}: `pixels` is {list(pixels.shape)}, expected images of at least one pixel.")
        return ImageSet(names, labels, numbers, pixels, "pixels")
    if "encoded" not in arrays or "offsets" not in arrays:
        raise UserError(f"{path}: found the arrays {found}; {_LAYOUT}.")
    return _encoded(path, arrays["encoded"], arrays["offsets"], ImageSet(names, labels, numbers, labels, "encoded"))


def _labels(path: Path, labels: np.ndarray) -> np.ndarray:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not len(labels):
        raise UserError(
            f"{path}: `labels` is {labels.dtype}{list(labels.shape)}, expected integers [images], at least one."
        )
    return labels


def _names(path: Path, names: np.ndarray) -> tuple[str, ...]:
    if names.ndim != 1 or names.dtype.kind != "U":
        raise UserError(f"{path}: `names` is {names.dtype}{list(names.shape)}, expected strings [identities].")
    try:
        found = tuple(names.tolist())
        "".join(found).encode()
    except (ValueError, SystemError) as error:  # code points that are not characters, as in a damaged file
        raise UserError(f"{path}: `names` contains invalid text ({error}), expected Unicode strings.") from error
    if len(set(found)) < len(found):
        duplicate = collections.Counter(found).most_common(1)[0][0]
        raise UserError(f"{path}: `names` contains {duplicate!r} twice, expected every identity once.")
    return found


def _numbers(path: Path, numbers: np.ndarray, images: int) -> Int32[np.ndarray, "images"]:
    if numbers.shape != (images,) or not np.issubdtype(numbers.dtype, np.integer):
        raise UserError(f"{path}: `numbers` is {numbers.dtype}{list(numbers.shape)}, expected integers [{images}].")
    if numbers.min() < 0 or numbers.max() >= 2**31:
        raise UserError(f"{path}: `numbers` range from {numbers.min()} to {numbers.max()}, expected 0 to {2**31 - 1}.")
    return numbers.astype(np.int32)


def _encoded(path: Path, data: np.ndarray, offsets: np.ndarray, labelled: ImageSet) -> ImageSet:
    """Return the set of the images in `encoded`; `labelled` provides their names, labels and numbers."""
    if data.dtype != np.uint8 or data.ndim != 1 or offsets.ndim != 1 or not np.issubdtype(offsets.dtype, np.integer):
        raise UserError(
            f"{path}: `encoded` is {data.dtype}{list(data.shape)} and `offsets` {offsets.dtype}{list(offsets.shape)}, "
            "expected uint8 [bytes] and integers [images + 1]."
        )
    spanning = len(offsets) == len(labelled) + 1 and offsets[0] == 0 and offsets[-1] == len(data)
    if not spanning or np.any(offsets[1:] < offsets[:-1]):
        raise UserError(
            f"{path}: `offsets` must be {len(labelled) + 1} non-decreasing positions from 0 to {len(data)}, the "
            f"length of `encoded`; found {len(offsets)}."
        )
    offsets = offsets.astype(np.int64)
    files = PackedBytes(data, offsets[:-1], np.diff(offsets))
    skipped, good = [], np.ones(len(files), bool)
    for index in range(len(files)):
        if reason := fault(files[index]):
            skipped.append(Skipped(f"{path} image {index}", reason))
            good[index] = False
    if not good.any():
        raise UserError(f"{path}: none of its {len(files)} images can be read; the first: {skipped[0].reason}.")
    everything = ImageSet(labelled.names, labelled.labels, labelled.numbers, files, "encoded")
    kept = everything if good.all() else everything.where(np.flatnonzero(good))
    return ImageSet(kept.names, kept.labels, kept.numbers, kept.images, "encoded", tuple(skipped))


def write_array(path: str | Path, images: ImageSet, geometry: CropGeometry | None = None) -> None:
    """Write an image set for `read_array`, encoded as it is or decoded to pixels of one size.

    The file is written atomically and replaces an existing one. Encoded images pass through memory one at a time.

    Args:
      path: the .npz file.
      images: the image set.
      geometry: the crop geometry to which the images are decoded; None keeps files, encoded images and pixels as they are.

    Raises:
      UserError: the file cannot be written, or an image can no longer be read.
    """
    arrays: dict[str, np.ndarray] = {
        "names": np.array(images.names, np.str_), "labels": images.labels, "numbers": images.numbers,
    }  # fmt: skip
    pieces = {}
    if geometry is not None:
        arrays["pixels"] = np.empty((len(images), geometry.stored_side, geometry.stored_side, 3), np.uint8)
        decode = Decoder(geometry)
        for image, out in zip(images.images, arrays["pixels"], strict=True):
            decode(image, out)
    elif isinstance(images.images, np.ndarray):
        arrays["pixels"] = images.images
    else:
        lengths = np.array([_length(images, index) for index in range(len(images))], np.int64)
        arrays["offsets"] = np.concatenate([[0], np.cumsum(lengths)])
        pieces["encoded"] = (int(lengths.sum()), _checked(images, lengths))
    with written_atomically(Path(path), replace=True) as (unfinished,):
        write_npz(unfinished, arrays, pieces)


def _length(images: ImageSet, index: int) -> int:
    image = images.images[index]
    try:
        return image.stat().st_size if isinstance(image, Path) else len(image)
    except OSError:
        return len(encoded_image(images, index))  # raises a UserError


def _checked(images: ImageSet, lengths: np.ndarray) -> Iterator[bytes]:
    """Yield the encoded images and check that none has changed its length."""
    for index, image in enumerate(encoded_images(images, range(len(images)))):
        if len(image) != lengths[index]:
            raise UserError(f"{images.describe(index)}: changed while it was copied. Start again.")
        yield image
