"""Blur and low resolution, combined into one matrix product along each axis."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from lfw_jax.augmentation import draws
from lfw_jax.augmentation.options import Augmentation

_SMALLEST_SIGMA = 1e-3  # pixels: the weights of the neighbours are 0, and nothing overflows


def soften(
    key: Key[Array, ""], image: Float[Array, "side side 3"], *, options: Augmentation
) -> Float[Array, "side side 3"]:
    """Blur an image and reduce its resolution, each with its own probability.

    Args:
      key: the key of the image.
      image: the image, in [-1, 1].
      options: the probabilities and strengths.
    """
    side, matrix = image.shape[0], jnp.eye(image.shape[0])  # a product with the identity matrix is exact
    if options.blurs:
        sigma = options.blur_sigma * draws.share(key, draws.BLUR_SIGMA)
        matrix = jnp.where(draws.chosen(key, draws.BLUR, options.blur), blur_matrix(side, sigma), matrix)
    if options.shrinks:
        # Log-uniform: 1 to 1/2 is as likely as 1/2 to 1/4.
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
    """Return the matrix of a Gaussian blur along one axis.

    The image is mirrored at its edges, which preserves its mean.

    Args:
      side: the side of the image in pixels.
      sigma: the standard deviation in pixels, small compared to the side.
    """
    index = jnp.arange(side)
    apart, beyond = index[:, None] - index, index[:, None] + index + 1
    variance = jnp.square(jnp.maximum(sigma, _SMALLEST_SIGMA))

    def weight(distance: jax.Array) -> jax.Array:
        return jnp.exp(-jnp.square(distance) / (2 * variance))

    weights = weight(apart) + weight(beyond) + weight(2 * side - beyond)
    return weights / weights.sum(axis=1, keepdims=True)


def low_resolution_matrix(side: int, size: Int[Array, ""] | int) -> Float[Array, "side side"]:
    """Return the matrix that downscales one axis with antialiasing and upscales it again bilinearly.

    Both use the filter of Pillow's `resize(…, BILINEAR)`: a triangle scaled to the coarser of the two pixel grids.

    Args:
      side: the side of the image in pixels.
      size: the reduced side in pixels.
    """
    return _product(_triangles(side, to=side, of=size), _triangles(side, to=size, of=side))


def _triangles(side: int, *, to: Int[Array, ""] | int, of: Int[Array, ""] | int) -> Float[Array, "side side"]:
    """Return the weights that resample `of` to `to` pixels, both at most `side`, padded with zeros."""
    index = jnp.arange(side)
    step = jnp.asarray(of, jnp.float32) / to
    middle = (index[:, None] + 0.5) * step
    weights = jnp.maximum(0.0, 1.0 - jnp.abs(index + 0.5 - middle) / jnp.maximum(step, 1.0))
    weights = jnp.where((index < of) & (index[:, None] < to), weights, 0.0)
    return weights / jnp.maximum(weights.sum(axis=1, keepdims=True), 1e-6)


def _product(left: jax.Array, right: jax.Array) -> jax.Array:
    # The default precision of products on GPUs and TPUs is too low for grey values.
    return jnp.matmul(left, right, precision="highest")
