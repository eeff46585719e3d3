"""Geometric augmentation."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8

from lfw_jax.augmentation import draws
from lfw_jax.augmentation.options import Augmentation


def move(
    key: Key[Array, ""], image: UInt8[Array, "stored stored 3"], *, side: int, options: Augmentation
) -> Float[Array, "side side 3"]:
    """Flip, rotate, scale and shift an image in a single bilinear resampling.

    Args:
      key: the key of the image.
      image: the stored square, with its margin.
      side: the side of the result in pixels.
      options: the strengths.

    Returns:
      The central square after the transform, in 0…255; beyond the stored square its edge is repeated.
    """
    stored = image.shape[0]
    angle = jnp.deg2rad(draws.symmetric(key, draws.ROTATION, options.rotation))
    zoom = jnp.exp(draws.symmetric(key, draws.SCALE, 1.0) * jnp.log1p(options.scale))
    down = draws.symmetric(key, draws.DOWN, options.shift) * side
    across = draws.symmetric(key, draws.ACROSS, options.shift) * side
    mirror = jnp.where(draws.chosen(key, draws.FLIP, options.flip), -1.0, 1.0)
    offsets = jnp.arange(side) - (side - 1) / 2
    y, x = jnp.meshgrid(offsets, mirror * offsets, indexing="ij")
    cosine, sine, middle = jnp.cos(angle) / zoom, jnp.sin(angle) / zoom, (stored - 1) / 2
    source_y = jnp.clip(cosine * y - sine * x + down + middle, 0.0, stored - 1.0)
    source_x = jnp.clip(sine * y + cosine * x + across + middle, 0.0, stored - 1.0)
    return _bilinear(image, source_y, source_x)


def _bilinear(image: jax.Array, y: jax.Array, x: jax.Array) -> jax.Array:
    """Sample an image bilinearly at coordinates `[side, side]` inside it."""
    stored = image.shape[0]
    top = jnp.clip(jnp.floor(y).astype(jnp.int32), 0, stored - 2)
    left = jnp.clip(jnp.floor(x).astype(jnp.int32), 0, stored - 2)
    dy, dx = (y - top)[..., None], (x - left)[..., None]
    pixels = image.astype(jnp.float32).reshape(-1, image.shape[-1])
    corner = top * stored + left

    def at(offset: int) -> jax.Array:
        return jnp.take(pixels, corner + offset, axis=0, mode="clip")

    upper = at(0) * (1 - dx) + at(1) * dx
    lower = at(stored) * (1 - dx) + at(stored + 1) * dx
    return upper * (1 - dy) + lower * dy
