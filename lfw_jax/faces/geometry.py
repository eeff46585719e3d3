"""Size, pose and score of the faces that an alignment found, from the manifest beside the crops."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lfw_jax.data.images import ImageSet
from lfw_jax.faces.align_set import MANIFEST
from lfw_jax.faces.detection import Face
from lfw_jax.faces.manifest import read_manifest


@dataclasses.dataclass(frozen=True, eq=False)
class FaceGeometry:
    """Measures of the detected faces of images. An image without a detected face has NaN.

    Attributes:
      size: side of a square with the area of the face's box, in pixels of the original image.
      yaw: distance of the nose from the middle between the eyes, along the line of the eyes, in units of their distance: 0 is
        frontal, 0.5 has the nose above one eye. The sign is that of the side towards which the nose points.
      roll: angle of the line of the eyes in degrees, positive if the right eye (as the viewer sees it) is lower.
      score: the detector's confidence, from 0 to 1.
    """

    size: Float[np.ndarray, "images"]
    yaw: Float[np.ndarray, "images"]
    roll: Float[np.ndarray, "images"]
    score: Float[np.ndarray, "images"]


def face_geometry(faces: Sequence[Face | None]) -> FaceGeometry:
    """Return the measures of detected faces.

    Args:
      faces: the face of each image; None if none was found.
    """
    measures = np.full((4, len(faces)), np.nan)
    for index, face in enumerate(faces):
        if face is not None:
            measures[:, index] = _measures(face)
    return FaceGeometry(*measures)


def aligned_faces(images: ImageSet) -> list[Face | None] | None:
    """Return the face from which each image was aligned, if a manifest lies beside the images.

    Aligned images are files `<folder>/<identity>/<name>`, with the manifest in the folder: those of `config.data.align` and of
    `--mode=align`.

    Args:
      images: the images; all of one folder.

    Returns:
      The face of each image, None for a centre crop; None if there is no manifest that names all images.

    Raises:
      UserError: the manifest is damaged.
    """
    if images.storage != "files" or not len(images):
        return None
    paths = [Path(str(path)) for path in images.images]
    folder = paths[0].parent.parent
    if not (folder / MANIFEST).is_file():
        return None
    wanted = {path.relative_to(folder).as_posix() for path in paths if path.is_relative_to(folder)}
    found = {row.file: row.face for row in read_manifest(folder / MANIFEST) if row.file in wanted}
    if len(found) < len(set(paths)):
        return None
    return [found[path.relative_to(folder).as_posix()] for path in paths]


def _measures(face: Face) -> tuple[float, float, float, float]:
    left, top, right, bottom = face.box
    first, second, nose = face.points[:3]
    line = second - first
    distance = float(np.hypot(*line))
    yaw = float((nose - (first + second) / 2) @ line) / distance**2 if distance > 0 else np.nan
    size = float(np.sqrt(max(0.0, right - left) * max(0.0, bottom - top)))
    return size, yaw, float(np.degrees(np.arctan2(line[1], line[0]))), face.score
