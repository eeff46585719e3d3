"""Square patches of images around points; beyond the image its edge is repeated."""

import numpy as np
from jaxtyping import Float, Int, UInt8


def patch_corners(
    points: Float[np.ndarray, "images patches 2"], *, height: int, width: int, side: int
) -> Int[np.ndarray, "images patches 2"]:
    """Return the upper left pixel of the patch whose centre is closest to each point.

    A point between two patches gets the one nearer to the centre of the image, so that the patches of a mirrored image are the
    mirrored patches.

    Args:
      points: x and y in pixels; the centre of the first pixel is (0, 0).
      height: even height of the images in pixels.
      width: even width of the images in pixels.
      side: even side of a patch in pixels.

    Returns:
      `[images, patches, 2]`, column and row. A patch lies at most just outside of the image: beyond, all are alike.
    """
    size = np.array((width, height))
    # Relative to the centre of the image, centres of patches of even side have whole coordinates.
    offset = np.round(points - (size - 1) / 2, 6)
    centre = np.sign(offset) * np.ceil(np.abs(offset) - 0.5)
    corners = centre + (size - side) // 2
    return np.clip(corners, -side, size).astype(np.int64)


def cut_patches(
    images: UInt8[np.ndarray, "images height width"],
    corners: Int[np.ndarray, "images patches 2"],
    *,
    side: int,
    border: int,
) -> UInt8[np.ndarray, "images patches side2 side2"]:
    """Return patches with a border around each.

    Args:
      images: grey images.
      corners: column and row of each patch's upper left pixel, without the border.
      side: side of a patch in pixels, without the border.
      border: pixels added on every side.

    Returns:
      `[images, patches, side + 2 · border, side + 2 · border]`. Pixels outside an image equal the closest pixel inside.
    """
    count, height, width = images.shape
    steps = np.arange(-border, side + border)
    columns = np.clip(corners[..., :1] + steps, 0, width - 1)
    rows = np.clip(corners[..., 1:] + steps, 0, height - 1)
    first = np.arange(count)[:, None, None] * (height * width)
    return np.take(images.reshape(-1), (first + rows * width)[..., :, None] + columns[..., None, :])
