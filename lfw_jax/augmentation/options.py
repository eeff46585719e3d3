"""How far a training image may be changed: the options, and what they may be."""

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
    "blur_sigma": (0.0, _LARGEST_SIGMA, "pixels of the square that the network sees"),
    "downscale_factor": (0.01, 1.0, "a share of the side"),
    "jpeg_quality": (1, 100, "a whole number, libjpeg's quality"),
}


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How far an image may be changed. At 0 each option is off and costs nothing; the strength is drawn for each image.

    Scale, shift and rotation together are the crop jitter: they draw on the margin that is stored around the square
    (`config.data.margin`), and beyond it repeat the edge.

    Attributes:
      flip: probability of a mirror image.
      rotation: largest rotation, degrees.
      scale: largest relative change of size (0.1: from 1/1.1 to 1.1 times).
      shift: largest shift along each axis, as a share of the side.
      brightness: largest change added, as a share of the range of grey values.
      contrast: largest relative change of contrast.
      saturation: largest relative change of saturation.
      grayscale: probability that the colours are taken away.
      blur: probability of a Gaussian blur.
      blur_sigma: its largest standard deviation, pixels of the square that the network sees.
      downscale: probability that an image is shrunk and enlarged again.
      downscale_factor: the smallest size that it is shrunk to, as a share of the side.
      jpeg: probability that an image looks as after JPEG compression.
      jpeg_quality: libjpeg's lowest quality, from which it is drawn up to 100.
      erasing: probability that a random rectangle is erased (Zhong et al. 2020, arXiv:1708.04896).
      erasing_fill: what an erased rectangle shows: "grey", or "noise" for random colours, as in the paper.

    Raises:
      UserError: a value out of its range.
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
        """The options that a configuration's `augmentation` gives; those it leaves out are off.

        Raises:
          UserError: an option that there is not, with the nearest right one, or a value out of its range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in config:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                advice = f"did you mean {near[0]}?" if near else f"the options are {', '.join(known)}."
                raise UserError(f"config.augmentation: there is no option '{name}'; {advice}")
        return cls(**config)

    @property
    def moves(self) -> bool:
        """Whether pixels have to be resampled."""
        return any((self.flip, self.rotation, self.scale, self.shift))

    @property
    def blurs(self) -> bool:
        """Whether any image can come out blurred."""
        return self.blur > 0 and self.blur_sigma > 0

    @property
    def shrinks(self) -> bool:
        """Whether any image can lose resolution."""
        return self.downscale > 0 and self.downscale_factor < 1
