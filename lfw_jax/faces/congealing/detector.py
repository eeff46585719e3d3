"""The learned alignment in place of a face detector."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.faces.alignment import similarity, template
from lfw_jax.faces.congealing.estimation import estimate_poses
from lfw_jax.faces.congealing.features import grey_square
from lfw_jax.faces.congealing.model import AlignmentModel
from lfw_jax.faces.congealing.pose import frame_to_image
from lfw_jax.faces.detection import Face

_MEAN_FACE = np.array([(-0.305, -0.185), (0.305, -0.185), (-0.26, 0.48), (0.26, 0.48)])
"""The eyes and the corners of the mouth in the frame, read off the mean of 3,000 aligned training images of LFW's View 1.

They place the template of aligned crops in the frame. No other data, and no landmark of a detector, has a part in them.
"""


def template_in_frame() -> Float[np.ndarray, "5 2"]:
    """Return the five points of the template of aligned crops in the coordinates of the frame."""
    points = template()
    matrix = similarity(points[[0, 1, 3, 4]], _MEAN_FACE)
    return points @ matrix[:, :2].T + matrix[:, 2]


class CongealingDetector:
    """A detector that finds one face in every image: the template of five points at the estimated pose.

    Args:
      model: the learned alignment.
    """

    def __init__(self, model: AlignmentModel):
        self._model = model

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """Return the face of each image. Its score is the cosine of its features to the mean face."""
        crop = self._model.settings.crop
        poses, typical = estimate_poses(self._model, np.stack([grey_square(image, crop) for image in images]))
        found = []
        for image, pose, score in zip(images, poses, typical.tolist(), strict=True):
            matrix = frame_to_image(pose, image.shape[0], image.shape[1], crop)
            corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) @ matrix[:, :2].T + matrix[:, 2]
            (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
            points = template_in_frame() @ matrix[:, :2].T + matrix[:, 2]
            found.append([Face((left, top, right, bottom), points, score)])
        return found
