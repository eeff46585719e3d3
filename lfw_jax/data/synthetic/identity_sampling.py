"""Sampling the parameters of an identity."""

import dataclasses
from typing import Any

import numpy as np

from lfw_jax.data.synthetic.identity import MOST_MOLES, Identity


class _Random:
    """A stream of random numbers with the distributions that parameters need."""

    def __init__(self, *key: int):
        self.rng = np.random.default_rng(np.random.SeedSequence(key))

    def normal(self, mean: float, deviation: float, low: float = -np.inf, high: float = np.inf) -> float:
        """Return a normal number, clipped to [low, high]."""
        return float(np.clip(self.rng.normal(mean, deviation), low, high))

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return bool(self.rng.random() < probability)


@dataclasses.dataclass(frozen=True)
class _Traits:
    """Hidden traits that correlate the parameters of an identity."""

    heavy: float
    age: float
    skin_tone: float
    bearded: bool
    long_haired: bool
    shaved: float


def draw_identity(seed: int, person: int) -> Identity:
    """Draw the parameters of an identity: a pure function of the arguments.

    A hidden tendency (jaw, brows, beard against lips, lashes, long hair) and the age correlate the parameters as in real people,
    so that some identities resemble each other in everything but details.

    Args:
      seed: the seed of the set.
      person: the index of the identity, from 0.
    """
    random = _Random(seed, 1, person)
    traits = _draw_traits(random)
    # Every part draws from the same stream, so the order of the parts and of their parameters is part of the result.
    return Identity(
        **_draw_head(random, traits),
        **_draw_skin(random, traits),
        **_draw_eyes(random, traits),
        **_draw_nose_and_mouth(random, traits),
        **_draw_ears_and_hair(random, traits),
        **_draw_beard(random, traits),
        moles=_draw_moles(random),
    )


def _draw_traits(random: _Random) -> _Traits:
    heavy, age = random.normal(0, 1, -2, 2), float(random.rng.beta(1.3, 1.6))
    skin_tone = float(random.rng.beta(1.0, 1.5))
    bearded = random.chance(0.45 / (1 + np.exp(-3 * heavy)))
    long_haired = random.chance(1 / (1 + np.exp(2.5 * heavy)))
    return _Traits(heavy, age, skin_tone, bearded, long_haired, shaved=float(random.rng.beta(2, 2)))


def _draw_head(random: _Random, traits: _Traits) -> dict[str, Any]:
    return dict(
        head_width=random.normal(0.96, 0.07, 0.8, 1.14),
        head_height=random.normal(1.0, 0.06, 0.86, 1.14),
        cheek=random.normal(0.95, 0.04, 0.86, 1.03),
        jaw=random.normal(0.78 + 0.05 * traits.heavy, 0.055, 0.6, 0.95),
        chin_width=random.normal(0.36 + 0.05 * traits.heavy, 0.06, 0.2, 0.56),
        chin_length=random.normal(1.32 + 0.03 * traits.heavy, 0.08, 1.14, 1.52),
    )


def _draw_skin(random: _Random, traits: _Traits) -> dict[str, Any]:
    return dict(
        skin_tone=traits.skin_tone,
        skin_redness=float(random.rng.random()),
        freckle_density=float(random.rng.random()) if random.chance(0.2 * (1 - traits.skin_tone)) else 0.0,
        freckle_pattern=int(random.rng.integers(2**16)),
        age=traits.age,
    )


def _draw_eyes(random: _Random, traits: _Traits) -> dict[str, Any]:
    return dict(
        eye_spacing=random.normal(0.42, 0.035, 0.34, 0.51),
        eye_y=random.normal(-0.08, 0.045, -0.19, 0.03),
        eye_width=random.normal(0.19, 0.022, 0.14, 0.24),
        eye_opening=random.normal(0.105 - 0.008 * traits.heavy, 0.024, 0.055, 0.16),
        eye_tilt=random.normal(0.0, 0.03, -0.07, 0.07),
        eye_hood=float(random.rng.random()),
        iris_tone=float(np.clip(random.rng.beta(0.8, 0.9) * (1.15 - traits.skin_tone), 0, 1)),
        lash_width=random.normal(0.035 - 0.008 * traits.heavy, 0.01, 0.015, 0.065),
        brow_gap=random.normal(0.225 - 0.015 * traits.heavy, 0.035, 0.14, 0.32),
        brow_thickness=random.normal(0.062 + 0.014 * traits.heavy, 0.018, 0.025, 0.125),
        brow_arch=random.normal(0.06 - 0.015 * traits.heavy, 0.028, 0.0, 0.13),
        brow_tilt=random.normal(0.0, 0.035, -0.08, 0.08),
        brow_length=random.normal(0.27, 0.03, 0.2, 0.34),
        brow_tone=float(random.rng.beta(2.5, 1.5)),
    )


