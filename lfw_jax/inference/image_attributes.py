"""Attributes of images for the diagnosis: sharpness, and size, pose and score of the aligned face."""

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.data.images import ImageSet
from lfw_jax.evaluation.diagnosis.conditions import ImageAttribute
from lfw_jax.faces.geometry import aligned_faces, face_geometry

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_NO_MANIFEST = "face size, pose and detection score (no manifest of an alignment beside the images)"


def image_attributes(
    images: ImageSet, pixels: UInt8[np.ndarray, "images stored stored 3"], margin: int
) -> tuple[dict[str, ImageAttribute], tuple[str, ...]]:
    """Return the attributes of images by their keys, and what is unavailable with the reason.

    Args:
      images: the images.
      pixels: their stored squares.
      margin: margin of the stored squares, which the network does not see, in pixels.

    Raises:
      UserError: the manifest beside the images is damaged.
    """
    inside = slice(margin, pixels.shape[1] - margin)
    found = {
        "sharpness": ImageAttribute(
            "sharpness", "variance of the Laplacian", sharpness(pixels[:, inside, inside]), harder="low"
        )
    }
    faces = aligned_faces(images)
    if faces is None:
        return found, (_NO_MANIFEST,)
    geometry = face_geometry(faces)
    found |= {
        "face_size": ImageAttribute("face size", "pixels of the original image", geometry.size, harder="low"),
        "yaw": ImageAttribute(
            "yaw", "offset of the nose in eye distances, 0 is frontal", np.abs(geometry.yaw), harder="high"
        ),
        "roll": ImageAttribute("roll", "degrees before alignment", np.abs(geometry.roll), harder="high"),
        "score": ImageAttribute("detection score", "confidence of the detector", geometry.score, harder="low"),
    }
    return found, ()


def sharpness(pixels: UInt8[np.ndarray, "images height width 3"]) -> Float[np.ndarray, "images"]:
    """Return the variance of the Laplacian of each grey image, in squared grey levels.

    Borders are excluded. It also grows with contrast, noise and texture such as beards. Source: Pech-Pacheco et al., "Diatom
    autofocusing in brightfield microscopy: a comparative study", ICPR 2000.

    Args:
      pixels: RGB images of at least 3×3 pixels.
    """
    found = np.empty(len(pixels))
    for index, image in enumerate(pixels):  # one at a time: floats of all images would take 8 times their memory
        grey = image @ np.asarray(_LUMA, np.float32)
        laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
        found[index] = laplacian.var(dtype=np.float64)
    return found
