"""MTCNN's cascade as one jitted function of a batch of images: for many images, for GPUs, and without TensorFlow.

Networks, weights, thresholds and arithmetic are those of mtcnn 1.0.0, and so are the faces. Where float32 gives
several candidates the score 1, the package takes any of them as the best; here it is the one with the highest log-odds.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt8

from lfw_jax.faces.cascade.boxes import best, from_windows, moved, points_in, squared, unsurpassed, within
from lfw_jax.faces.cascade.networks import Networks, onet, pnet, rnet
from lfw_jax.faces.cascade.sampling import level_sizes, normalize, pack, patches, sample_positions, scales, shrink
from lfw_jax.faces.mtcnn.settings import OVERLAPS, THRESHOLDS

# Log-odds that a face must exceed, for mtcnn's least scores.
_PNET, _RNET, _ONET = (math.log(score / (1 - score)) for score in THRESHOLDS)


class Faces(NamedTuple):
    """The faces of a batch of images, at most k in each.

    Attributes:
      boxes: left, top, right, bottom; pixels.
      points: left eye, right eye, nose, left and right corner of the mouth as the viewer sees them; x and y in pixels.
      scores: 0 to 1, in falling order.
      valid: which entries are faces; they come first.
      overflowed: images in which something had to be left out: look again with a larger capacity.
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
    """P-Net at all scales: square boxes, which of them count, and where there were too many."""
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
                # Windows in what the image fills: pooling halves (size − 2), two convolutions take 2 pixels each.
                down, across = ((target.T - 1) // 2 - 4)[:, :, None]
                rows, columns = (jnp.arange(size) for size in log_odds.shape[1:])
                valid &= (rows < down)[:, :, None] & (columns < across)[:, None, :]
            across = log_odds.shape[2]
            log_odds, index, valid, more = best(
                log_odds.reshape(len(images), -1), valid.reshape(len(images), -1), capacity
            )
            offsets = jnp.take_along_axis(offsets.reshape(len(images), -1, 4), index[..., None], axis=1)
            boxes = from_windows(index // across, index % across, offsets, float(scale))
            found.append((boxes, log_odds, unsurpassed(boxes, valid, OVERLAPS[0])))
            overflowed |= more
    boxes, log_odds, valid = (jnp.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
    _, index, valid, more = best(log_odds, valid, capacity)
    boxes = jnp.take_along_axis(boxes, index[..., None], axis=1)
    return squared(boxes), unsurpassed(boxes, valid, OVERLAPS[1]), overflowed | more


def _look(
    network: Callable[[Float[Array, "chunk side side 3"]], Sequence[jax.Array]],
    packed: Int[Array, "n h w"],
    sizes: Int[Array, "n 2"],
    boxes: Float[Array, "n k 4"],
    valid: Bool[Array, "n k"],
    side: int,
    chunk: int,
) -> list[Float[Array, "n k ..."]]:
    """A network's outputs for the valid boxes of all images, 0 for the others.

    The valid ones go through in chunks, as many as it takes: an image with many boxes costs the batch no more than they.
    """
    n, k = valid.shape
    total = jnp.sum(valid)
    order = jnp.nonzero(valid.reshape(-1), size=-(-n * k // chunk) * chunk, fill_value=n * k)[0]
    # Outside the loop, so that they lie in memory.
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
    """The faces of a batch of images.

    Args:
      networks: from `load_weights`.
      images: RGB, at least 24 × 24.
      sizes: height and width of each image where it does not fill its array (it lies at the top left); None: all do.
      targets: of each image `level_sizes(height, width, scales(h, w))` with the array's h and w; needed with `sizes`.
      capacity: boxes that P-Net may propose at a scale and in an image; a quarter of it may pass R-Net.
    """
    n, height, width = images.shape[:3]
    boxes, valid, overflowed = _propose(networks, images, sizes, targets, capacity)
    if sizes is None:
        sizes = jnp.broadcast_to(jnp.array([height, width]), (n, 2))
    packed = pack(images)
    few = max(1, capacity // 4)

    def pick(index: Int[Array, "n few"], *arrays: Float[Array, "n k ..."]) -> list[Float[Array, "n few ..."]]:
        return [jnp.take_along_axis(array, index.reshape(n, -1, *(1,) * (array.ndim - 2)), axis=1) for array in arrays]

    with jax.named_scope("rnet"):
        offsets, log_odds = _look(lambda x: rnet(networks.rnet, x), packed, sizes, boxes, valid, 24, 8 * n)
        _, index, valid, more = best(log_odds, valid & (log_odds > _RNET), few)
        (boxes,) = pick(index, moved(boxes, offsets))
        boxes, valid, overflowed = squared(boxes), unsurpassed(boxes, valid, OVERLAPS[2]), overflowed | more
    with jax.named_scope("onet"):
        offsets, points, log_odds = _look(lambda x: onet(networks.onet, x), packed, sizes, boxes, valid, 48, n)
        points, boxes = points_in(boxes, points), moved(boxes, offsets)
        log_odds, index, valid, _ = best(log_odds, valid & (log_odds > _ONET), few)
        boxes, points = pick(index, boxes, points)
        log_odds, index, valid, _ = best(log_odds, unsurpassed(boxes, valid, OVERLAPS[3], of_smaller=True), few)
        boxes, points = pick(index, boxes, points)
    return Faces(within(boxes, sizes), points, jax.nn.sigmoid(log_odds), valid, overflowed)
