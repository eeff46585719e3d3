"""The same picture twice: equal files by their content, nearly equal ones by perceptual hashes.

A perceptual hash says how a picture's coarse shapes of light and dark lie. Scaling, compression and small changes of colour
flip few of its bits; two photographs differ in about half of them. Faces before a plain wall are alike, though: on LFW, of the
70 pairs whose 64-bit hashes differ in 6 bits or fewer more than half show two people. So those hashes only propose pairs, and
256-bit ones of the proposed images decide.
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
from lfw_jax.data.decoding.decoder import decode_whole
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
"""Bits of 64 in which the hashes of a proposed pair differ at most."""

NEAR = 50
"""Bits of 256 in which the hashes of near duplicates differ at most: all 25 such pairs of LFW show one photograph twice, or
one scene a moment later; from 52 on, other people begin to mix in."""

_CHUNK = 256  # images a thread takes at a time

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, eq=False)
class NearDuplicates:
    """Pairs of images that are nearly the same picture.

    Attributes:
      pairs: `[pairs, 2]`, the places of both images in their sets, sorted.
      distances: `[pairs]`, in how many of 256 bits their hashes differ; 0 to `NEAR`.
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
    """Pairs of nearly equal pictures: within a set, or between two.

    Args:
      images: a set; each image is decoded once, small, and the proposed ones a second time.
      other: a second set that the first is compared with; None compares the first with itself, each pair once.
      hashes: the perceptual hashes of `images`, where they are at hand.
      crop: the share of an image's sides, from its centre, that is compared: what a margin surrounds.
      other_crop: the same of `other`.
      limit: the most pairs that are proposed.

    Returns:
      Places in `images`, and in `other` or `images`.

    Raises:
      UserError: an image that cannot be decoded, with its name.
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
    """In how many of 256 bits the finer perceptual hashes of each pair differ.

    Args:
      images: where the first images of the pairs are, and the second unless `other` is given.
      pairs: places.
      other: where the second images are.
      crop: as in `find_near_duplicates`.
      other_crop: the same of `other`.

    Raises:
      UserError: an image that cannot be decoded, with its name.
    """
    sides = []
    second = (images, crop) if other is None else (other, other_crop)
    for (source, share), places in (((images, crop), pairs[:, 0]), (second, pairs[:, 1])):
        needed, index = np.unique(places, return_inverse=True)
        sides.append(_hashes(source, needed, share, side=16)[index])
    return hamming(*sides).sum(axis=-1)


def perceptual_hashes(
    images: ImageSet, places: Int[np.ndarray, "chosen"] | None = None, *, crop: float = 1.0
) -> UInt64[np.ndarray, "chosen"]:
    """The 64-bit perceptual hash of each image (pHash by the library ImageHash: low DCT frequencies of the luma).

    Args:
      images: where the images are.
      places: which of them, in that order; None is all.
      crop: as in `find_near_duplicates`.

    Raises:
      UserError: an image that cannot be decoded, with its name.
    """
    return _hashes(images, places, crop, side=8)[:, 0]


def exact_duplicates(images: ImageSet) -> list[Int[np.ndarray, "copies"]]:
    """Groups of places that hold the same bytes (or pixels), each of two or more, sorted.

    Of files only those are read whose size another has; of other sets all images.
    """
    places = np.arange(len(images))
    if images.storage == "files":
        sizes = _in_threads(lambda place: os.stat(images.images[place]).st_size, places)  # pyright: ignore[reportArgumentType]
        _, inverse, counts = np.unique(np.array(sizes, np.int64), return_inverse=True, return_counts=True)
        places = np.flatnonzero(counts[inverse] > 1)
    groups: dict[bytes, list[int]] = collections.defaultdict(list)
    digests = _in_threads(
        lambda place: hashlib.blake2b(_content(images.images[place]), digest_size=16).digest(), places
    )
    for place, digest in zip(places.tolist(), digests, strict=True):
        groups[digest].append(place)
    return [np.array(group, np.int64) for group in groups.values() if len(group) > 1]


def _hashes(
    images: ImageSet, places: Int[np.ndarray, "chosen"] | None, crop: float, *, side: int
) -> UInt64[np.ndarray, "chosen words"]:
    """Hashes of side² bits, in words of 64."""
    from imagehash import phash  # here, because it loads SciPy, which nothing else needs at the start

    def hash_one(place: int) -> bytes:
        try:
            pixels = decode_whole(images.images[place])
            top, left = (round(length * (1 - crop) / 2) for length in pixels.shape[:2])
            centre = pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]
            return np.packbits(phash(Image.fromarray(centre), hash_size=side).hash).tobytes()
        except OSError as error:
            raise UserError(
                f"{images.describe(place)}: cannot be decoded ({error}). Remove or repair the file."
            ) from error

    hashes = _in_threads(hash_one, np.arange(len(images)) if places is None else np.asarray(places))
    return np.frombuffer(b"".join(hashes), ">u8").astype(np.uint64).reshape(len(hashes), side * side // 64)


def _content(image: Path | bytes | np.ndarray) -> bytes:
    if isinstance(image, np.ndarray):
        return image.tobytes()
    return image.read_bytes() if isinstance(image, Path) else image


def _in_threads(work: Callable[[int], Result], places: Int[np.ndarray, "chosen"]) -> list[Result]:
    """The results for all places, in order. Decoding and hashing let other threads run."""

    def chunk(start: int) -> list[Result]:
        return [work(place) for place in places[start : start + _CHUNK].tolist()]

    with ThreadPoolExecutor(cores()) as pool:
        return [result for part in pool.map(chunk, range(0, len(places), _CHUNK)) for result in part]
