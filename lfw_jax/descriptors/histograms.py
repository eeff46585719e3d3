"""Histograms of the cells of patches."""

import numpy as np
from jaxtyping import Float, Int, UInt8

from lfw_jax.descriptors.binary_patterns import BINS, binary_patterns
from lfw_jax.descriptors.gradients import orientation_votes
from lfw_jax.descriptors.settings import DescriptorSettings, dimension


def pattern_histograms(
    patches: UInt8[np.ndarray, "images patches side2 side2"], settings: DescriptorSettings
) -> Int[np.ndarray, "images dim"]:
    """Return the counts of uniform binary patterns in each cell.

    Args:
      patches: grey values with a border of `settings.radius` pixels.
      settings: the descriptor.
    """
    bins = BINS[binary_patterns(patches, settings.radius)] + _first_bins(len(patches), settings)
    size = len(patches) * dimension(settings)
    return np.bincount(bins.ravel(), minlength=size).reshape(len(patches), -1)


def gradient_histograms(
    patches: UInt8[np.ndarray, "images patches side2 side2"], settings: DescriptorSettings
) -> Float[np.ndarray, "images dim"]:
    """Return the magnitudes of gradients by orientation in each cell, normalised to a sum of 1.

    Args:
      patches: grey values with a border of one pixel.
      settings: the descriptor. Its normalisation says of what the entries sum to 1; those of a part without gradients are 0.
    """
    lower, vote, next_vote = orientation_votes(patches, settings.orientations)
    first = _first_bins(len(patches), settings)
    size = len(patches) * dimension(settings)
    sums = np.bincount((first + lower).ravel(), vote.ravel(), size)
    sums += np.bincount((first + (lower + 1) % settings.orientations).ravel(), next_vote.ravel(), size)
    cells = settings.cells_per_side**2 if settings.normalisation == "patch" else 1
    parts = sums.reshape(-1, cells * settings.orientations)
    totals = parts.sum(axis=1, keepdims=True)
    return (parts / np.where(totals > 0, totals, 1.0)).reshape(len(patches), -1)


def _first_bins(images: int, settings: DescriptorSettings) -> Int[np.ndarray, "images patches side side"]:
    """Return the index of the first bin of the cell to which each pixel belongs."""
    cells = settings.cells_per_side
    cell = np.arange(cells * settings.cell) // settings.cell
    patch = np.arange(images * settings.patches).reshape(images, -1, 1, 1)
    return (patch * cells**2 + cell[:, None] * cells + cell) * settings.bins
