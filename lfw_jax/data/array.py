"""Images in one .npz file: the way in where TensorFlow is missing."""

import itertools
import zipfile
from pathlib import Path

import numpy as np

from lfw_jax.data.decoding import Framing, decode, fault
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.errors import UserError

_LAYOUT = (
    "expected the arrays `labels` (integers [images]), `names` (strings [people]) and either `pixels` (uint8 [images, "
    "height, width, 3]) or `encoded` (uint8 [bytes]: the files one after another) with `offsets` (integers [images + 1])"
)


def read_array(path: str | Path) -> ImageSet:
    """Read a set written by `write_array`, or by anyone in its layout.

    The arrays: `labels` (integers `[images]`, indices into `names`), `names` (strings `[people]`), optionally `numbers`
    (integers `[images]`; without it a person's images count from 1), and either `pixels` (uint8 `[images, height, width,
    3]`) or `encoded` (all image files one after another, uint8 `[bytes]`) with `offsets` (`[images + 1]`). Nothing in the
    file is unpickled.

    Raises:
      UserError: not such a file; the message says what was found.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"--config.data.dir: found no file at {path}; the source 'array' needs an .npz file.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{path}: not a readable .npz file ({error}); {_LAYOUT}.") from error
    labels, names = _labels_and_names(path, arrays)
    numbers = np.asarray(arrays["numbers"], np.int32) if "numbers" in arrays else _count_up(labels)
    if "pixels" in arrays:
        pixels = arrays["pixels"]
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3 or len(pixels) != len(labels):
            raise UserError(
                f"{path}: `pixels` is {pixels.dtype}{list(pixels.shape)}, expected uint8[{len(labels)}, height, width, 3]."
            )
        return ImageSet(names, labels, numbers, pixels, "pixels")
    if "encoded" not in arrays or "offsets" not in arrays:
        raise UserError(f"{path}: found the arrays {', '.join(sorted(arrays))}; {_LAYOUT}.")
    return _encoded(path, arrays, names, labels, numbers)


def _labels_and_names(path: Path, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, tuple[str, ...]]:
    if "labels" not in arrays or "names" not in arrays:
        raise UserError(f"{path}: found the arrays {', '.join(sorted(arrays)) or '(none)'}; {_LAYOUT}.")
    labels, names = arrays["labels"], tuple(map(str, arrays["names"].tolist()))
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not len(labels):
        raise UserError(
            f"{path}: `labels` is {labels.dtype}{list(labels.shape)}, expected integers [images], at least one."
        )
    if labels.min() < 0 or labels.max() >= len(names):
        raise UserError(
            f"{path}: `labels` go from {labels.min()} to {labels.max()}, but there are {len(names)} `names`; "
            f"expected 0 to {len(names) - 1}."
        )
    return labels.astype(np.int32), names


def _encoded(
    path: Path, arrays: dict[str, np.ndarray], names: tuple[str, ...], labels: np.ndarray, numbers: np.ndarray
) -> ImageSet:
    data, offsets = arrays["encoded"], arrays["offsets"].astype(np.int64)
    if len(offsets) != len(labels) + 1 or np.any(np.diff(offsets) < 0) or offsets[0] != 0 or offsets[-1] != len(data):
        raise UserError(
            f"{path}: `offsets` must be {len(labels) + 1} rising positions from 0 to {len(data)}, the length of "
            f"`encoded`; found {len(offsets)}."
        )
    files = [data[start:end].tobytes() for start, end in itertools.pairwise(offsets)]
    faults = [fault(file) for file in files]
    good = np.array([i for i, reason in enumerate(faults) if reason is None], np.int64)
    if not len(good):
        raise UserError(f"{path}: none of its {len(files)} images can be read; the first: {faults[0]}.")
    kept = ImageSet(names, labels, numbers, files, "encoded").where(good)
    skipped = tuple(Skipped(f"{path} image {i}", reason) for i, reason in enumerate(faults) if reason is not None)
    return ImageSet(kept.names, kept.labels, kept.numbers, kept.images, "encoded", skipped)


def write_array(path: str | Path, images: ImageSet, framing: Framing | None = None) -> None:
    """Write a set for `read_array`: encoded as it is, or, with `framing`, decoded to pixels of one size.

    The file appears whole or not at all.
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {
        "names": np.array(images.names, np.str_), "labels": images.labels, "numbers": images.numbers,
    }  # fmt: skip
    if framing is not None:
        arrays["pixels"] = np.stack([decode(image, framing) for image in images.images])
    elif isinstance(images.images, np.ndarray):
        arrays["pixels"] = images.images
    else:
        files = [image.read_bytes() if isinstance(image, Path) else image for image in images.images]
        arrays["encoded"] = np.frombuffer(b"".join(files), np.uint8)
        arrays["offsets"] = np.concatenate([[0], np.cumsum([len(file) for file in files])])
    unfinished = path.with_name(f".{path.stem}.unfinished.npz")
    np.savez(unfinished, allow_pickle=False, **arrays)
    unfinished.replace(path)


def _count_up(labels: np.ndarray) -> np.ndarray:
    """1, 2, 3 … within each label, in the order of the file."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    starts = np.searchsorted(ordered, ordered)
    numbers = np.empty(len(labels), np.int32)
    numbers[order] = np.arange(len(labels)) - starts + 1
    return numbers
