"""From images to aligned crops: which face, which shape, and what stands in where there is no face."""

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
    """What an aligned crop shows.

    Attributes:
      height: pixels between the upper and the lower edge of the field's crop of 112.
      width: as high, or 96 for 112 high.
      margin: pixels shown around that on every side.
      face: which of several faces: "centre", "largest" or "best" (the surest).
      fallback_crop: where no face is found, side of the centred square that stands in, as a share of the image's shorter
        side.

    Raises:
      UserError: a value that cannot be.
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
            raise UserError(f"--config.align.fallback_crop is {self.fallback_crop}; expected a share up to 1.")


@dataclasses.dataclass(frozen=True, eq=False)
class Crop:
    """An aligned face, or what stands in for it.

    Attributes:
      pixels: RGB.
      face: what was chosen; None: no face, and `pixels` is the centre of the image.
      found: of how many faces.
    """

    pixels: UInt8[np.ndarray, "h w 3"]
    face: Face | None
    found: int


def crop_faces(images: Sequence[UInt8[np.ndarray, "h w 3"]], detect: Detect, settings: CropSettings) -> list[Crop]:
    """The crop of each image's chosen face.

    An image without a face, or whose points fix no similarity, gives its centre: nothing is dropped.
    """
    crops = []
    shape = {"height": settings.height, "width": settings.width, "margin": settings.margin}
    for image, faces in zip(images, detect(images), strict=True):
        face = choose_face(faces, image.shape[0], image.shape[1], settings.face)
        if face is not None and np.isfinite(face.points).all() and np.ptp(face.points, axis=0).max() > 1e-3:
            crops.append(Crop(align(image, face.points, **shape), face, len(faces)))
        else:
            crops.append(Crop(centre_crop(image, share=settings.fallback_crop, **shape), None, len(faces)))
    return crops
