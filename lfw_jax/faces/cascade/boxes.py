"""Boxes between the networks of the cascade: what overlaps, what is moved, what is kept. Left, top, right, bottom; pixels.

The arithmetic is that of mtcnn 1.0.0, its peculiarities included, for the boxes shall be the same.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.faces.mtcnn.settings import WINDOW

_STRIDE = 2  # pixels, of P-Net


def from_windows(
    rows: Int[Array, "*n"], columns: Int[Array, "*n"], offsets: Float[Array, "*n 4"], scale: float
) -> Float[Array, "*n 4"]:
    """The boxes that P-Net proposes, in pixels of the whole image.

    Args:
      rows, columns: which window of P-Net's output.
      offsets: of the box from the window.
      scale: of the image that P-Net saw.
    """
    corner = jnp.stack([columns, rows, columns, rows], axis=-1) * _STRIDE
    # A window begins at its second pixel, so that its side is 11.
    window = corner + jnp.array([1, 1, WINDOW, WINDOW])
    return (window + offsets * (WINDOW - 1)) / scale


def moved(boxes: Float[Array, "*n 4"], offsets: Float[Array, "*n 4"]) -> Float[Array, "*n 4"]:
    """Boxes moved by offsets that count in their sides, the last pixel included."""
    width, height = boxes[..., 2] - boxes[..., 0] + 1, boxes[..., 3] - boxes[..., 1] + 1
    return boxes + offsets * jnp.stack([width, height, width, height], axis=-1)


def points_in(boxes: Float[Array, "*n 4"], points: Float[Array, "*n 5 2"]) -> Float[Array, "*n 5 2"]:
    """Points from shares of a box to pixels of the image."""
    sides = boxes[..., 2:] - boxes[..., :2] + 1
    return points * sides[..., None, :] + boxes[..., None, :2] - 1


def squared(boxes: Float[Array, "*n 4"]) -> Float[Array, "*n 4"]:
    """The square about a box's centre with the box's longer side."""
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    side = jnp.maximum(width, height)
    left = boxes[..., 0] + width * 0.5 - side * 0.5
    top = boxes[..., 1] + height * 0.5 - side * 0.5
    return jnp.stack([left, top, left + side, top + side], axis=-1)


def within(boxes: Float[Array, "n k 4"], sizes: Int[Array, "n 2"]) -> Float[Array, "n k 4"]:
    """Boxes cut to their images, from the first pixel to the last."""
    last = jnp.maximum(sizes[:, None, ::-1].astype(jnp.float32) - 1, 0)
    return jnp.clip(boxes, 0, jnp.concatenate([last, last], axis=-1))


def unsurpassed(
    boxes: Float[Array, "n k 4"], valid: Bool[Array, "n k"], threshold: float, *, of_smaller: bool = False
) -> Bool[Array, "n k"]:
    """Which boxes overlap with no better box of their image by more than `threshold`.

    A box that is itself surpassed surpasses others all the same. That is mtcnn's rule; the usual suppression would
    not count it.

    Args:
      boxes: the best score first.
      valid: which of them count.
      threshold: share of the union, 0 to 1.
      of_smaller: the overlap as a share of the smaller box instead.
    """
    k = boxes.shape[1]
    better, worse = boxes[:, :, None], boxes[:, None, :]

    def area(box: jax.Array) -> jax.Array:
        return (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])

    width = jnp.maximum(0, jnp.minimum(better[..., 2], worse[..., 2]) - jnp.maximum(better[..., 0], worse[..., 0]))
    height = jnp.maximum(0, jnp.minimum(better[..., 3], worse[..., 3]) - jnp.maximum(better[..., 1], worse[..., 1]))
    shared = width * height
    whole = jnp.minimum(area(better), area(worse)) if of_smaller else area(better) + area(worse) - shared
    earlier = jnp.arange(k)[:, None] < jnp.arange(k)
    # XLA makes one pass of it: no array of n × k × k is ever stored.
    surpassed = jnp.any((shared / whole > threshold) & earlier & valid[:, :, None], axis=1)
    return valid & ~surpassed


def best(
    log_odds: Float[Array, "n k"], valid: Bool[Array, "n k"], count: int
) -> tuple[Float[Array, "n count"], Int[Array, "n count"], Bool[Array, "n count"], Bool[Array, "n"]]:
    """The valid entries with the highest log-odds, in falling order.

    Returns:
      log_odds, indices, which of them are valid, and whether there were more than `count`.
    """
    count = min(count, log_odds.shape[1])
    top, indices = jax.lax.top_k(jnp.where(valid, log_odds, -jnp.inf), count)
    return top, indices, top > -jnp.inf, jnp.sum(valid, axis=1) > count
