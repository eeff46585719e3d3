"""Aligned crops of images: the choice of the face, the shape, and the fallback without a face."""

import dataclasses
from collections.abc import Sequence
from typing import get_args

import numpy as np
from jaxtyping import UInt8

from lfw_jax.errors import UserError
from lfw_jax.faces.alignment import align, centre_crop, template
from lfw_jax.faces.detection import Detect, Face, Rule, choose_face


@dataclasses.dataclass(frozen=True)
class CropSettings:
    """The geometry of an aligned crop.

    Attributes:
      height: the height in pixels, without the margin.
      width: the width in pixels, without the margin: equal to the height, or 96 / 112 of it.
      margin: pixels added on every side, at most `height`.
      face: the rule that chooses among several faces (see `choose_face`): "centre", "largest" or "best".
      fallback_crop: the side of the centred square that is used if no face is found, as a share of the image's shorter side.

    Raises:
      UserError: a value is out of range.
    """

    height: int = 112
    width: int = 112
    margin: int = 0
    face: Rule = "centre"
    fallback_crop: float = 0.544

    def __post_init__(self):
        try:
            template(self.height, self.width)
        except ValueError as error:
            raise UserError(
                f"--config.align.height is {self.height} and --config.align.width {self.width}: {error}."
            ) from error
        if not 0 <= self.margin <= self.height:
            raise UserError(f"--config.align.margin is {self.margin}; expected 0 to the height, {self.height} pixels.")
        if self.face not in get_args(Rule):
            raise UserError(f"--config.align.face is '{self.face}'; expected {', '.join(get_args(Rule))}.")
        if not 0 < self.fallback_crop <= 1:
            raise UserError(
                f"--config.align.fallback_crop is {self.fallback_crop}; expected a share above 0 and up to 1."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Crop:
    """An aligned face, or the centre of an image without a face.

    Attributes:
      pixels: RGB.
      face: the chosen face; None if `pixels` is the centre of the image.
      found: the number of detected faces.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    face: Face | None
    found: int


def crop_faces(images: Sequence[UInt8[np.ndarray, "h w 3"]], detect: Detect, settings: CropSettings) -> list[Crop]:
    """Detect the faces of images, and crop one of each.

    The centre of an image is returned if it has no face, or if the points of the face determine no transform.

    Args:
      images: RGB images of any size.
      detect: the face detector.
      settings: the geometry of the crops.

    Returns:
      One crop for each image.
    """
    return [
        crop_face(image, choose_face(faces, image.shape[0], image.shape[1], settings.face), settings, found=len(faces))
        for image, faces in zip(images, detect(images), strict=True)
    ]


def crop_face(image: UInt8[np.ndarray, "h w 3"], face: Face | None, settings: CropSettings, *, found: int = 1) -> Crop:
    """Crop a face, or the centre of an image without one.

    Args:
      image: RGB.
      face: the face; None for the centre. The centre is also returned if the points of the face determine no transform.
      settings: the geometry of the crop.
      found: the number of detected faces.
    """
    shape = {"height": settings.height, "width": settings.width, "margin": settings.margin}
    if face is not None and np.isfinite(face.points).all() and np.ptp(face.points, axis=0).max() > 1e-3:
        return Crop(align(image, face.points, **shape), face, found)
    return Crop(centre_crop(image, share=settings.fallback_crop, **shape), None, found)
