"""The settings of a descriptor and the length of its vectors."""

import dataclasses
import math
from typing import Any

from lfw_jax.descriptors.landmark_points import MIRRORED
from lfw_jax.errors import UserError

PATTERNS = 59
"""Number of bins of a histogram of uniform binary patterns."""

_WORDS = {
    "kind": ("lbp", "gradients"),
    "layout": ("points", "grid"),
    "normalisation": ("patch", "cell"),
}
# name → smallest, largest, multiple of, in words
_WHOLE = {
    "cells": (1, 16, 1, "a whole number from 1 to 16"),
    "cell": (2, 14, 2, "an even number of pixels from 2 to 14"),
    "radius": (1, 4, 1, "a whole number of pixels from 1 to 4"),
    "orientations": (2, 36, 2, "an even number from 2 to 36"),
}
_REAL = {"scale": (4.0, 200.0, "pixels"), "extent": (0.5, 8.0, "eye distances")}
# name → the setting that decides whether it has an effect, and the value with which it has
_DEPENDS = {
    "radius": ("kind", "lbp"),
    "orientations": ("kind", "gradients"),
    "normalisation": ("kind", "gradients"),
    "cells": ("layout", "points"),
    "extent": ("layout", "grid"),
}


@dataclasses.dataclass(frozen=True)
class DescriptorSettings:
    """The settings of one descriptor at one scale.

    Attributes:
      kind: "lbp" for histograms of uniform local binary patterns, "gradients" for histograms of gradient orientations.
      scale: the distance between the template's eyes in pixels, after resampling. Faces differ in it, templates do not.
      layout: "points" for patches centred on sixteen points of each face, "grid" for one patch, centred on the crop.
      cells: cells along each side of a patch around a point (layout "points").
      cell: side of a cell in pixels of the resampled image. It is even, so that a mirrored patch covers the same pixels.
      radius: distance of the eight neighbours of a binary pattern in pixels (kind "lbp").
      orientations: bins of the orientation, over the full circle (kind "gradients"). It is even: mirroring permutes the bins.
      normalisation: "patch" or "cell", the part whose entries sum to 1 (kind "gradients").
      extent: largest side of the grid, in eye distances of the template (layout "grid").

    Raises:
      UserError: a value is out of range, or differs from its default although it has no effect.

    Example:
      >>> DescriptorSettings(scale=33.0).cells_per_side
      4
    """

    kind: str = "lbp"
    scale: float = 47.0
    layout: str = "points"
    cells: int = 4
    cell: int = 8
    radius: int = 1
    orientations: int = 12
    normalisation: str = "patch"
    extent: float = 3.0

    def __post_init__(self):
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                self._refuse(name, " or ".join(words))
        for name, (smallest, largest, multiple, expected) in _WHOLE.items():
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not (whole and smallest <= value <= largest and value % multiple == 0):
                self._refuse(name, expected)
        for name, (smallest, largest, unit) in _REAL.items():
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and smallest <= value <= largest):
                self._refuse(name, f"{unit}, from {smallest:g} to {largest:g}")
        self._check_effects()
        if self.cells_per_side < 1:
            self._refuse("extent", f"at least one cell of {self.cell} pixels at a scale of {self.scale:g} pixels")

    def _check_effects(self) -> None:
        """Refuse a setting that was changed and has no effect."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        for name, (deciding, value) in _DEPENDS.items():
            if getattr(self, name) != defaults[name] and getattr(self, deciding) != value:
                raise UserError(
                    f"descriptors: {name} is {getattr(self, name)!r}, but has no effect with {deciding} "
                    f"{getattr(self, deciding)!r}. Remove it, or set {deciding} to {value!r}."
                )

    def _refuse(self, name: str, expected: str) -> Any:
        raise UserError(f"descriptors: {name} is {getattr(self, name)!r}; expected {expected}.")

    @property
    def patches(self) -> int:
        """Number of patches of an image."""
        return len(MIRRORED) if self.layout == "points" else 1

    @property
    def cells_per_side(self) -> int:
        """Number of cells along each side of a patch."""
        return self.cells if self.layout == "points" else math.floor(self.extent * self.scale / self.cell)

    @property
    def bins(self) -> int:
        """Number of bins of a cell's histogram."""
        return PATTERNS if self.kind == "lbp" else self.orientations


def dimension(settings: DescriptorSettings) -> int:
    """Return the length of a feature vector.

    Args:
      settings: the descriptor.

    Example:
      >>> dimension(DescriptorSettings())
      15104
    """
    return settings.patches * settings.cells_per_side**2 * settings.bins
