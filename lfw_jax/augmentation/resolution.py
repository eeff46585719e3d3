"""Blur and low resolution. Both are one matrix product along each axis, so that an image that gets both pays once."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from lfw_jax.augmentation import draws
from lfw_jax.augmentation.options import Augmentation

_SMALLEST_SIGMA = 1e-3  # pixels: nothing is left of the neighbours, and nothing overflows


def soften(
    key: Key[Array, ""], image: Float[Array, "side side 3"], *, options: Augmentation
) -> Float[Array, "side side 3"]:
    """A lens blurs, then a sensor of few pixels samples: each happens to its share of the images."""
    side, matrix = image.shape[0], jnp.eye(image.shape[0])  # a product with the identity keeps every bit
    if options.blurs:
        sigma = options.blur_sigma * draws.share(key, draws.BLUR_SIGMA)
        matrix = jnp.where(draws.chosen(key, draws.BLUR, options.blur), blur_matrix(side, sigma), matrix)
    if options.shrinks:
        # Evenly on a logarithmic scale: from 1 to 1/2 is as likely as from 1/2 to 1/4.
        factor = options.downscale_factor ** draws.share(key, draws.DOWNSCALE_FACTOR)
        size = jnp.clip(jnp.round(side * factor), 1, side).astype(jnp.int32)
        low = (
            _product(low_resolution_matrix(side, size), matrix) if options.blurs else low_resolution_matrix(side, size)
        )
        matrix = jnp.where(draws.chosen(key, draws.DOWNSCALE, options.downscale), low, matrix)
    planes = jnp.moveaxis(image, -1, 0)
    softened = jnp.moveaxis(_product(_product(matrix, planes), matrix.T), 0, -1)
    return jnp.clip(softened, -1.0, 1.0)


def blur_matrix(side: int, sigma: Float[Array, ""] | float) -> Float[Array, "side side"]:
    """A Gaussian along one axis, sampled at the pixels; beyond the edge the picture is mirrored, which keeps its mean.

    Args:
      side: pixels.
      sigma: standard deviation in pixels, small beside the side.
    """
    place = jnp.arange(side)
    apart, beyond = place[:, None] - place, place[:, None] + place + 1
    variance = jnp.square(jnp.maximum(sigma, _SMALLEST_SIGMA))

    def weight(distance: jax.Array) -> jax.Array:
        return jnp.exp(-jnp.square(distance) / (2 * variance))

    weights = weight(apart) + weight(beyond) + weight(2 * side - beyond)
    return weights / weights.sum(axis=1, keepdims=True)


def low_resolution_matrix(side: int, size: Int[Array, ""] | int) -> Float[Array, "side side"]:
    """Shrink `side` pixels along one axis to `size`, with antialiasing, and enlarge them again, bilinearly.

    Both ways as Pillow's `resize(…, BILINEAR)`: a triangle as wide as the coarser of the two grids' pixels.
    """
    return _product(_triangles(side, to=side, of=size), _triangles(side, to=size, of=side))


def _triangles(side: int, *, to: Int[Array, ""] | int, of: Int[Array, ""] | int) -> Float[Array, "side side"]:
    """Weights that resample `of` pixels to `to` pixels, both at most `side`; rows and columns beyond them are 0."""
    place = jnp.arange(side)
    step = jnp.asarray(of, jnp.float32) / to
    middle = (place[:, None] + 0.5) * step
    weights = jnp.maximum(0.0, 1.0 - jnp.abs(place + 0.5 - middle) / jnp.maximum(step, 1.0))
    weights = jnp.where((place < of) & (place[:, None] < to), weights, 0.0)
    return weights / jnp.maximum(weights.sum(axis=1, keepdims=True), 1e-6)


def _product(left: jax.Array, right: jax.Array) -> jax.Array:
    # Grey values need more digits than the fast products of GPUs and TPUs keep.
    return jnp.matmul(left, right, precision="highest")
