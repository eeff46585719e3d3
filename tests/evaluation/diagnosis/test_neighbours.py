"""Nearest neighbours and hubness against brute force."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import skew

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.evaluation.diagnosis import neighbours
from lfw_jax.evaluation.diagnosis.neighbours import hubness, nearest_neighbours, own_distances


@pytest.fixture
def unit() -> np.ndarray:
    return unit_length(np.random.default_rng(0).normal(size=(60, 7)))


@pytest.mark.parametrize("entries", [1, 60 * 13, 10**6])
def test_neighbours_are_those_of_brute_force_whatever_the_block(unit, entries, monkeypatch):
    monkeypatch.setattr(neighbours, "_BLOCK_ENTRIES", entries)
    indices, distances = nearest_neighbours(unit, 4)
    others = cdist(unit, unit) + np.diag(np.full(len(unit), np.inf))
    expected = np.argsort(others, axis=1)[:, :4]
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_allclose(distances, np.take_along_axis(others, expected, axis=1), atol=1e-5)


def test_neighbours_must_be_fewer_than_the_images(unit):
    for k in (0, 60):
        with pytest.raises(ValueError, match=f"found {k} neighbours of 60"):
            nearest_neighbours(unit, k)


def test_occurrences_are_counted_one_by_one(unit):
    indices, _ = nearest_neighbours(unit, 5)
    occurrences = [sum(i in row for row in indices.tolist()) for i in range(60)]
    found = hubness(indices)
    assert found.skewness == pytest.approx(skew(occurrences))
    assert (found.k, found.largest) == (5, max(occurrences))
    assert found.orphans == occurrences.count(0) / 60
    assert list(found.counts) == [occurrences.count(n) for n in range(max(occurrences) + 1)]


def test_one_hub_among_images_gives_skewness_and_a_ring_gives_none():
    hub = np.full((100, 1), 0)
    hub[0] = 1
    found = hubness(hub)
    assert (found.largest, found.orphans) == (99, 0.98)
    assert found.skewness is not None
    assert found.skewness > 9
    assert (len(found.counts), found.counts[-1]) == (neighbours.MOST_OCCURRENCES + 1, 1)
    assert hubness((np.arange(10)[:, None] + 1) % 10).skewness is None


def test_the_nearest_own_image_is_found_within_the_identity(unit):
    labels = np.array([0, 1, 0, 2, 1, 1] * 10)
    labels[3::6] = np.arange(10) + 5  # single images
    found = own_distances(unit, labels)
    for i in range(60):
        own = [np.linalg.norm(unit[i] - unit[j]) for j in range(60) if j != i and labels[j] == labels[i]]
        assert found[i] == pytest.approx(min(own, default=np.inf))
