"""SIFT descriptors on a dense grid at several scales, as square roots of unit histograms (RootSIFT).

Orientation histograms: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004. Square roots: Arandjelović &
Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012. Dense grids for faces: Simonyan et al.,
"Fisher vector faces in the wild", BMVC 2013.

A cell of a descriptor is a bilinearly weighted sum of the gradients around its centre. The weights are a product of a function of
the row and one of the column, so that the cells of all descriptors of a scale are two matrix products, and a cell that several
descriptors share is computed once.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from lfw_jax.errors import UserError

CELLS = 4
"""Cells along each axis of a window."""

ORIENTATIONS = 8
"""Orientation bins of a cell."""

DIMENSION = CELLS * CELLS * ORIENTATIONS

_LARGEST_BIN = 0.2  # share of a unit vector: Lowe's limit on single strong gradients
_SMALLEST_NORM = 1e-3  # grey levels; a uniform window has no direction and gets zeros
_IMAGES_AT_ONCE = 8


@dataclasses.dataclass(frozen=True)
class DenseSift:
    """Grid of dense SIFT: windows of 4 × 4 cells, at regular steps, on several sizes of the image.

    Attributes:
      stride: pixels between neighbouring windows, at each scale.
      scales: sizes relative to the given image, to which it is resized before description.
      cell: side of a cell in pixels of the resized image; a window has four times this side.

    Raises:
      UserError: a value is out of range.
    """

    stride: int = 4
    scales: tuple[float, ...] = (1.414, 1.0, 0.707, 0.5, 0.354)
    cell: int = 6

    def __post_init__(self):
        for key, value in (("stride", self.stride), ("cell", self.cell)):
            if value < 1:
                raise UserError(
                    f"{key} is {value}; expected a number of pixels, 1 or more, such as {4 if key == 'stride' else 6}."
                )
        if not self.scales or min(self.scales) <= 0:
            raise UserError(f"scales is {self.scales}; expected at least one scale above 0, such as (1.0, 0.5).")


@partial(jax.jit, static_argnames="sift")
def dense_sift(
    images: Num[Array, "images height width"], sift: DenseSift
) -> tuple[Float[Array, "images positions 128"], Float[Array, "positions 2"]]:
    """Return the RootSIFT descriptors of grey images on a dense grid, and the positions of the windows.

    The grid is centred: the windows of a mirrored image are the mirrored windows.

    Args:
      images: grey values in 0…255, of any numeric type.
      sift: the grid and the scales.

    Returns:
      Descriptors of unit length (zeros for uniform windows), by row of cells, column of cells and orientation: bin 0 is a
      gradient to the right, bin 2 one downwards. Positions are the (x, y) of window centres from −0.5 to 0.5 across the image.
      The scales follow one another in the order of `sift.scales`, each by row and column of windows.

    Raises:
      UserError: an image at some scale is smaller than a window.

    Example:
      >>> descriptors, positions = dense_sift(np.zeros((1, 64, 64)), DenseSift(stride=4, scales=(1.0,)))
      >>> descriptors.shape, positions.shape
      ((1, 100, 128), (100, 2))
    """
    height, width = images.shape[1:]
    positions = jnp.asarray(grid_positions(height, width, sift))
    one = partial(_describe, sift=sift)
    return jax.lax.map(one, images.astype(jnp.float32), batch_size=_IMAGES_AT_ONCE), positions


def grid_positions(height: int, width: int, sift: DenseSift) -> Float[np.ndarray, "positions 2"]:
    """Return the (x, y) of the windows' centres as shares of the image, 0 at its centre.

    Args:
      height: height of the images.
      width: width of the images.
      sift: the grid and the scales.

    Raises:
      UserError: an image at some scale is smaller than a window.
    """
    grids = []
    for scale in sift.scales:
        rows, columns = scaled_size(height, scale), scaled_size(width, scale)
        y = (_centres(rows, sift) + 0.5) / rows - 0.5
        x = (_centres(columns, sift) + 0.5) / columns - 0.5
        grids.append(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    return np.concatenate(grids).astype(np.float32)


def scaled_size(size: int, scale: float) -> int:
    """Return the number of pixels of a side at a scale."""
    return round(size * scale)


def _describe(image: jax.Array, sift: DenseSift) -> jax.Array:
    """Return the descriptors `[positions, 128]` of one image."""
    height, width = image.shape
    scaled = []
    for scale in sift.scales:
        size = scaled_size(height, scale), scaled_size(width, scale)
        pixels = image if size == image.shape else jax.image.resize(image, size, "linear", antialias=True)
        scaled.append(_root_sift(_windows(_orientation_maps(pixels), sift)))
    return jnp.concatenate(scaled)


def _orientation_maps(image: jax.Array) -> jax.Array:
    """Return the gradient's magnitude by pixel and orientation `[height, width, 8]`, split linearly between two bins."""
    down, right = jnp.gradient(image)
    magnitude = jnp.sqrt(down**2 + right**2)
    angle = jnp.arctan2(down, right) * (ORIENTATIONS / (2 * jnp.pi))
    distance = jnp.abs(angle[..., None] - jnp.arange(ORIENTATIONS)) % ORIENTATIONS
    distance = jnp.minimum(distance, ORIENTATIONS - distance)
    return magnitude[..., None] * jnp.maximum(1 - distance, 0)


