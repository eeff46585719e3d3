"""The parameters of a single photograph: everything that differs between two images of one identity."""

import dataclasses
from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np

Hat = Literal["none", "cap", "beanie"]
Occluder = Literal["none", "hand", "scarf", "bar"]
Glasses = Literal["none", "clear", "sun"]
Colour = tuple[float, float, float]
Kind = TypeVar("Kind", Glasses, Hat, Occluder)


@dataclasses.dataclass(frozen=True)
class Nuisance:
    """The parameters of a photograph.

    Angles are in radians, lengths in head units, shifts and blur in shares of the image's side.
    """

    yaw: float
    pitch: float
    roll: float
    scale: float
    shift: tuple[float, float]
    light: tuple[float, float, float]
    """Unit vector from the head towards the light: right, down, towards the viewer."""
    ambient: float
    temperature: float
    exposure: float
    contrast: float
    saturation: float
    smile: float
    mouth_open: float
    brow_raise: float
    eye_closed: float
    gaze: tuple[float, float]
    hair_shift: float
    glasses: Glasses
    hat: Hat
    occluder: Occluder
    occluder_place: tuple[float, float]
    occluder_colour: Colour
    hat_colour: Colour
    clothes: tuple[Colour, Colour]
    blur: float
    noise: float
    jpeg_quality: int


def draw_nuisance(rng: np.random.Generator) -> Nuisance:
    """Sample the parameters of a photograph."""

    def normal(deviation: float, limit: float = 2.0) -> float:
        """Return a normal number, clipped to `limit` standard deviations."""
        return float(deviation * np.clip(rng.normal(), -limit, limit))

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    def pick(options: Sequence[Kind], probabilities: Sequence[float]) -> Kind:
        return options[int(rng.choice(len(options), p=probabilities))]

    def colour() -> Colour:
        red, green, blue = np.clip(rng.uniform(20, 220) + rng.normal(0, 32, size=3), 8, 247)
        return float(red), float(green), float(blue)

    azimuth, elevation = normal(0.7), 0.4 + normal(0.3)
    speaking = chance(0.35)
    return Nuisance(
        yaw=normal(0.14),
        pitch=normal(0.08),
        roll=float(np.radians(normal(4.5, 15 / 4.5))),
        scale=float(np.exp(normal(0.045))),
        shift=(normal(0.008), normal(0.008)),
        light=_direction(azimuth, elevation),
        ambient=float(rng.uniform(0.35, 0.8)),
        temperature=normal(0.13),
        exposure=normal(0.19),
        contrast=float(np.exp(normal(0.16))),
        saturation=float(rng.uniform(0.0, 0.3) if chance(0.06) else rng.uniform(0.6, 1.15)),
        smile=float(np.clip(0.25 + normal(0.4), -0.4, 1)),
        mouth_open=float(rng.uniform(0.1, 1.0)) if speaking else 0.0,
        brow_raise=normal(0.035),
        eye_closed=float(1.0 if chance(0.05) else rng.uniform(0, 0.4)),
        gaze=(normal(0.35), normal(0.25)),
        hair_shift=normal(0.06),
        glasses=pick(("none", "clear", "sun"), (0.84, 0.12, 0.04)),
        hat=pick(("none", "cap", "beanie"), (0.91, 0.05, 0.04)),
        occluder=pick(("none", "hand", "scarf", "bar"), (0.88, 0.04, 0.04, 0.04)),
        occluder_place=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
        occluder_colour=colour(),
        hat_colour=colour(),
        clothes=(colour(), colour()),
        blur=float(0.01 * rng.beta(0.7, 3)),
        noise=float(2 + 11 * rng.beta(1, 2.5)),
        jpeg_quality=int(rng.integers(45, 93)),
    )


def _direction(azimuth: float, elevation: float) -> tuple[float, float, float]:
    """Return the unit vector of a direction given in radians: right, down, towards the viewer."""
    return (
        float(np.sin(azimuth) * np.cos(elevation)),
        float(-np.sin(elevation)),
        float(np.cos(azimuth) * np.cos(elevation)),
    )
