"""Checks of the options and states of heads."""

import math

import jax
import jax.numpy as jnp


def check_positive(head: str, **options: float | jax.Array) -> None:
    """Raise a ValueError unless every option is a positive finite number.

    Options that are arrays may be traced and are not checked.
    """
    for name, value in options.items():
        if not isinstance(value, jax.Array) and not 0 < value < math.inf:
            raise ValueError(f"the {name} of {head} must be a positive number, found {value}")


def check_angle(head: str, **margins: float) -> None:
    """Raise a ValueError unless every margin is an angle in [0, π)."""
    for name, value in margins.items():
        if not 0 <= value < math.pi:
            raise ValueError(f"the {name} of {head} is in radians, 0 ≤ {name} < π; found {value}")


def check_cosine(head: str, **margins: float) -> None:
    """Raise a ValueError unless every margin is a difference of cosines in [0, 2)."""
    for name, value in margins.items():
        if not 0 <= value < 2:
            raise ValueError(f"the {name} of {head} is a difference of cosines, 0 ≤ {name} < 2; found {value}")


def check_state(head: str, **states: float | jax.Array) -> None:
    """Raise a ValueError unless every state is one number."""
    for name, value in states.items():
        if jnp.ndim(value) != 0:
            raise ValueError(f"the {name} of {head} is one number, found an array of shape {jnp.shape(value)}")
