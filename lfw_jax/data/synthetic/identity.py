"""Who a drawn person is: the parameters that all of their images share."""

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
_MOST_MOLES = 3


@dataclasses.dataclass(frozen=True)
class Identity:
    """One person. Lengths are in head units: 1 is about half the width of an average face, x right, y down.

    Numbers named `*_tone`, `*_density` and the like run from 0 to 1.
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
        """All parameters as one array of fixed length; absent moles are zeros."""
        moles = np.zeros((_MOST_MOLES, 3))
        moles[: len(self.moles)] = self.moles or np.zeros((0, 3))
        scalars = [getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "moles"]
        return np.concatenate([np.asarray(scalars, dtype=np.float64), moles.ravel()])

    @functools.cached_property
    def skin(self) -> Colour:
        """The skin's own colour, without light."""
        return tuple(_between(_SKIN, self.skin_tone) + 14 * (self.skin_redness - 0.5) * np.array((1.0, -0.6, -0.8)))

    @functools.cached_property
    def hair(self) -> Colour:
        """The hair's own colour."""
        return tuple(self._hair(self.hair_tone))

    @functools.cached_property
    def brow(self) -> Colour:
        """The brows' colour: the hair's, moved towards `brow_tone`."""
        return tuple(self._hair(0.4 * self.hair_tone + 0.6 * self.brow_tone) * 0.85)

    @functools.cached_property
    def iris(self) -> Colour:
        """The iris's own colour."""
        return tuple(_between(_IRIS, self.iris_tone))

    @functools.cached_property
    def lips(self) -> Colour:
        """The lips' own colour, between the skin's and red."""
        share = 0.25 + 0.5 * self.lip_redness
        return tuple((1 - share) * 0.86 * np.array(self.skin) + share * np.array((172.0, 58.0, 66.0)))

    def _hair(self, tone: float) -> Float[np.ndarray, "3"]:
        colour = _between(_HAIR, tone)
        colour = colour + self.hair_redness * (1 - tone) * (_RED_HAIR - colour)
        return colour + self.hair_grey * (_GREY_HAIR - colour)


