"""Crop geometry: the square of an image that a network receives, and its size."""

import dataclasses
import functools
import math


@dataclasses.dataclass(frozen=True)
class CropGeometry:
    """The centred square of an image that a network receives, and its size.

    Attributes:
      side: the side of the network's input, in pixels.
      crop: the side of the centred square, as a fraction of the image's shorter side; 1 is the largest square.
      margin: pixels stored beyond each edge (at the scale of `side`), so that augmentation need not fill with black. Beyond
        the end of the image its edge is repeated.
    """

    side: int
    crop: float = 1.0
    margin: int = 0

    @functools.cached_property
    def stored_side(self) -> int:
        """The side of the stored square in pixels, margins included."""
        return self.side + 2 * self.margin

    @functools.cached_property
    def filled_side(self) -> int:
        """The side in pixels of the central part that the image covers; beyond it the edge is repeated."""
        return self.stored_side - 2 * max(0, math.ceil((self.stored_side - self.side / self.crop) / 2 - 1e-6))

    def box(self, height: int, width: int) -> tuple[int, int, int]:
        """Return top, left and side of the box that fills the stored square, in pixels within the image.

        Args:
          height: of the image, in pixels.
          width: of the image, in pixels.
        """
        shorter = min(height, width)
        side = min(shorter, max(1, round(self.crop * shorter * self.filled_side / self.side)))
        return (height - side) // 2, (width - side) // 2, side
