"""Where the faces are in an image, by the mtcnn package (Zhang et al. 2016, arXiv:1604.02878). TensorFlow is its engine."""

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

    Many images of one call share the networks' passes; calls from several threads run side by side.

    Raises:
      UserError: mtcnn or TensorFlow is not installed.
    """

    def __init__(self):
        self._stages = Stages()

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """The faces of each image, the best score first."""
        faces: list[list[Face]] = [[] for _ in images]
        for row in self._stages(images):
            left, top, right, bottom, score = row[1:6].tolist()
            faces[int(row[0])].append(Face((left, top, right, bottom), row[6:].reshape(2, 5).T, score))
        return faces


class Detect(Protocol):
    """What finds faces: `Detector`, or the JAX cascade."""

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """The faces of each image, the best score first."""
        ...


def choose_face(faces: Sequence[Face], height: int, width: int, rule: Rule = "centre") -> Face | None:
    """The one face of an image that counts, or None where there is none.

    Args:
      faces: what was found.
      height: of the image, pixels.
      width: of the image.
      rule: "centre": the box whose centre is nearest to the image's (LFW centres its subject, others stand behind);
        "largest": the box of the largest area; "best": the highest score.
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
