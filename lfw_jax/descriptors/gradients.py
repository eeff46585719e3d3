"""Histograms of gradient orientations.

Source: Lowe 2004, "Distinctive image features from scale-invariant keypoints", without its Gaussian window and its interpolation
between cells.
"""

import numpy as np
from jaxtyping import Float, Int, UInt8


def orientation_votes(
    patches: UInt8[np.ndarray, "... side2 side2"], orientations: int
) -> tuple[Int[np.ndarray, "... side side"], Float[np.ndarray, "... side side"], Float[np.ndarray, "... side side"]]:
    """Return the votes of each pixel's gradient, which two neighbouring orientations share linearly.

    Bin k is centred on the orientation `2π k / orientations`, counterclockwise from the right.

    Args:
      patches: grey values with a border of one pixel.
      orientations: number of bins.

    Returns:
      The lower bin, its vote, and the vote of the next bin (the first after the last). The votes sum to the magnitude of the
      gradient, by central differences.
    """
    values = patches.astype(np.float32)
    right = (values[..., 1:-1, 2:] - values[..., 1:-1, :-2]) / 2
    up = (values[..., :-2, 1:-1] - values[..., 2:, 1:-1]) / 2
    magnitude = np.sqrt(right * right + up * up)
    turn = np.arctan2(up, right) * np.float32(orientations / (2 * np.pi)) + orientations
    lower = np.floor(turn)
    share = turn - lower
    return lower.astype(np.int64) % orientations, magnitude * (1 - share), magnitude * share


def mirrored_orientations(orientations: int) -> Int[np.ndarray, "orientations"]:
    """Return the bin that each bin is in the mirror image, where an orientation α becomes π − α.

    Args:
      orientations: number of bins, even.
    """
    return (orientations // 2 - np.arange(orientations)) % orientations
