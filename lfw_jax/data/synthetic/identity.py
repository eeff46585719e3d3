"""The parameters of an identity, which all of its images share."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float

Colour = tuple[float, float, float]
"""Red, green, blue from 0 to 255."""

_SKIN = np.array([(244, 206, 180), (230, 178, 142), (200, 142, 102), (150, 97, 66), (94, 61, 45)], dtype=np.float64)
_HAIR = np.array([(222, 190, 132), (150, 102, 60), (92, 60, 38), (44, 32, 26), (22, 19, 20)], dtype=np.float64)
_RED_HAIR = np.array((158, 72, 34), dtype=np.float64)
_GREY_HAIR = np.array((178, 176, 172), dtype=np.float64)
_IRIS = np.array([(60, 36, 22), (104, 66, 34), (118, 112, 58), (84, 122, 112), (96, 138, 178)], dtype=np.float64)
MOST_MOLES = 3


@dataclasses.dataclass(frozen=True)
class Identity:
    """The parameters of an identity.

    Lengths are in head units: 1 is about half the width of an average face; x points right, y down. Parameters such as `*_tone`
    and `*_density` range from 0 to 1.
    """

    head_width: float
    head_height: float
    cheek: float
    jaw: float
    chin_width: float
    chin_length: float
    skin_tone: float
    skin_redness: float
    freckle_density: float
    freckle_pattern: int
    age: float
    eye_spacing: float
    eye_y: float
    eye_width: float
    eye_opening: float
    eye_tilt: float
    eye_hood: float
    iris_tone: float
    lash_width: float
    brow_gap: float
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    brow_length: float
    brow_tone: float
    nose_length: float
    nose_width: float
    nose_bridge: float
    nose_tip: float
    mouth_y: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    lip_bow: float
    lip_redness: float
    ear_size: float
    ear_out: float
    hair_tone: float
    hair_redness: float
    hair_grey: float
    bald: bool
    hair_volume: float
    hair_top: float
    hair_length: float
    hairline: float
    fringe: float
    parting: float
    hair_wave: float
    beard_density: float
    moustache_density: float
    beard_length: float
    moles: tuple[tuple[float, float, float], ...]
    """x, y and radius of each mole."""

    def vector(self) -> Float[np.ndarray, "parameters"]:
        """Return all parameters as an array of fixed length, with zeros for absent moles."""
        moles = np.zeros((MOST_MOLES, 3))
        moles[: len(self.moles)] = self.moles or np.zeros((0, 3))
        scalars = [getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "moles"]
        return np.concatenate([np.asarray(scalars, dtype=np.float64), moles.ravel()])

    @functools.cached_property
    def skin(self) -> Colour:
        """The colour of the skin before shading."""
        return tuple(_between(_SKIN, self.skin_tone) + 14 * (self.skin_redness - 0.5) * np.array((1.0, -0.6, -0.8)))

    @functools.cached_property
    def hair(self) -> Colour:
        """The colour of the hair."""
        return tuple(self._hair(self.hair_tone))

    @functools.cached_property
    def brow(self) -> Colour:
        """The colour of the brows: that of the hair, shifted towards `brow_tone`."""
        return tuple(self._hair(0.4 * self.hair_tone + 0.6 * self.brow_tone) * 0.85)

    @functools.cached_property
    def iris(self) -> Colour:
        """The colour of the iris."""
        return tuple(_between(_IRIS, self.iris_tone))

    @functools.cached_property
    def lips(self) -> Colour:
        """The colour of the lips, between that of the skin and red."""
        share = 0.25 + 0.5 * self.lip_redness
        return tuple((1 - share) * 0.86 * np.array(self.skin) + share * np.array((172.0, 58.0, 66.0)))

    def _hair(self, tone: float) -> Float[np.ndarray, "3"]:
        colour = _between(_HAIR, tone)
        colour = colour + self.hair_redness * (1 - tone) * (_RED_HAIR - colour)
        return colour + self.hair_grey * (_GREY_HAIR - colour)


def _between(palette: Float[np.ndarray, "colours 3"], position: float) -> Float[np.ndarray, "3"]:
    """Interpolate in a palette of evenly spaced colours, at a position from 0 to 1."""
    at = np.clip(position, 0, 1) * (len(palette) - 1)
    low = min(int(at), len(palette) - 2)
    return palette[low] + (at - low) * (palette[low + 1] - palette[low])
