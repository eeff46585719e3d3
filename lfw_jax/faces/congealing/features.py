"""Features of warped images: local histograms of gradient orientations, normalised by contrast."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8
from PIL import Image

from lfw_jax.faces.congealing.pose import Poses

CROP_SIDE = 64
"""The side of the central crop in the squares that images are reduced to, in pixels."""

WINDOW = 48
"""The side of the window that is cut out of an image, in pixels."""

SPAN = 0.85
"""The half side of the window in the frame, in half sides of the central crop."""

CELLS, ORIENTATIONS = 8, 8
SIZE = CELLS * CELLS * ORIENTATIONS
"""The number of features of an image."""

_FLAT = 4.0  # grey levels of mean gradient, below which contrast is not normalised
_BATCHES = (16, 64, 256)  # numbers of images in a compiled program


def grey_square(image: UInt8[np.ndarray, "h w 3"] | UInt8[np.ndarray, "h w"], crop: float) -> UInt8[np.ndarray, "s s"]:
    """Return the central square of an image in grey, with a central crop of `CROP_SIDE` pixels.

    Args:
      image: RGB or grey, of any size.
      crop: the side of the central crop, as a share of the image's shorter side.
    """
    height, width = image.shape[:2]
    side, reduced = min(height, width), max(1, round(CROP_SIDE / crop))
    left, top = (width - side) / 2, (height - side) / 2
    grey = Image.fromarray(image).convert("L")
    box = (left, top, left + side, top + side)
    return np.asarray(grey.resize((reduced, reduced), Image.Resampling.BILINEAR, box=box), np.uint8)


def window_features(squares: Sequence[np.ndarray] | UInt8[np.ndarray, "images s s"], poses: Poses) -> np.ndarray:
    """Return the features of the windows that poses cut out of images.

    Args:
      squares: `[images, s, s]`, from `grey_square`.
      poses: `[images, 4]`.

    Returns:
      `[images, SIZE]`, each at least 0.
    """
    features = np.empty((len(poses), SIZE), np.float32)
    for start in range(0, len(poses), _BATCHES[-1]):
        some, those = (
            np.asarray(squares[start : start + _BATCHES[-1]]),
            np.asarray(poses[start : start + _BATCHES[-1]], np.float32),
        )
        count = len(some)
        padding = next(size for size in _BATCHES if size >= count) - count  # few programs to compile
        if padding:
            some = np.concatenate([some, np.repeat(some[-1:], padding, axis=0)])
            those = np.concatenate([those, np.repeat(those[-1:], padding, axis=0)])
        features[start : start + count] = np.asarray(_compiled()(some, those))[:count]
    return features


@functools.cache
def _compiled() -> Callable[[np.ndarray, np.ndarray], Array]:
    return jax.jit(lambda squares, poses: _histograms(jax.vmap(_window)(squares, poses)))


def _window(square: UInt8[Array, "s s"], pose: Float[Array, "4"]) -> Float[Array, "w w"]:
    """Return the window of one image, resampled bilinearly; beyond an edge, the edge continues."""
    side = square.shape[0]
    places = jnp.asarray((np.arange(WINDOW) + 0.5) / WINDOW * 2 - 1, jnp.float32) * SPAN
    x, y = jnp.meshgrid(places, places)
    cosine, sine = jnp.exp(pose[1]) * jnp.cos(pose[0]), jnp.exp(pose[1]) * jnp.sin(pose[0])
    columns = (cosine * x - sine * y + pose[2]) * (CROP_SIDE / 2) + (side - 1) / 2
    rows = (sine * x + cosine * y + pose[3]) * (CROP_SIDE / 2) + (side - 1) / 2
    columns, rows = jnp.clip(columns, 0, side - 1), jnp.clip(rows, 0, side - 1)
    left, top = (jnp.clip(jnp.floor(at).astype(jnp.int32), 0, side - 2) for at in (columns, rows))
    right, low = columns - left, rows - top  # weights of the right and the lower neighbours
    pixels, first = square.reshape(-1), top * side + left

    def pixel(offset: int) -> Float[Array, "w w"]:
        return pixels[first + offset].astype(jnp.float32)

    upper = pixel(0) * (1 - right) + pixel(1) * right
    lower = pixel(side) * (1 - right) + pixel(side + 1) * right
    return upper * (1 - low) + lower * low


def _histograms(windows: Float[Array, "images w w"]) -> Float[Array, "images features"]:
    vertical = jnp.pad(windows[:, 2:] - windows[:, :-2], ((0, 0), (1, 1), (0, 0)))
    horizontal = jnp.pad(windows[:, :, 2:] - windows[:, :, :-2], ((0, 0), (0, 0), (1, 1)))
    strength = jnp.sqrt(horizontal**2 + vertical**2 + 1e-6)
    around, cells = (jnp.asarray(weights, jnp.float32) for weights in (_box(), _triangles()))
    contrast = jnp.einsum("ij,njk,lk->nil", around, strength, around)
    inverse = 1 / ((contrast + _FLAT) * strength)
    pooled = []
    for angle in np.arange(ORIENTATIONS) / ORIENTATIONS * 2 * np.pi:
        along = horizontal * np.float32(np.cos(angle)) + vertical * np.float32(np.sin(angle))
        share = jnp.maximum(along, 0) ** 2 * inverse  # strength times the squared cosine to this orientation
        pooled.append(jnp.einsum("ai,nij,bj->nab", cells, share, cells))
    return jnp.sqrt(jnp.stack(pooled, axis=1) + 1e-4).reshape(len(windows), -1)


def _triangles() -> np.ndarray:
    """Return the weights of pixels in cells, which overlap as triangles: `[CELLS, WINDOW]`."""
    width = WINDOW / CELLS
    centres = (np.arange(CELLS) + 0.5) * width
    weights = np.maximum(0, 1 - np.abs(np.arange(WINDOW) + 0.5 - centres[:, None]) / width)
    return weights / weights.sum(axis=1, keepdims=True)


def _box() -> np.ndarray:
    """Return the weights of the mean over `WINDOW / 8` pixels to either side: `[WINDOW, WINDOW]`."""
    near = np.abs(np.arange(WINDOW)[:, None] - np.arange(WINDOW)) <= WINDOW // 8
    return near / near.sum(axis=1, keepdims=True)
