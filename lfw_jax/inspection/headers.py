"""Sizes, formats and colours of images from their headers, without decoding."""

import dataclasses
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from lfw_jax.data.decoding.tiff_tags import exif_orientation
from lfw_jax.data.decoding.validity import fault
from lfw_jax.data.images import ImageSet, Skipped

Report = Callable[[int], None]
"""A function that is called with the number of finished images."""

_EVERY = 256
_SIZES = 10
_ON_ITS_SIDE = 5  # EXIF orientations from 5 on exchange width and height
_COLOURLESS = ("1", "L", "LA", "I", "F", "I;16", "I;16B")


@dataclasses.dataclass(frozen=True, eq=False)
class Headers:
    """The headers of the readable images of a set.

    Attributes:
      indices: `[readable]`, the indices of these images in the set.
      widths: `[readable]`, in pixels, with the EXIF orientation applied.
      heights: `[readable]`, in pixels, likewise.
      sizes: `[readable]`, the stored size in bytes.
      formats: the number of images by format: "JPEG", "PNG", …, or "pixels" if they are not encoded.
      modes: the number of images by Pillow's mode: "RGB", "L" (grey), …
      unreadable: the images that cannot be read, with the reasons.
    """

    indices: Int[np.ndarray, "readable"]
    widths: Int[np.ndarray, "readable"]
    heights: Int[np.ndarray, "readable"]
    sizes: Int[np.ndarray, "readable"]
    formats: dict[str, int]
    modes: dict[str, int]
    unreadable: tuple[Skipped, ...] = ()

    @property
    def shorter(self) -> Int[np.ndarray, "readable"]:
        """The shorter side of each image in pixels."""
        return np.minimum(self.widths, self.heights)

    @property
    def aspects(self) -> Float[np.ndarray, "readable"]:
        """The ratio of the longer to the shorter side of each image."""
        return np.maximum(self.widths, self.heights) / np.maximum(self.shorter, 1)

    @property
    def grey(self) -> int:
        """The number of images without colour."""
        return sum(count for mode, count in self.modes.items() if mode in _COLOURLESS)

    def summary(self, images: ImageSet) -> dict[str, Any]:
        """Return the facts for inspection.json.

        They are bytes, formats, modes, aspect ratios, and the most common, the smallest and the largest size.
        """
        if not len(self.indices):
            return {"bytes": 0, "formats": {}, "modes": {}, "different_sizes": 0, "sizes": []}
        pairs, counts = np.unique(np.stack([self.widths, self.heights], 1), axis=0, return_counts=True)
        common = np.argsort(-counts, kind="stable")[:_SIZES]
        area = self.widths * self.heights
        return {
            "bytes": int(self.sizes.sum()),
            "formats": self.formats,
            "modes": self.modes,
            "different_sizes": len(pairs),
            "sizes": [
                {"width": int(pairs[i, 0]), "height": int(pairs[i, 1]), "images": int(counts[i])} for i in common
            ],
            "smallest": self._one(images, int(np.argmin(area))),
            "largest": self._one(images, int(np.argmax(area))),
            "square": float((self.widths == self.heights).mean()),
            "aspect": {"median": float(np.median(self.aspects)), "max": float(self.aspects.max())},
        }

    def _one(self, images: ImageSet, row: int) -> dict[str, Any]:
        image = images.describe(int(self.indices[row]))
        return {"width": int(self.widths[row]), "height": int(self.heights[row]), "image": image}


def read_headers(images: ImageSet, *, report: Report = lambda _: None) -> Headers:
    """Read the headers of all images.

    The source has checked files; encoded images are checked here by `validity.fault`.

    Args:
      images: the data set.
      report: called with the number of finished images.
    """
    if images.storage == "pixels":
        return _of_pixels(images)
    count = len(images)
    widths, heights, sizes = (np.zeros(count, np.int64) for _ in range(3))
    formats: Counter[str] = Counter()
    modes: Counter[str] = Counter()
    unreadable: list[Skipped] = []
    readable = np.ones(count, bool)
    for index in range(count):
        image = images.images[index]
        assert not isinstance(image, np.ndarray)  # see _of_pixels
        kind = ("", "")
        reason = fault(image) if isinstance(image, bytes) else None
        try:
            if reason is None:
                with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as picture:
                    widths[index], heights[index] = picture.size
                    if exif_orientation(picture.info.get("exif", b"")) >= _ON_ITS_SIDE:  # the size of a TIFF is turned
                        widths[index], heights[index] = picture.size[::-1]
                    kind = (picture.format or "unknown", picture.mode)
                sizes[index] = len(image) if isinstance(image, bytes) else image.stat().st_size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            reason = fault(image) or "could not be opened"
        if reason is None:
            formats[kind[0]] += 1
            modes[kind[1]] += 1
        else:
            readable[index] = False
            unreadable.append(Skipped(images.describe(index), reason))
        if (index + 1) % _EVERY == 0:
            report(index + 1)
    report(count)
    return Headers(
        np.flatnonzero(readable),
        widths[readable],
        heights[readable],
        sizes[readable],
        dict(formats.most_common()),
        dict(modes.most_common()),
        tuple(unreadable),
    )


def _of_pixels(images: ImageSet) -> Headers:
    pixels = images.images
    assert isinstance(pixels, np.ndarray)
    count, height, width, channels = pixels.shape
    return Headers(
        np.arange(count),
        np.full(count, width),
        np.full(count, height),
        np.full(count, height * width * channels),
        {"pixels": count} if count else {},
        {"RGB": count} if count else {},
    )


def short_name(images: ImageSet, index: int) -> str:
    """Return a short name of an image: its folder and file, or its identity and number."""
    image = images.images[index]
    return f"{image.parent.name}/{image.name}" if isinstance(image, Path) else images.describe(index)
