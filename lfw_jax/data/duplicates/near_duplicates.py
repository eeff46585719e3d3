"""Duplicate images: exact ones by their content, near duplicates by perceptual hashes.

A perceptual hash encodes the coarse distribution of light and dark in an image. Scaling, compression and small changes of
colour flip few of its bits; two different photographs differ in about half of them. Faces in front of a plain wall are
similar, though: on LFW, more than half of the 70 pairs whose 64-bit hashes differ in at most 6 bits show two identities. These
hashes therefore only propose pairs, and 256-bit hashes of the proposed images decide.
"""

import collections
import dataclasses
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Int, UInt64
from PIL import Image

from lfw_jax.data.batches.feeder import cores
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.duplicates.hamming import hamming, near_pairs
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

__all__ = [
    "NEAR",
    "NearDuplicates",
    "exact_duplicates",
    "find_near_duplicates",
    "fine_distances",
    "hamming",
    "near_pairs",
    "perceptual_hashes",
]

PROPOSED = 8
"""The largest Hamming distance of the 64-bit hashes of a proposed pair."""

NEAR = 50
"""The largest Hamming distance of the 256-bit hashes of near duplicates. All 25 such pairs of LFW show the same photograph, or
the same scene a moment later; from 52 on, pairs of different identities occur."""

_CHUNK = 256  # images per task of a thread

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Pairs of images that are near duplicates.

    Attributes:
      pairs: `[pairs, 2]`, the indices of both images in their sets, sorted.
      distances: `[pairs]`, the Hamming distances of their 256-bit hashes, 0 to `NEAR`.
    """

    pairs: Int[np.ndarray, "pairs 2"]
    distances: Int[np.ndarray, "pairs"]

    def __len__(self) -> int:
        return len(self.pairs)


def find_near_duplicates(
    images: ImageSet,
    other: ImageSet | None = None,
    *,
    hashes: UInt64[np.ndarray, "images"] | None = None,
    crop: float = 1.0,
    other_crop: float = 1.0,
    limit: int = 1_000_000,
) -> NearDuplicates:
    """Find near duplicates within an image set, or between two sets.

    Args:
      images: the image set; each image is decoded once at low resolution, and the proposed ones a second time.
      other: a second set to compare with the first; None compares the first with itself, each pair once.
      hashes: the perceptual hashes of `images`, if already computed.
      crop: the central fraction of an image's sides that is compared, which leaves out a margin.
      other_crop: this fraction for `other`.
      limit: the most pairs that are proposed.

    Returns:
      The pairs, as indices in `images` and in `other` (or `images`).

    Raises:
      UserError: an image cannot be decoded; the message names it.
    """
    hashes = perceptual_hashes(images, crop=crop) if hashes is None else hashes
    others = None if other is None else perceptual_hashes(other, crop=other_crop)
    proposed = near_pairs(hashes, others, distance=PROPOSED, limit=limit)
    distances = fine_distances(images, proposed, other, crop=crop, other_crop=other_crop)
    near = distances <= NEAR
    return NearDuplicates(proposed[near], distances[near])


def fine_distances(
    images: ImageSet,
    pairs: Int[np.ndarray, "pairs 2"],
    other: ImageSet | None = None,
    *,
    crop: float = 1.0,
    other_crop: float = 1.0,
) -> Int[np.ndarray, "pairs"]:
    """Return the Hamming distances of the 256-bit perceptual hashes of pairs.

    Args:
      images: the set of the first images of the pairs, and of the second unless `other` is given.
      pairs: `[pairs, 2]`, indices of images.
      other: the set of the second images.
      crop: the central fraction of the sides of `images` that is compared.
      other_crop: this fraction for `other`.

    Raises:
      UserError: an image cannot be decoded; the message names it.
    """
    sides = []
    second = (images, crop) if other is None else (other, other_crop)
    for (source, fraction), indices in (((images, crop), pairs[:, 0]), (second, pairs[:, 1])):
        unique, inverse = np.unique(indices, return_inverse=True)
        sides.append(_hashes(source, unique, fraction, side=16)[inverse])
    return hamming(*sides).sum(axis=-1)


def perceptual_hashes(
    images: ImageSet, indices: Int[np.ndarray, "chosen"] | None = None, *, crop: float = 1.0
) -> UInt64[np.ndarray, "chosen"]:
    """Return the 64-bit perceptual hash of each image: ImageHash's pHash, from low DCT frequencies.

    Args:
      images: the image set.
      indices: the indices of the images, in the order of the result; None selects all.
      crop: the central fraction of an image's sides that is hashed.

    Raises:
      UserError: an image cannot be decoded; the message names it.
    """
    return _hashes(images, indices, crop, side=8)[:, 0]


def exact_duplicates(images: ImageSet) -> list[Int[np.ndarray, "copies"]]:
    """Return groups of at least two images with the same bytes (or pixels), as sorted indices.

    Only files that share their size with another file are read; in sets that are not files, all images are.

    Args:
      images: the image set.
    """
    indices = np.arange(len(images))
    if images.storage == "files":
        sizes = _in_threads(lambda index: os.stat(images.images[index]).st_size, indices)  # pyright: ignore[reportArgumentType]
        _, inverse, counts = np.unique(np.array(sizes, np.int64), return_inverse=True, return_counts=True)
        indices = np.flatnonzero(counts[inverse] > 1)
    groups: dict[bytes, list[int]] = collections.defaultdict(list)
    digests = _in_threads(
        lambda index: hashlib.blake2b(_content(images.images[index]), digest_size=16).digest(), indices
    )
    for index, digest in zip(indices.tolist(), digests, strict=True):
        groups[digest].append(index)
    return [np.array(group, np.int64) for group in groups.values() if len(group) > 1]


def _hashes(
    images: ImageSet, indices: Int[np.ndarray, "chosen"] | None, crop: float, *, side: int
) -> UInt64[np.ndarray, "chosen words"]:
    """Return hashes of side² bits, in 64-bit words."""
    from imagehash import phash  # imported here because it loads SciPy, which nothing else needs at startup

    def hash_one(index: int) -> bytes:
        try:
            pixels = decode_whole(images.images[index])
            top, left = (round(length * (1 - crop) / 2) for length in pixels.shape[:2])
            centre = pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]
            return np.packbits(phash(Image.fromarray(centre), hash_size=side).hash).tobytes()
        except OSError as error:
            raise UserError(
                f"{images.describe(index)}: cannot be decoded ({error}). Remove or repair the file."
            ) from error

    hashes = _in_threads(hash_one, np.arange(len(images)) if indices is None else np.asarray(indices))
    return np.frombuffer(b"".join(hashes), ">u8").astype(np.uint64).reshape(len(hashes), side * side // 64)


def _content(image: Path | bytes | np.ndarray) -> bytes:
    if isinstance(image, np.ndarray):
        return image.tobytes()
    return image.read_bytes() if isinstance(image, Path) else image


def _in_threads(work: Callable[[int], Result], indices: Int[np.ndarray, "chosen"]) -> list[Result]:
    """Apply `work` to all indices in threads (decoding releases the GIL); return results in order."""

    def chunk(start: int) -> list[Result]:
        return [work(index) for index in indices[start : start + _CHUNK].tolist()]

    with ThreadPoolExecutor(cores()) as pool:
        return [result for part in pool.map(chunk, range(0, len(indices), _CHUNK)) for result in part]
