"""Angles of cosines, and margins that are added to them, with finite gradients."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lfw_jax.metric.vectors import safe_sqrt

# The error of a float32 cosine of unit vectors is up to five roundings (measured from 2 to 2048 dimensions). Values of
# `1 − cos²` and `2 − 2·cos` below this bound cannot be distinguished from 0 and are set to 0. The angle of an embedding
# on its prototype is then exactly 0, and the steep slope of the sine there does not amplify rounding errors in the
# gradient. The bound corresponds to an angle of 0.08°.
ROUNDING = 2.0**-19


def sine(cosine: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the sine of an angle in [0, π] from its cosine, with gradient 0 at cos = ±1."""
    squared = (1.0 - cosine) * (1.0 + cosine)
    return safe_sqrt(jnp.where(squared <= ROUNDING, 0.0, squared))


def angle(cosine: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the angle in [0, π] of a cosine: `acos`, but with gradient 0 at cos = ±1."""
    return jnp.arctan2(sine(cosine), cosine)


def turned(cosine: Float[Array, "*shape"], margin: float | Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return `cos(θ + margin)` from `cos θ`; the margin is in radians."""
    return cosine * jnp.cos(margin) - sine(cosine) * jnp.sin(margin)


def with_angular_margin(
    cosine: Float[Array, "*shape"], margin: float | Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Return `cos(θ + margin)` up to `θ = π − margin`, and `cos θ − drop(margin)` beyond.

    Beyond that angle `cos(θ + margin)` would rise again.
    """
    return jnp.where(cosine >= -jnp.cos(margin), turned(cosine, margin), cosine - drop(margin))


def drop(margin: float | Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the amount subtracted from `cos θ` beyond `θ = π − margin`.

    It keeps the target logit from rising with the angle. It is ArcFace's `margin·sin(margin)`, or `1 − cos(margin)`
    above a margin of 2.33, where ArcFace's value is too small and the logit would jump up.
    """
    return jnp.maximum(margin * jnp.sin(margin), 1.0 - jnp.cos(margin))
