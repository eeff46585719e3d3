"""The five points of aligned faces, in pixels of their stored squares."""

import numpy as np
from jaxtyping import Float

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.faces.alignment import similarity, template
from lfw_jax.faces.detection import Face
from lfw_jax.faces.geometry import aligned_faces

_SIDE = 112


def landmarks_in_crops(images: ImageSet, geometry: CropGeometry) -> Float[np.ndarray, "images 5 2"]:
    """Return the landmarks of each image in its stored square.

    An alignment maps a face by a similarity, so that its landmarks lie near those of the template, and not on them: the nose of a
    turned head lies beside it. The landmarks come from the manifest beside the images. Images without a manifest or without a
    detected face get the template's points.

    Args:
      images: aligned images.
      geometry: the crop geometry; its input square is that of the template.

    Returns:
      x and y of the left eye, right eye, nose, left and right corner of the mouth as the viewer sees them, in pixels.

    Raises:
      UserError: the manifest beside the images is damaged.
    """
    faces = aligned_faces(images)
    points = [face_landmarks(face, geometry) for face in faces or [None] * len(images)]
    return np.array(points).reshape(-1, 5, 2)


def face_landmarks(face: Face | None, geometry: CropGeometry) -> Float[np.ndarray, "5 2"]:
    """Return the landmarks of a face in the stored square of its aligned crop.

    Args:
      face: the face as it was detected in its original; None for the template's points.
      geometry: the crop geometry; its input square is that of the template.
    """
    points = template(_SIDE)
    if face is not None:
        to_crop = similarity(face.points, points)
        points = face.points @ to_crop[:, :2].T + to_crop[:, 2]
    # The centre of the first pixel is (0, 0), so half a pixel is scaled, too.
    return (points + 0.5) * (geometry.side / _SIDE) - 0.5 + geometry.margin
