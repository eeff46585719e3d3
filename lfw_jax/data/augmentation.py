"""Random changes of training images, inside the jitted step.

Every image draws from a key of its own, derived from its place in the global batch, so that a batch is changed the
same way on one device and on many.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, UInt8


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How far an image may be changed; every field at 0 leaves it as it is.

    Attributes:
      flip: probability of a mirror image.
      rotation: largest rotation, degrees.
      scale: largest relative change of size (0.1: from 1/1.1 to 1.1 times).
      shift: largest shift along each axis, as a share of the side.
      brightness: largest change added, as a share of the range of grey values.
      contrast: largest relative change of contrast.
      saturation: largest relative change of saturation.
      erasing: probability that a random rectangle is greyed out (Zhong et al. 2020, arXiv:1708.04896).
    """

    flip: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    erasing: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether pixels have to be resampled."""
        return any((self.flip, self.rotation, self.scale, self.shift))


def centre(images: UInt8[Array, "batch stored stored 3"], side: int) -> Float[Array, "batch side side 3"]:
    """The central square as floats in [-1, 1]: what evaluation shows a network."""
    margin = (images.shape[1] - side) // 2
    return to_unit(images[:, margin : margin + side, margin : margin + side].astype(jnp.float32))


def to_unit(pixels: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """0…255 to -1…1, the scaling of the field: `(x − 127.5) / 127.5`."""
    return (pixels - 127.5) / 127.5


def augment(
    keys: Key[Array, "batch"], images: UInt8[Array, "batch stored stored 3"], side: int, options: Augmentation
) -> Float[Array, "batch side side 3"]:
    """Changed images as floats in [-1, 1].

    Args:
      keys: one key an image.
      images: stored squares with their margins, on which shifts and rotations draw; beyond them the edge is repeated.
      side: pixels of the result.
      options: how far to go.
    """
    if not options.moves:
        moved = images[:, (margin := (images.shape[1] - side) // 2) : margin + side, margin : margin + side]
        moved = moved.astype(jnp.float32)
    else:
        moved = jax.vmap(partial(_move, side=side, options=options))(keys, images)
    coloured = jax.vmap(partial(_colour, options=options))(keys, to_unit(moved))
    if options.erasing:
        coloured = jax.vmap(partial(_erase, probability=options.erasing))(keys, coloured)
    return coloured


def _uniform(key: jax.Array, place: int, limit: float) -> jax.Array:
    return jax.random.uniform(jax.random.fold_in(key, place), minval=-limit, maxval=limit)


def _move(key: jax.Array, image: jax.Array, *, side: int, options: Augmentation) -> jax.Array:
    """Flip, rotate, scale and shift in one bilinear resampling."""
    stored = image.shape[0]
    angle = jnp.deg2rad(_uniform(key, 0, options.rotation))
    zoom = jnp.exp(_uniform(key, 1, 1.0) * jnp.log1p(options.scale))
    down, across = _uniform(key, 2, options.shift) * side, _uniform(key, 3, options.shift) * side
    mirror = jnp.where(jax.random.bernoulli(jax.random.fold_in(key, 4), options.flip), -1.0, 1.0)
    offsets = jnp.arange(side) - (side - 1) / 2
    y, x = jnp.meshgrid(offsets, mirror * offsets, indexing="ij")
    cosine, sine, middle = jnp.cos(angle) / zoom, jnp.sin(angle) / zoom, (stored - 1) / 2
    source_y = jnp.clip(cosine * y - sine * x + down + middle, 0.0, stored - 1.0)
    source_x = jnp.clip(sine * y + cosine * x + across + middle, 0.0, stored - 1.0)
    top = jnp.clip(jnp.floor(source_y).astype(jnp.int32), 0, stored - 2)
    left = jnp.clip(jnp.floor(source_x).astype(jnp.int32), 0, stored - 2)
    dy, dx = (source_y - top)[..., None], (source_x - left)[..., None]
    pixels = image.astype(jnp.float32).reshape(-1, image.shape[-1])
    corner = top * stored + left

    def at(offset: int) -> jax.Array:
        return jnp.take(pixels, corner + offset, axis=0, mode="clip")

    upper = at(0) * (1 - dx) + at(1) * dx
    lower = at(stored) * (1 - dx) + at(stored + 1) * dx
    return upper * (1 - dy) + lower * dy


def _colour(key: jax.Array, image: jax.Array, *, options: Augmentation) -> jax.Array:
    """Saturation, contrast, then brightness, clipped to the range of an image."""
    if options.saturation:
        grey = image @ jnp.array([0.299, 0.587, 0.114], image.dtype)
        image = grey[..., None] + (image - grey[..., None]) * (1 + _uniform(key, 5, options.saturation))
    if options.contrast:
        mean = image.mean()
        image = mean + (image - mean) * (1 + _uniform(key, 6, options.contrast))
    if options.brightness:
        image = image + 2 * _uniform(key, 7, options.brightness)
    return jnp.clip(image, -1.0, 1.0)


def _erase(key: jax.Array, image: jax.Array, *, probability: float) -> jax.Array:
    """A rectangle of 2 % to 20 % of the area, sides at most 1:3, becomes mid-grey."""
    side = image.shape[0]
    chance, area, aspect, down, across = jax.random.uniform(jax.random.fold_in(key, 8), (5,))
    ratio = jnp.exp((2 * aspect - 1) * jnp.log(3.0))
    area = side * side * (0.02 + 0.18 * area)
    height, width = jnp.minimum(jnp.sqrt(area * ratio), side), jnp.minimum(jnp.sqrt(area / ratio), side)
    top, left = down * (side - height), across * (side - width)
    place = jnp.arange(side)
    inside = ((place >= top) & (place < top + height))[:, None] & ((place >= left) & (place < left + width))[None]
    return jnp.where((inside & (chance < probability))[..., None], 0.0, image)
