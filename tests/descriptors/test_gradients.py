"""Votes and histograms against a loop over pixels."""

import math

import numpy as np
import pytest

from lfw_jax.descriptors import DescriptorSettings, describe
from lfw_jax.descriptors.gradients import mirrored_orientations, orientation_votes

POINTS = np.full((1, 5, 2), 31.5)


def histogram(image: np.ndarray, left: int, top: int, *, side: int, orientations: int) -> np.ndarray:
    """Sum the votes of the pixels of a cell, one pixel after another."""
    bins = np.zeros(orientations)
    for y in range(top, top + side):
        for x in range(left, left + side):
            right = (int(image[y, x + 1]) - int(image[y, x - 1])) / 2
            up = (int(image[y - 1, x]) - int(image[y + 1, x])) / 2
            position = math.atan2(up, right) % (2 * math.pi) / (2 * math.pi) * orientations
            lower = math.floor(position)
            bins[lower % orientations] += math.hypot(right, up) * (lower + 1 - position)
            bins[(lower + 1) % orientations] += math.hypot(right, up) * (position - lower)
    return bins


@pytest.mark.parametrize(("normalisation", "orientations"), [("patch", 12), ("cell", 8)])
def test_histograms_equal_a_loop_over_pixels(normalisation, orientations):
    image = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    options = DescriptorSettings(
        kind="gradients", scale=10.0, cells=2, cell=6, orientations=orientations, normalisation=normalisation
    )
    found = describe(image[None], POINTS, options, eye_distance=10.0).reshape(16, 2, 2, orientations)
    cells = [[(31.5 - 5.5 + 6 * column, 31.5 - 5.5 + 6 * row) for column in range(2)] for row in range(2)]
    expected = np.array(
        [[histogram(image, int(x), int(y), side=6, orientations=orientations) for x, y in row] for row in cells]
    )
    expected /= expected.sum() if normalisation == "patch" else expected.sum(axis=2, keepdims=True)
    # All five points, and therefore all sixteen, are in the middle of the image.
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-6)


@pytest.mark.parametrize("k", range(12))
def test_a_ramp_votes_for_the_direction_in_which_it_rises(k):
    y, x = np.mgrid[:9, :9]
    angle = 2 * np.pi * k / 12
    ramp = np.round(128 + 12 * (np.cos(angle) * x - np.sin(angle) * y)).astype(np.uint8)
    lower, vote, next_vote = orientation_votes(ramp, 12)
    sums = np.bincount(lower.ravel(), vote.ravel(), 12)
    sums += np.bincount((lower.ravel() + 1) % 12, next_vote.ravel(), 12)
    assert np.argmax(sums) == k
    assert sums[k] > 0.9 * sums.sum()
    assert mirrored_orientations(12)[mirrored_orientations(12)[k]] == k


def test_a_flat_image_has_no_gradients():
    flat = np.full((1, 64, 64), 99, np.uint8)
    for normalisation in ("patch", "cell"):
        found = describe(flat, POINTS, DescriptorSettings(kind="gradients", normalisation=normalisation))
        assert (found == 0).all()


def test_contrast_and_brightness_change_little_or_nothing():
    image = np.random.default_rng(1).integers(0, 100, (1, 64, 64), np.uint8)
    options = DescriptorSettings(kind="gradients", scale=10.0)
    first = describe(image, POINTS, options, eye_distance=10.0)
    second = describe(2 * image + 30, POINTS, options, eye_distance=10.0)
    np.testing.assert_allclose(first, second, atol=1e-7)
