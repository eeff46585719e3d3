"""Thumbnails of the images of pairs, as many as fit into a page."""

import dataclasses
import io
from collections.abc import Mapping

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from lfw_jax.evaluation.scores import ScoredPairs

_SIDE = 64
_QUALITY, _GALLERY_QUALITY = 75, 88
_BUDGET = 2_000_000  # bytes of JPEG; as text in a page they need a third more


@dataclasses.dataclass(frozen=True, eq=False)
class Thumbnails:
    """Thumbnails of some images of a list of pairs.

    Attributes:
      jpegs: the content of JPEG files, by the index of the image.
      first: the index of the first image of each pair.
      second: the index of the second image of each pair.
    """

    jpegs: Mapping[int, bytes]
    first: Int[np.ndarray, "pairs"]
    second: Int[np.ndarray, "pairs"]


def pair_thumbnails(
    pairs: ScoredPairs,
    threshold: float,
    images: UInt8[np.ndarray, "images height width 3"],
    indices: tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]],
    *,
    budget: int = _BUDGET,
) -> Thumbnails:
    """Return thumbnails of the worst errors of a threshold, then of the pairs nearest to it.

    Args:
      pairs: the scored pairs.
      threshold: distances below it are accepted.
      images: the distinct images of the pairs.
      indices: the indices in `images` of the first and of the second image of each pair.
      budget: the largest number of bytes of all thumbnails.
    """
    first, second = indices
    error = np.where(pairs.same, pairs.distances - threshold, threshold - pairs.distances)
    jpegs: dict[int, bytes] = {}
    spent = 0
    for pair in np.argsort(-error, kind="stable").tolist():
        for index in (int(first[pair]), int(second[pair])):
            if index not in jpegs:
                jpeg = jpeg_file(images[index], side=_SIDE, quality=_QUALITY)
                spent += len(jpeg)
                if spent > budget:
                    return Thumbnails(jpegs, first, second)
                jpegs[index] = jpeg
    return Thumbnails(jpegs, first, second)


def jpeg_file(
    pixels: UInt8[np.ndarray, "height width 3"], *, side: int | None = None, quality: int = _GALLERY_QUALITY
) -> bytes:
    """Return an image as the content of a JPEG file.

    Args:
      pixels: the image.
      side: the largest height and width; larger images are reduced. None for any size.
      quality: the quality of the compression.
    """
    picture = Image.fromarray(np.asarray(pixels))
    if side is not None:
        picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
