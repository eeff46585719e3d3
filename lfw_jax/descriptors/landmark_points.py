"""Sixteen points of a face, derived from the five of a landmark detector.

Each point is a weighted mean of the five, with weights that sum to 1. An affine map of the five points, such as a rotation, a
scaling or a mirror image, therefore maps the sixteen in the same way.
"""

import numpy as np
from jaxtyping import Float

FIVE_MIRRORED = np.array([1, 0, 2, 4, 3])
"""Index of the point that each of the five is in the mirror image: left and right are exchanged."""

MIRRORED = np.array([1, 0, 2, 4, 3, 5, 6, 8, 7, 10, 9, 12, 11, 13, 14, 15])
"""Index of the point that each of the sixteen is in the mirror image: left and right are exchanged."""


def _weights() -> Float[np.ndarray, "16 5"]:
    left_eye, right_eye, nose, left_mouth, right_mouth = np.eye(5)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    across, down = right_eye - left_eye, mouth - eyes
    return np.array(
        [
            left_eye,
            right_eye,
            nose,
            left_mouth,
            right_mouth,
            eyes,
            mouth,
            left_eye - 0.4 * down,  # eyebrows
            right_eye - 0.4 * down,
            left_eye - 0.35 * across,  # temples
            right_eye + 0.35 * across,
            (left_eye + left_mouth) / 2,  # cheeks
            (right_eye + right_mouth) / 2,
            (eyes + nose) / 2,  # bridge of the nose
            eyes - 0.6 * down,  # forehead
            mouth + 0.35 * down,  # chin
        ]
    )


_WEIGHTS = _weights()


def sixteen_points(five: Float[np.ndarray, "images 5 2"]) -> Float[np.ndarray, "images 16 2"]:
    """Return sixteen points of each face.

    They are, in this order: the five; the middle of the eyes and of the mouth; the left and right eyebrow, temple and cheek; the
    bridge of the nose, the forehead and the chin. Mirroring an image maps point k to point `MIRRORED[k]`.

    Args:
      five: `[images, 5, 2]`, x and y of the left eye, right eye, nose, left and right corner of the mouth, as the viewer sees
        them.

    Returns:
      `[images, 16, 2]`, in the units of `five`.

    Example:
      >>> five = np.array([[(0, 0), (2, 0), (1, 1), (0, 2), (2, 2)]])
      >>> sixteen_points(five)[0, 5].tolist()
      [1.0, 0.0]
    """
    return _WEIGHTS @ np.asarray(five, np.float64)


def mirrored_points(five: Float[np.ndarray, "images 5 2"], width: int) -> Float[np.ndarray, "images 5 2"]:
    """Return the five points of the mirrored images, in the order left eye, right eye, and so on.

    Args:
      five: `[images, 5, 2]`, x and y in pixels; the centre of the first pixel is (0, 0).
      width: width of the images in pixels.
    """
    return (np.asarray(five, np.float64) * (-1.0, 1.0) + (width - 1.0, 0.0))[:, FIVE_MIRRORED]
