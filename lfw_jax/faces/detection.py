"""Where the faces are in an image, by the mtcnn package (Zhang et al. 2016, arXiv:1604.02878). TensorFlow is its engine."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.errors import UserError
from lfw_jax.faces.alignment import align, centre_crop

_SMALLEST = 24  # pixels of the shorter side: below, the package has no scale to look at
_POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A detected face.

    Attributes:
      box: left, top, right and bottom, pixels.
      points: left eye, right eye, nose, left and right corner of the mouth as the viewer sees them; x and y in pixels.
      score: the detector's confidence, from 0 to 1.
    """

    box: tuple[float, float, float, float]
    points: Float[np.ndarray, "5 2"]
    score: float

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box, x and y."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Detector:
    """The cascade of the mtcnn package with its own weights and thresholds, on the CPU; faces from 20 pixels.

    (A larger smallest face would be faster, but makes mtcnn 1.0.0 shrink images below what its network can take.)

    Raises:
      UserError: mtcnn or TensorFlow is not installed.
    """

    def __init__(self):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # silent but for errors
        try:
            import tensorflow as tf
            from mtcnn import MTCNN
        except ModuleNotFoundError as error:
            raise UserError(
                f"face detection needs the packages mtcnn and tensorflow ({error}); install them with "
                "`pip install lfw-jax[tensorflow]`."
            ) from error
        tf.config.set_visible_devices([], "GPU")  # the accelerator belongs to JAX
        self._cascade = MTCNN(device="CPU:0")

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """The faces of each image, the best score first; many images of one call share the networks' passes."""
        faces: list[list[Face]] = [[] for _ in images]
        large_enough = [place for place, image in enumerate(images) if min(image.shape[:2]) >= _SMALLEST]
        if not large_enough:
            return faces
        batch = [np.asarray(images[place]) for place in large_enough]
        found = self._cascade.detect_faces(batch, box_format="xyxy")
        # Where no image of a batch holds a face, the package's answer has fewer entries than the batch.
        for place, items in zip(large_enough, found or [], strict=False):
            faces[place] = sorted((_face(item) for item in items), key=lambda face: face.score, reverse=True)
        return faces


def _face(item: dict) -> Face:
    left, top, right, bottom = (float(value) for value in item["box"])
    points = np.array([item["keypoints"][name] for name in _POINTS], np.float64)
    return Face((left, top, right, bottom), points, float(item["confidence"]))


def nearest_to_centre(faces: Sequence[Face], height: int, width: int) -> Face | None:
    """The face whose box is centred nearest to the image's centre: LFW centres its subject, others stand behind."""

    def distance(face: Face) -> float:
        x, y = face.centre
        return (x - width / 2) ** 2 + (y - height / 2) ** 2

    return min(faces, key=distance, default=None)


def aligned(
    images: Sequence[UInt8[np.ndarray, "h w 3"]], detector: Detector, *, height: int = 112, width: int | None = None
) -> list[tuple[UInt8[np.ndarray, "h2 w2 3"], Face | None]]:
    """Each image's face nearest to its centre, aligned, with what was found.

    An image without a face, or whose points no similarity fits, gives its centre crop and None: nothing is dropped.
    """
    crops = []
    for image, faces in zip(images, detector(images), strict=True):
        face = nearest_to_centre(faces, *image.shape[:2])
        if face is not None and np.ptp(face.points, axis=0).max() > 0:
            crops.append((align(image, face.points, height=height, width=width), face))
        else:
            crops.append((centre_crop(image, height=height, width=width), None))
    return crops
