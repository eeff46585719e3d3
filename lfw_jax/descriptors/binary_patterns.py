"""Uniform local binary patterns.

Source: Ojala, Pietikäinen, Mäenpää 2002, "Multiresolution gray-scale and rotation invariant texture classification with local
binary patterns".
"""

import math

import numpy as np
from jaxtyping import Int, UInt8

_DIRECTIONS = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))  # x and y, counterclockwise


def _bins() -> tuple[UInt8[np.ndarray, "256"], Int[np.ndarray, "59"]]:
    """Return the bin of each pattern, and the bin that each bin is in the mirror image."""
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    uniform = np.flatnonzero(np.sum(bits != np.roll(bits, 1, axis=1), axis=1) <= 2)
    bins = np.full(256, len(uniform))
    bins[uniform] = np.arange(len(uniform))
    # In the mirror image the neighbour at angle α is at π − α.
    reflected = np.sum(bits[:, (4 - np.arange(8)) % 8] << np.arange(8), axis=1)
    return bins.astype(np.uint8), np.append(bins[reflected[uniform]], len(uniform))


BINS, MIRRORED_BINS = _bins()


def binary_patterns(patches: UInt8[np.ndarray, "... side2 side2"], radius: int) -> UInt8[np.ndarray, "... side side"]:
    """Return the local binary pattern of each pixel.

    Bit k is set if the neighbour at k · 45°, counterclockwise from the right, is at least as bright as the pixel. Neighbours
    lie on a circle; those on the diagonals are interpolated bilinearly.

    Args:
      patches: grey values with a border of `radius` pixels.
      radius: radius of the circle in pixels.

    Returns:
      Patterns from 0 to 255, without the border. `BINS` maps them to 59 bins: one for each of the 58 uniform patterns, with at
      most two changes around the circle, in increasing order, and the last for all others.
    """
    side = patches.shape[-1] - 2 * radius
    values = patches.astype(np.int16)

    def at(x: int, y: int) -> np.ndarray:
        return values[..., radius + y : radius + y + side, radius + x : radius + x + side]

    centre = at(0, 0)
    along = radius / math.sqrt(2)
    near, share = int(along), np.float32(along - int(along))
    patterns = np.zeros(centre.shape, np.uint8)
    for bit, (x, y) in enumerate(_DIRECTIONS):
        if x == 0 or y == 0:
            brighter = at(x * radius, y * radius) >= centre
        else:
            far = near + 1
            sides = at(x * near, y * far) + at(x * far, y * near) - 2 * centre
            corners = share * share * (at(x * far, y * far) - centre) + (1 - share) ** 2 * (
                at(x * near, y * near) - centre
            )
            brighter = share * (1 - share) * sides + corners >= 0
        patterns |= brighter.view(np.uint8) << np.uint8(bit)
    return patterns
