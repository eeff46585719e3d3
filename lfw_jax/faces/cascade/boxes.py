"""Boxes between the networks of the cascade: regression, clipping and suppression.

A box is left, top, right, bottom in pixels. The arithmetic is that of mtcnn 1.0.0 with its peculiarities, so that the boxes are
the same.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.faces.mtcnn.settings import WINDOW

_STRIDE = 2  # of P-Net, in pixels


def from_windows(
    rows: Int[Array, "*n"], columns: Int[Array, "*n"], offsets: Float[Array, "*n 4"], scale: float
) -> Float[Array, "*n 4"]:
    """Return the boxes that P-Net proposes, in pixels of the original image.

    Args:
      rows: `[*n]`, the row of each window in P-Net's output.
      columns: `[*n]`, its column.
      offsets: `[*n, 4]`, the offset of the box from the window, in sides of the window.
      scale: the scale of P-Net's input relative to the original image.

    Returns:
      `[*n, 4]`, the boxes.
    """
    corner = jnp.stack([columns, rows, columns, rows], axis=-1) * _STRIDE
    # As in mtcnn, a window starts at its second pixel, so that its side is 11.
    window = corner + jnp.array([1, 1, WINDOW, WINDOW])
    return (window + offsets * (WINDOW - 1)) / scale


def moved(boxes: Float[Array, "*n 4"], offsets: Float[Array, "*n 4"]) -> Float[Array, "*n 4"]:
    """Move the edges of boxes by offsets in units of their sides, which include the last pixel."""
    width, height = boxes[..., 2] - boxes[..., 0] + 1, boxes[..., 3] - boxes[..., 1] + 1
    return boxes + offsets * jnp.stack([width, height, width, height], axis=-1)


def points_in(boxes: Float[Array, "*n 4"], points: Float[Array, "*n 5 2"]) -> Float[Array, "*n 5 2"]:
    """Convert points from coordinates relative to a box (0 to 1) to pixels of the image."""
    sides = boxes[..., 2:] - boxes[..., :2] + 1
    return points * sides[..., None, :] + boxes[..., None, :2] - 1


def squared(boxes: Float[Array, "*n 4"]) -> Float[Array, "*n 4"]:
    """Return the squares with the centres and the longer sides of boxes."""
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    side = jnp.maximum(width, height)
    left = boxes[..., 0] + width * 0.5 - side * 0.5
    top = boxes[..., 1] + height * 0.5 - side * 0.5
    return jnp.stack([left, top, left + side, top + side], axis=-1)


def within(boxes: Float[Array, "n k 4"], sizes: Int[Array, "n 2"]) -> Float[Array, "n k 4"]:
    """Clip boxes to their images, given the images' heights and widths."""
    last = jnp.maximum(sizes[:, None, ::-1].astype(jnp.float32) - 1, 0)
    return jnp.clip(boxes, 0, jnp.concatenate([last, last], axis=-1))


def not_suppressed(
    boxes: Float[Array, "n k 4"], valid: Bool[Array, "n k"], threshold: float, *, of_smaller: bool = False
) -> Bool[Array, "n k"]:
    """Non-maximum suppression: the mask of boxes that do not overlap a better box of their image.

    As in mtcnn, suppressed boxes suppress others too, unlike in the usual greedy algorithm.

    Args:
      boxes: `[n, k, 4]`, by falling score.
      valid: `[n, k]`, the boxes to consider.
      threshold: the highest overlap, 0 to 1, as a share of the union of both boxes.
      of_smaller: whether the overlap is a share of the smaller box instead.

    Returns:
      `[n, k]`, the mask of the boxes that are kept.
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
    # XLA fuses this into one pass, so that no array of n × k × k is stored.
    suppressed = jnp.any((shared / whole > threshold) & earlier & valid[:, :, None], axis=1)
    return valid & ~suppressed


def best(
    log_odds: Float[Array, "n k"], valid: Bool[Array, "n k"], count: int
) -> tuple[Float[Array, "n count"], Int[Array, "n count"], Bool[Array, "n count"], Bool[Array, "n"]]:
    """Select the valid entries with the highest log-odds.

    Args:
      log_odds: `[n, k]`.
      valid: `[n, k]`, the entries to consider.
      count: how many to select.

    Returns:
      Their log-odds in falling order, their indices, the mask of those that are valid, and for each row whether it has more than
      `count` valid entries.
    """
    count = min(count, log_odds.shape[1])
    top, indices = jax.lax.top_k(jnp.where(valid, log_odds, -jnp.inf), count)
    return top, indices, top > -jnp.inf, jnp.sum(valid, axis=1) > count
