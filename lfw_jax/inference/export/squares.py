"""Photos as the input of an exported model."""

import numpy as np
from jaxtyping import UInt8

from lfw_jax.errors import UserError
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.photos import Pictures, photos_of
from lfw_jax.inference.model.systems import PreparedFace


def aligned_squares(
    verifier: FaceVerifier, images: Pictures, *, aligned: bool = False
) -> UInt8[np.ndarray, "images stored stored 3"]:
    """Return the stored square of each photo: detected, aligned and cropped as for the embedding.

    Args:
      verifier: the system that was exported.
      images: one photo or several.
      aligned: true if the photos are crops that the same alignment made.

    Raises:
      NoFaceError: a photo has no face.
      UserError: there is no photo, a photo cannot be read, or the system is fused, so that each member has squares of its own.
    """
    photos, system = photos_of(images), verifier.system
    if not photos:
        raise UserError("found no photo; expected at least one.")
    if aligned or not verifier.aligns:
        prepared = [system.prepare_aligned(photo) for photo in photos]
    else:
        prepared = [system.prepare(photo) for photo in verifier.finder.chosen(photos)]
    squares = [face.square for face in prepared if isinstance(face, PreparedFace)]
    if not squares:
        raise UserError(
            "found a fused system, whose members have crops of their own; expected a network or descriptors."
        )
    return np.stack(squares)
