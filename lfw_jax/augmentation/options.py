"""The options of the augmentation and their valid ranges."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, Self

from lfw_jax.errors import UserError

_FILLS = ("grey", "noise")
_LARGEST_SIGMA = 16.0
_PROBABILITIES = ("flip", "grayscale", "blur", "downscale", "jpeg", "erasing")
# name → smallest, largest, unit
_RANGES: dict[str, tuple[float, float, str]] = {
    **dict.fromkeys(_PROBABILITIES, (0.0, 1.0, "a probability")),
    "rotation": (0.0, 180.0, "degrees"),
    "scale": (0.0, 4.0, "a relative change of size"),
    "shift": (0.0, 1.0, "a share of the side"),
    "brightness": (0.0, 1.0, "a share of the range of grey values"),
    "contrast": (0.0, 1.0, "a relative change"),
    "saturation": (0.0, 1.0, "a relative change"),
    "blur_sigma": (0.0, _LARGEST_SIGMA, "pixels of the network's input"),
    "downscale_factor": (0.01, 1.0, "a share of the side"),
    "jpeg_quality": (1, 100, "an integer, libjpeg's quality"),
}


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Strengths and probabilities of the augmentation. At 0 an option is off and costs nothing.

    The strength is sampled per image. Scale, shift and rotation use the margin that is stored around the square
    (`config.data.margin`); beyond it the edge is repeated.

    Attributes:
      flip: probability of a horizontal flip.
      rotation: largest rotation, degrees.
      scale: largest relative change of scale (0.1: from 1/1.1 to 1.1).
      shift: largest shift along each axis, as a share of the side.
      brightness: largest additive change, as a share of the range of grey values.
      contrast: largest relative change of contrast.
      saturation: largest relative change of saturation.
      grayscale: probability of a conversion to greyscale.
      blur: probability of a Gaussian blur.
      blur_sigma: largest standard deviation of the blur, in pixels of the network's input.
      downscale: probability of downscaling and upscaling again.
      downscale_factor: smallest side after downscaling, as a share of the side.
      jpeg: probability of JPEG compression.
      jpeg_quality: lowest quality of libjpeg; the quality is uniform from it to 100.
      erasing: probability of random erasing (Zhong et al. 2020, arXiv:1708.04896).
      erasing_fill: fill of an erased rectangle: "grey", or "noise" for random colours, as in the paper.

    Raises:
      UserError: a value is out of range.
    """

    flip: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    erasing: float = 0.0
    grayscale: float = 0.0
    blur: float = 0.0
    blur_sigma: float = 2.0
    downscale: float = 0.0
    downscale_factor: float = 0.25
    jpeg: float = 0.0
    jpeg_quality: int = 30
    erasing_fill: str = "grey"

    def __post_init__(self):
        for name, (smallest, largest, unit) in _RANGES.items():
            value = getattr(self, name)
            whole = isinstance(smallest, int)
            number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
            if not (number and smallest <= value <= largest):
                raise UserError(
                    f"--config.augmentation.{name} is {value!r}; expected {unit}, from {smallest:g} to {largest:g}."
                )
        if self.erasing_fill not in _FILLS:
            raise UserError(
                f"--config.augmentation.erasing_fill is {self.erasing_fill!r}; expected {' or '.join(_FILLS)}."
            )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the options from the `augmentation` part of a configuration; missing options are off.

        Raises:
          UserError: an option is unknown (the message has the closest known one), or a value is out of range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in config:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                advice = f"did you mean {near[0]}?" if near else f"the options are {', '.join(known)}."
                raise UserError(f"config.augmentation: unknown option '{name}'; {advice}")
        return cls(**config)

    @property
    def moves(self) -> bool:
        """True if any image can be resampled geometrically."""
        return any((self.flip, self.rotation, self.scale, self.shift))

    @property
    def blurs(self) -> bool:
        """True if any image can be blurred."""
        return self.blur > 0 and self.blur_sigma > 0

    @property
    def shrinks(self) -> bool:
        """True if any image can lose resolution."""
        return self.downscale > 0 and self.downscale_factor < 1