def _windows(maps: jax.Array, sift: DenseSift) -> jax.Array:
    """Return the histograms of all windows `[rows, columns, 4, 4, 8]`."""
    weights_down, rows = _cells(maps.shape[0], sift)
    weights_across, columns = _cells(maps.shape[1], sift)
    cells = jnp.einsum("ai,ijo->ajo", weights_down, maps)
    cells = jnp.einsum("bj,ajo->abo", weights_across, cells)
    windows = cells[rows.ravel()][:, columns.ravel()]
    windows = windows.reshape(len(rows), CELLS, len(columns), CELLS, ORIENTATIONS)
    # Lowe's Gaussian over the window, its deviation half the side, taken at the cells' centres.
    fall = np.exp(-0.5 * ((np.arange(CELLS) - (CELLS - 1) / 2) / (CELLS / 2)) ** 2).astype(np.float32)
    return windows.transpose(0, 2, 1, 3, 4) * (fall[:, None] * fall)[..., None]


def _root_sift(histograms: jax.Array) -> jax.Array:
    """Normalise, limit and square-root histograms `[rows, columns, 4, 4, 8]` to unit vectors `[windows, 128]`."""
    flat = histograms.reshape(-1, DIMENSION)
    norm = jnp.linalg.norm(flat, axis=1, keepdims=True)
    limited = jnp.minimum(flat / jnp.maximum(norm, _SMALLEST_NORM), _LARGEST_BIN)
    total = limited.sum(axis=1, keepdims=True)
    return jnp.sqrt(limited / jnp.where(total > 0, total, 1))


def _centres(size: int, sift: DenseSift) -> Float[np.ndarray, "windows"]:
    """Return the coordinates of the windows' centres along an axis of so many pixels: every stride, centred."""
    reach = CELLS * sift.cell
    if size <= reach:
        raise UserError(
            f"scales has one at which an image has a side of {size} pixels; expected more than {reach}, the side of a "
            f"window with {CELLS} cells of {sift.cell} pixels. Remove the scale, or pass larger images."
        )
    count = (size - 1 - reach) // sift.stride + 1
    return (size - 1) / 2 + sift.stride * (np.arange(count) - (count - 1) / 2)


def _cells(size: int, sift: DenseSift) -> tuple[Float[np.ndarray, "cells size"], Int[np.ndarray, "windows 4"]]:
    """Return the bilinear weights of an axis's pixels in each distinct cell, and the cells of each window."""
    offsets = sift.cell * (np.arange(CELLS) - (CELLS - 1) / 2)
    centres, members = np.unique(_centres(size, sift)[:, None] + offsets, return_inverse=True)
    weights = np.maximum(1 - np.abs(np.arange(size) - centres[:, None]) / sift.cell, 0)
    return weights.astype(np.float32), members.reshape(-1, CELLS)