def _draw_nose_and_mouth(random: _Random, traits: _Traits) -> dict[str, Any]:
    return dict(
        nose_length=random.normal(0.45, 0.055, 0.32, 0.58),
        nose_width=random.normal(0.2 + 0.03 * traits.skin_tone, 0.03, 0.13, 0.3),
        nose_bridge=random.normal(0.1, 0.022, 0.05, 0.16),
        nose_tip=random.normal(0.5, 0.25, 0, 1),
        mouth_y=random.normal(0.76, 0.05, 0.63, 0.88),
        mouth_width=random.normal(0.34, 0.045, 0.24, 0.46),
        upper_lip=random.normal(0.068 - 0.012 * traits.heavy, 0.02, 0.025, 0.12),
        lower_lip=random.normal(0.095 - 0.014 * traits.heavy, 0.024, 0.04, 0.155),
        lip_bow=random.normal(0.025, 0.014, 0, 0.06),
        lip_redness=float(np.clip(random.rng.beta(1.5, 2) - 0.08 * traits.heavy, 0, 1)),
    )


def _draw_ears_and_hair(random: _Random, traits: _Traits) -> dict[str, Any]:
    return dict(
        ear_size=random.normal(0.25, 0.035, 0.17, 0.34),
        ear_out=random.normal(0.08, 0.045, 0.0, 0.19),
        hair_tone=float(np.clip(random.rng.beta(1.3, 1.0) + 0.5 * traits.skin_tone, 0, 1)),
        hair_redness=float(random.rng.random()) if random.chance(0.3) else 0.0,
        hair_grey=float(np.clip((traits.age - 0.55) * 2 * random.rng.random() * 1.4, 0, 0.9)),
        bald=random.chance(0.12 / (1 + np.exp(-2 * traits.heavy))),
        hair_volume=float(0.04 + 0.32 * random.rng.beta(1.3, 2.2)),
        hair_top=float(0.08 + 0.4 * random.rng.beta(1.4, 2.4)),
        hair_length=float(random.rng.uniform(0.35, 2.3) if traits.long_haired else random.rng.uniform(-0.35, 0.25)),
        hairline=random.normal(-0.86 - 0.08 * traits.age, 0.08, -1.12, -0.66),
        fringe=float(random.rng.uniform(0.1, 0.5)) if random.chance(0.35) else 0.0,
        parting=float(random.rng.uniform(-0.7, 0.7)),
        hair_wave=float(random.rng.beta(0.7, 1.4)),
    )


def _draw_beard(random: _Random, traits: _Traits) -> dict[str, Any]:
    return dict(
        beard_density=traits.shaved if traits.bearded else 0.25 * traits.shaved * float(traits.heavy > 0),
        moustache_density=float(np.clip(traits.shaved + 0.3, 0, 1)) if traits.bearded and random.chance(0.8) else 0.0,
        beard_length=float(0.3 * random.rng.beta(1, 2.5)) if traits.bearded and traits.shaved > 0.5 else 0.0,
    )


def _draw_moles(random: _Random) -> tuple[tuple[float, float, float], ...]:
    count = int(random.rng.choice(MOST_MOLES + 1, p=(0.5, 0.28, 0.15, 0.07)))
    return tuple(
        (
            random.normal(0, 0.42, -0.75, 0.75),
            random.normal(0.35, 0.35, -0.6, 1.05),
            random.normal(0.03, 0.008, 0.018, 0.05),
        )
        for _ in range(count)
    )
