"""Crop geometry: the square of an image that a network receives, and its size."""

import dataclasses
import functools
import math


@dataclasses.dataclass(frozen=True)
class CropGeometry:
    """The square of an image that a network receives, and its size.

    Attributes:
      side: pixels of the square that a network sees.
      crop: side of the centred square that this shows, as a share of the image's shorter side; 1 is the largest square.
      margin: pixels kept beyond each edge (at the scale of `side`), for augmentation to draw on instead of black. Where
        the image ends before them, its edge is repeated.
    """

    side: int
    crop: float = 1.0
    margin: int = 0

    @functools.cached_property
    def stored_side(self) -> int:
        """Pixels of the stored square, margins included."""
        return self.side + 2 * self.margin

    @functools.cached_property
    def filled_side(self) -> int:
        """Pixels of the stored square, in its middle, that an image has; beyond them its edge is repeated."""
        return self.stored_side - 2 * max(0, math.ceil((self.stored_side - self.side / self.crop) / 2 - 1e-6))

    def box(self, height: int, width: int) -> tuple[int, int, int]:
        """Top, left and side of what fills the stored square, whole pixels, never beyond the image."""
        shorter = min(height, width)
        side = min(shorter, max(1, round(self.crop * shorter * self.filled_side / self.side)))
        return (height - side) // 2, (width - side) // 2, side
