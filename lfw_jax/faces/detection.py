"""Face detection by the mtcnn package, which uses TensorFlow (Zhang et al. 2016, arXiv:1604.02878)."""

import dataclasses
from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.faces.mtcnn.stages import Stages

Rule = Literal["centre", "largest", "best"]


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """A detected face.

    Attributes:
      box: left, top, right and bottom, in pixels.
      points: `[5, 2]`, x and y in pixels of the left eye, right eye, nose, left and right corner of the mouth as the viewer
        sees them.
      score: the detector's confidence, from 0 to 1.
    """

    box: tuple[float, float, float, float]
    points: Float[np.ndarray, "5 2"]
    score: float

    @property
    def centre(self) -> tuple[float, float]:
        """The centre of the box, x and y."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Detector:
    """The MTCNN cascade of the mtcnn package, with its weights and thresholds, on the CPU.

    It detects faces of at least 20 pixels. The images of one call are processed in batches. Calls from several threads
    run in parallel.

    Raises:
      UserError: mtcnn or TensorFlow is not installed.
    """

    def __init__(self):
        self._stages = Stages()

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """Return the faces of each image, best score first."""
        faces: list[list[Face]] = [[] for _ in images]
        for row in self._stages(images):
            left, top, right, bottom, score = row[1:6].tolist()
            faces[int(row[0])].append(Face((left, top, right, bottom), row[6:].reshape(2, 5).T, score))
        return faces


class Detect(Protocol):
    """The interface of a face detector: `Detector` or the JAX cascade."""

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """Return the faces of each image, best score first."""
        ...


def choose_face(faces: Sequence[Face], height: int, width: int, rule: Rule = "centre") -> Face | None:
    """Choose one face of an image.

    Args:
      faces: the detected faces.
      height: the height of the image in pixels.
      width: its width.
      rule: "centre" for the box whose centre is nearest to that of the image (in LFW the subject is in the centre, and other
        people are in the background), "largest" for the box with the largest area, "best" for the highest score.

    Returns:
      The face, or None if there is none.
    """

    def rank(face: Face) -> float:
        if rule == "centre":
            x, y = face.centre
            return (x - (width - 1) / 2) ** 2 + (y - (height - 1) / 2) ** 2
        if rule == "largest":
            left, top, right, bottom = face.box
            return -(right - left) * (bottom - top)
        return -face.score

    return min(faces, key=rank, default=None)
