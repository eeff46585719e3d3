"""Poses: similarity transforms of the plane as four numbers, and their composition.

A pose is (angle, log scale, shift x, shift y). It maps a point of the frame, in which the face is upright and centred, to a point
of the image. The unit of both is half the side of the central crop, the origin its centre, and y points down.
"""

import numpy as np
from jaxtyping import Float

Poses = Float[np.ndarray, "images 4"]

MIRRORED = np.array([-1, 1, -1, 1], np.float32)
"""Factors that turn the pose of an image into that of its mirror image."""


def linear(poses: Poses) -> Float[np.ndarray, "images 2 2"]:
    """Return the matrices of the rotation and scale of poses."""
    cosine, sine = np.exp(poses[:, 1]) * (np.cos(poses[:, 0]), np.sin(poses[:, 0]))
    return np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)


def compose(outer: Poses, inner: Poses) -> Poses:
    """Return the poses that apply `inner` first, then `outer`.

    Args:
      outer: `[images, 4]`.
      inner: `[images, 4]`, or `[1, 4]` for the same one before every `outer`.

    Example:
      >>> compose(np.array([[0, np.log(2), 1, 0]]), np.array([[0, 0, 3, 4]]))[:, 2:].tolist()
      [[7.0, 8.0]]
    """
    shift = np.einsum("nij,nj->ni", linear(outer), np.broadcast_to(inner, outer.shape)[:, 2:]) + outer[:, 2:]
    return np.concatenate([outer[:, :2] + inner[:, :2], shift], axis=1).astype(outer.dtype)


def inverse(poses: Poses) -> Poses:
    """Return the inverse transforms.

    Example:
      >>> inverse(np.array([[0, 0, 3.0, 4.0]]))[:, 2:].tolist()
      [[-3.0, -4.0]]
    """
    turned = np.concatenate([-poses[:, :2], np.zeros_like(poses[:, 2:])], axis=1)
    shift = -np.einsum("nij,nj->ni", linear(turned), poses[:, 2:])
    return np.concatenate([turned[:, :2], shift], axis=1).astype(poses.dtype)


def frame_to_image(pose: Float[np.ndarray, "4"], height: int, width: int, crop: float) -> Float[np.ndarray, "2 3"]:
    """Return the transform from the frame to the pixels of an image.

    Args:
      pose: the pose of the face in the image.
      height: the height of the image in pixels.
      width: its width.
      crop: the side of the central crop, as a share of the image's shorter side.

    Returns:
      `[2, 3]`, the matrix `[A | t]` that maps a point p of the frame to the pixel `A p + t`; the centre of the first pixel is
      (0, 0).
    """
    half = crop * min(height, width) / 2
    centre = ((width - 1) / 2, (height - 1) / 2)
    return np.column_stack((half * linear(np.asarray(pose, np.float64)[None])[0], half * pose[2:] + centre))
