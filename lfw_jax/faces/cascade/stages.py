"""MTCNN's cascade as one jitted function of a batch of images, for GPUs and without TensorFlow.

Networks, weights, thresholds and arithmetic are those of mtcnn 1.0.0, and so are the detected faces. If several candidates have
the score 1 in float32, the package chooses any of them; this cascade chooses the one with the highest log-odds.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt8

from lfw_jax.faces.cascade.boxes import best, from_windows, moved, not_suppressed, points_in, squared, within
from lfw_jax.faces.cascade.networks import Networks, onet, pnet, rnet
from lfw_jax.faces.cascade.sampling import level_sizes, normalize, pack, patches, sample_positions, scales, shrink
from lfw_jax.faces.mtcnn.settings import OVERLAPS, THRESHOLDS

# The log-odds that correspond to mtcnn's thresholds.
_PNET, _RNET, _ONET = (math.log(score / (1 - score)) for score in THRESHOLDS)


class Faces(NamedTuple):
    """The faces of a batch of images, at most k in each.

    Attributes:
      boxes: `[n, k, 4]`: left, top, right, bottom, in pixels.
      points: `[n, k, 5, 2]`, x and y in pixels of the left eye, right eye, nose, left and right corner of the mouth as the viewer
        sees them.
      scores: `[n, k]`, 0 to 1, in falling order.
      valid: `[n, k]`, the mask of entries that are faces; they come first.
      overflowed: `[n]`, the mask of images whose candidates exceeded the capacity, so that faces may be missing.
    """

    boxes: Float[Array, "n k 4"]
    points: Float[Array, "n k 5 2"]
    scores: Float[Array, "n k"]
    valid: Bool[Array, "n k"]
    overflowed: Bool[Array, "n"]


def _propose(
    networks: Networks,
    images: UInt8[Array, "n h w 3"],
    sizes: Int[Array, "n 2"] | None,
    targets: Int[Array, "n scales 2"] | None,
    capacity: int,
) -> tuple[Float[Array, "n k 4"], Bool[Array, "n k"], Bool[Array, "n"]]:
    """Apply P-Net at all scales; return square boxes, the mask of valid ones, and the mask of overflowed images."""
    height, width = images.shape[1:3]
    pixels = normalize(images)
    found, overflowed = [], jnp.zeros(len(images), bool)
    at = scales(height, width)
    for k, (scale, level) in enumerate(zip(at, level_sizes(height, width, at), strict=True)):
        target = None if targets is None else targets[:, k]
        with jax.named_scope(f"scale_{k}"):
            offsets, log_odds = pnet(networks.pnet, shrink(pixels, tuple(level.tolist()), sizes, target), target)
            valid = log_odds > _PNET
            if target is not None:
                # Keep the windows inside the image: pooling halves (size − 2), and two convolutions take 2 pixels each.
                down, across = ((target.T - 1) // 2 - 4)[:, :, None]
                rows, columns = (jnp.arange(size) for size in log_odds.shape[1:])
                valid &= (rows < down)[:, :, None] & (columns < across)[:, None, :]
            across = log_odds.shape[2]
            log_odds, index, valid, more = best(
                log_odds.reshape(len(images), -1), valid.reshape(len(images), -1), capacity
            )
            offsets = jnp.take_along_axis(offsets.reshape(len(images), -1, 4), index[..., None], axis=1)
            boxes = from_windows(index // across, index % across, offsets, float(scale))
            found.append((boxes, log_odds, not_suppressed(boxes, valid, OVERLAPS[0])))
            overflowed |= more
    boxes, log_odds, valid = (jnp.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    _, index, valid, more = best(log_odds, valid, capacity)
    boxes = jnp.take_along_axis(boxes, index[..., None], axis=1)
    return squared(boxes), not_suppressed(boxes, valid, OVERLAPS[1]), overflowed | more


def _look(
    network: Callable[[Float[Array, "chunk side side 3"]], Sequence[jax.Array]],
    packed: Int[Array, "n h w"],
    sizes: Int[Array, "n 2"],
    boxes: Float[Array, "n k 4"],
    valid: Bool[Array, "n k"],
    side: int,
    chunk: int,
) -> list[Float[Array, "n k ..."]]:
    """Return the outputs of a network for the valid boxes of all images, and 0 for the others.

    The valid boxes of all images are processed in chunks, so that the time depends on their total number only.
    """
    n, k = valid.shape
    total = jnp.sum(valid)
    order = jnp.nonzero(valid.reshape(-1), size=-(-n * k // chunk) * chunk, fill_value=n * k)[0]
    # Computed outside the loop, so that they are materialised (see `patches`).
    positions = sample_positions(boxes, sizes[:, None], side).reshape(n * k, 2, side)

    def outputs(index: Int[Array, "chunk"]) -> Sequence[jax.Array]:
        index = jnp.minimum(index, n * k - 1)
        return network(patches(packed, sizes, index // k, positions[index]))

    def step(i: jax.Array, results: list[jax.Array]) -> list[jax.Array]:
        index = jax.lax.dynamic_slice_in_dim(order, i * chunk, chunk)
        return [result.at[index].set(new, mode="drop") for result, new in zip(results, outputs(index), strict=True)]

    shapes = jax.eval_shape(outputs, order[:chunk])
    results = [jnp.zeros((n * k, *shape.shape[1:]), shape.dtype) for shape in shapes]
    results = jax.lax.fori_loop(0, (total + chunk - 1) // chunk, step, results)
    return [result.reshape(n, k, *result.shape[1:]) for result in results]


@functools.partial(jax.jit, static_argnames="capacity")
def find_faces(
    networks: Networks,
    images: UInt8[Array, "n h w 3"],
    sizes: Int[Array, "n 2"] | None = None,
    targets: Int[Array, "n scales 2"] | None = None,
    *,
    capacity: int = 256,
) -> Faces:
    """Detect the faces of a batch of images.

    Args:
      networks: the weights, from `load_weights`.
      images: `[n, h, w, 3]`, RGB, at least 24 × 24.
      sizes: `[n, 2]`, the height and width of each image within its array, in which it is at the top left; None if all images
        fill it.
      targets: `[n, scales, 2]`, `level_sizes(height, width, scales(h, w))` of each image; required with `sizes`.
      capacity: boxes per image and scale that P-Net may propose; a quarter of it may pass R-Net.

    Returns:
      The faces.
    """
    n, height, width = images.shape[:3]
    boxes, valid, overflowed = _propose(networks, images, sizes, targets, capacity)
    if sizes is None:
        sizes = jnp.broadcast_to(jnp.array([height, width]), (n, 2))
    packed = pack(images)
    few = max(1, capacity // 4)

    def take(index: Int[Array, "n few"], *arrays: Float[Array, "n k ..."]) -> list[Float[Array, "n few ..."]]:
        return [jnp.take_along_axis(array, index.reshape(n, -1, *(1,) * (array.ndim - 2)), axis=1) for array in arrays]

    with jax.named_scope("rnet"):
        offsets, log_odds = _look(lambda x: rnet(networks.rnet, x), packed, sizes, boxes, valid, 24, 8 * n)
        _, index, valid, more = best(log_odds, valid & (log_odds > _RNET), few)
        (boxes,) = take(index, moved(boxes, offsets))
        boxes, valid, overflowed = squared(boxes), not_suppressed(boxes, valid, OVERLAPS[2]), overflowed | more
    with jax.named_scope("onet"):
        offsets, points, log_odds = _look(lambda x: onet(networks.onet, x), packed, sizes, boxes, valid, 48, n)
        points, boxes = points_in(boxes, points), moved(boxes, offsets)
        log_odds, index, valid, _ = best(log_odds, valid & (log_odds > _ONET), few)
        boxes, points = take(index, boxes, points)
        log_odds, index, valid, _ = best(log_odds, not_suppressed(boxes, valid, OVERLAPS[3], of_smaller=True), few)
        boxes, points = take(index, boxes, points)
    return Faces(within(boxes, sizes), points, jax.nn.sigmoid(log_odds), valid, overflowed)
