"""What the headers of image files say, without decoding a picture."""

import dataclasses
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from lfw_jax.data.decoding.image_headers import orientation
from lfw_jax.data.decoding.validity import fault
from lfw_jax.data.images import ImageSet, Skipped

Report = Callable[[int], None]
"""Is told how many images are done."""

_EVERY = 256
_SIZES = 10
_ON_ITS_SIDE = 5  # EXIF's orientations from here on exchange width and height
_COLOURLESS = ("1", "L", "LA", "I", "F", "I;16", "I;16B")


@dataclasses.dataclass(frozen=True, eq=False)
class Headers:
    """Sizes and kinds of images.

    Attributes:
      places: `[readable]`, which images of the set these are: all but the unreadable ones.
      widths: `[readable]`, pixels, as the picture is seen (turned as EXIF says).
      heights: `[readable]`, pixels.
      sizes: `[readable]`, bytes as stored.
      formats: how many images are "JPEG", "PNG", … ("pixels" where nothing is encoded).
      modes: how many are "RGB", "L" (grey), …, by Pillow's names.
      unreadable: images of the set whose file cannot be read, and why.
    """

    places: Int[np.ndarray, "readable"]
    widths: Int[np.ndarray, "readable"]
    heights: Int[np.ndarray, "readable"]
    sizes: Int[np.ndarray, "readable"]
    formats: dict[str, int]
    modes: dict[str, int]
    unreadable: tuple[Skipped, ...] = ()

    @property
    def shorter(self) -> Int[np.ndarray, "readable"]:
        """The shorter side of each image, pixels."""
        return np.minimum(self.widths, self.heights)

    @property
    def aspects(self) -> Float[np.ndarray, "readable"]:
        """Longer side by shorter side: 1 is a square."""
        return np.maximum(self.widths, self.heights) / np.maximum(self.shorter, 1)

    @property
    def grey(self) -> int:
        """Images that are stored without colour."""
        return sum(count for mode, count in self.modes.items() if mode in _COLOURLESS)

    def summary(self, images: ImageSet) -> dict[str, Any]:
        """What goes into inspection.json: bytes, formats, modes, the most common, smallest and largest size, aspects."""
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
    """Read the header of every image. Nothing is decoded and nothing but these numbers is kept: 32 bytes an image.

    Files were checked by the source that listed them; encoded images are checked here by `faults.fault`.

    Args:
      images: the set.
      report: is told how many images are done.
    """
    if images.storage == "pixels":
        return _of_pixels(images)
    count = len(images)
    widths, heights, sizes = (np.zeros(count, np.int64) for _ in range(3))
    formats: Counter[str] = Counter()
    modes: Counter[str] = Counter()
    unreadable: list[Skipped] = []
    readable = np.ones(count, bool)
    for place in range(count):
        image = images.images[place]
        assert not isinstance(image, np.ndarray)  # pixels were dealt with above
        kind = ("", "")
        reason = fault(image) if isinstance(image, bytes) else None
        try:
            if reason is None:
                with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as picture:
                    widths[place], heights[place] = picture.size
                    if orientation(b"\xff\xd8" + picture.info.get("exif", b"")) >= _ON_ITS_SIDE:
                        widths[place], heights[place] = picture.size[::-1]
                    kind = (picture.format or "unknown", picture.mode)
                sizes[place] = len(image) if isinstance(image, bytes) else image.stat().st_size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            reason = fault(image) or "could not be opened"
        if reason is None:
            formats[kind[0]] += 1
            modes[kind[1]] += 1
        else:
            readable[place] = False
            unreadable.append(Skipped(images.describe(place), reason))
        if (place + 1) % _EVERY == 0:
            report(place + 1)
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


def short_name(images: ImageSet, place: int) -> str:
    """An image's name in a line of 80 columns: its folder and file, or its person and number."""
    image = images.images[place]
    return f"{image.parent.name}/{image.name}" if isinstance(image, Path) else images.describe(place)