def draw_identity(seed: int, person: int) -> Identity:
    """Who person number `person` is (from 0): a function of the arguments alone.

    A hidden tendency (jaw, brows, beard against lips, lashes, long hair) and age make traits go together as they do in
    people, so that some persons resemble each other in everything but details.
    """
    rng = np.random.default_rng(np.random.SeedSequence((seed, 1, person)))

    def normal(mean: float, deviation: float, low: float = -np.inf, high: float = np.inf) -> float:
        return float(np.clip(rng.normal(mean, deviation), low, high))

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    heavy, age = normal(0, 1, -2, 2), float(rng.beta(1.3, 1.6))
    skin_tone = float(rng.beta(1.0, 1.5))
    bearded, long_haired = chance(0.45 / (1 + np.exp(-3 * heavy))), chance(1 / (1 + np.exp(2.5 * heavy)))
    shaved = float(rng.beta(2, 2))
    return Identity(
        head_width=normal(0.96, 0.07, 0.8, 1.14),
        head_height=normal(1.0, 0.06, 0.86, 1.14),
        cheek=normal(0.95, 0.04, 0.86, 1.03),
        jaw=normal(0.78 + 0.05 * heavy, 0.055, 0.6, 0.95),
        chin_width=normal(0.36 + 0.05 * heavy, 0.06, 0.2, 0.56),
        chin_length=normal(1.32 + 0.03 * heavy, 0.08, 1.14, 1.52),
        skin_tone=skin_tone,
        skin_redness=float(rng.random()),
        freckle_density=float(rng.random()) if chance(0.2 * (1 - skin_tone)) else 0.0,
        freckle_pattern=int(rng.integers(2**16)),
        age=age,
        eye_spacing=normal(0.42, 0.035, 0.34, 0.51),
        eye_y=normal(-0.08, 0.045, -0.19, 0.03),
        eye_width=normal(0.19, 0.022, 0.14, 0.24),
        eye_opening=normal(0.105 - 0.008 * heavy, 0.024, 0.055, 0.16),
        eye_tilt=normal(0.0, 0.03, -0.07, 0.07),
        eye_hood=float(rng.random()),
        iris_tone=float(np.clip(rng.beta(0.8, 0.9) * (1.15 - skin_tone), 0, 1)),
        lash_width=normal(0.035 - 0.008 * heavy, 0.01, 0.015, 0.065),
        brow_gap=normal(0.225 - 0.015 * heavy, 0.035, 0.14, 0.32),
        brow_thickness=normal(0.062 + 0.014 * heavy, 0.018, 0.025, 0.125),
        brow_arch=normal(0.06 - 0.015 * heavy, 0.028, 0.0, 0.13),
        brow_tilt=normal(0.0, 0.035, -0.08, 0.08),
        brow_length=normal(0.27, 0.03, 0.2, 0.34),
        brow_tone=float(rng.beta(2.5, 1.5)),
        nose_length=normal(0.45, 0.055, 0.32, 0.58),
        nose_width=normal(0.2 + 0.03 * skin_tone, 0.03, 0.13, 0.3),
        nose_bridge=normal(0.1, 0.022, 0.05, 0.16),
        nose_tip=normal(0.5, 0.25, 0, 1),
        mouth_y=normal(0.76, 0.05, 0.63, 0.88),
        mouth_width=normal(0.34, 0.045, 0.24, 0.46),
        upper_lip=normal(0.068 - 0.012 * heavy, 0.02, 0.025, 0.12),
        lower_lip=normal(0.095 - 0.014 * heavy, 0.024, 0.04, 0.155),
        lip_bow=normal(0.025, 0.014, 0, 0.06),
        lip_redness=float(np.clip(rng.beta(1.5, 2) - 0.08 * heavy, 0, 1)),
        ear_size=normal(0.25, 0.035, 0.17, 0.34),
        ear_out=normal(0.08, 0.045, 0.0, 0.19),
        hair_tone=float(np.clip(rng.beta(1.3, 1.0) + 0.5 * skin_tone, 0, 1)),
        hair_redness=float(rng.random()) if chance(0.3) else 0.0,
        hair_grey=float(np.clip((age - 0.55) * 2 * rng.random() * 1.4, 0, 0.9)),
        bald=chance(0.12 / (1 + np.exp(-2 * heavy))),
        hair_volume=float(0.04 + 0.32 * rng.beta(1.3, 2.2)),
        hair_top=float(0.08 + 0.4 * rng.beta(1.4, 2.4)),
        hair_length=float(rng.uniform(0.35, 2.3) if long_haired else rng.uniform(-0.35, 0.25)),
        hairline=normal(-0.86 - 0.08 * age, 0.08, -1.12, -0.66),
        fringe=float(rng.uniform(0.1, 0.5)) if chance(0.35) else 0.0,
        parting=float(rng.uniform(-0.7, 0.7)),
        hair_wave=float(rng.beta(0.7, 1.4)),
        beard_density=shaved if bearded else 0.25 * shaved * float(heavy > 0),
        moustache_density=float(np.clip(shaved + 0.3, 0, 1)) if bearded and chance(0.8) else 0.0,
        beard_length=float(0.3 * rng.beta(1, 2.5)) if bearded and shaved > 0.5 else 0.0,
        moles=tuple(
            (normal(0, 0.42, -0.75, 0.75), normal(0.35, 0.35, -0.6, 1.05), normal(0.03, 0.008, 0.018, 0.05))
            for _ in range(int(rng.choice(_MOST_MOLES + 1, p=(0.5, 0.28, 0.15, 0.07))))
        ),
    )


def _between(palette: Float[np.ndarray, "colours 3"], place: float) -> Float[np.ndarray, "3"]:
    """The colour at `place` (0 to 1) of a palette whose colours stand evenly apart."""
    at = np.clip(place, 0, 1) * (len(palette) - 1)
    low = min(int(at), len(palette) - 2)
    return palette[low] + (at - low) * (palette[low + 1] - palette[low])
