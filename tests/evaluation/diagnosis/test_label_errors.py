"""Planted label errors are found, and correct lists give no more false alarms than stated."""

import numpy as np
import pytest

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.evaluation.diagnosis.label_errors import FALSE_ALARMS, label_errors, suspect_images, suspect_pairs
from lfw_jax.evaluation.diagnosis.neighbours import Neighbours, nearest_neighbours, own_distances
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.scores import ScoredPairs


def pairs_of(rng: np.random.Generator, near: float = 0.6, count: int = 500) -> ScoredPairs:
    same = np.arange(2 * count) < count
    distances = np.where(same, rng.normal(near, 0.12, 2 * count), rng.normal(1.4, 0.12, 2 * count))
    return ScoredPairs("test", distances, same)


def neighbours_of(images: EmbeddedImages) -> Neighbours:
    unit = unit_length(images.embeddings)
    return Neighbours(*nearest_neighbours(unit, 5), own_distances(unit, images.labels()))


def clusters(rng: np.random.Generator) -> EmbeddedImages:
    """Return 8 identities with 6 images each, near their centres."""
    centres = rng.normal(size=(8, 32))
    embeddings = np.repeat(centres, 6, axis=0) + 0.2 * rng.normal(size=(48, 32))
    names = np.repeat([f"person {i}" for i in range(8)], 6)
    return EmbeddedImages("test", embeddings, names, np.tile(np.arange(1, 7), 8))


def test_planted_pairs_are_found_and_named_with_their_labels():
    pairs = pairs_of(np.random.default_rng(0))
    pairs.same[[3, 700]] = ~pairs.same[[3, 700]]
    found = suspect_pairs(pairs)
    assert {(item.pair, item.labelled) for item in found} == {(3, "different"), (700, "same")}
    for item in found:
        assert item.distance == pairs.distances[item.pair]
        assert item.expected <= FALSE_ALARMS


def test_correct_lists_give_no_more_suspects_than_expected():
    rng = np.random.default_rng(1)
    counts = [len(suspect_pairs(pairs_of(rng, near=1.1))) for _ in range(100)]
    assert np.mean(counts) <= 2 * FALSE_ALARMS + 0.1


def test_the_stated_number_of_false_alarms_holds_for_exponential_tails():
    rng = np.random.default_rng(2)
    same = np.arange(2000) < 1000
    counts = []
    for _ in range(150):
        distances = np.where(same, 0.5 + 0.1 * rng.exponential(size=2000), 0.55 - 0.1 * rng.exponential(size=2000))
        counts.append(len(suspect_pairs(ScoredPairs("test", distances, same))))
    assert np.mean(counts) == pytest.approx(2 * FALSE_ALARMS, abs=0.15)


def test_overlapping_or_few_distances_give_no_suspects():
    rng = np.random.default_rng(3)
    assert suspect_pairs(pairs_of(rng, count=40)) == []
    equal = ScoredPairs("test", np.ones(400), np.arange(400) < 200)
    assert suspect_pairs(equal) == []


def test_an_image_under_the_wrong_name_is_found_with_the_right_one():
    images = clusters(np.random.default_rng(4))
    assert suspect_images(images, neighbours_of(images), 1.0) == ([], 0.0)
    images.identities[0], images.numbers[0] = "person 5", 7
    found, chance = suspect_images(images, neighbours_of(images), 1.0)
    assert [(item.identity, item.number, item.neighbour) for item in found] == [("person 5", 7, "person 0")]
    assert found[0].distance < 1.0 < found[0].own_distance
    assert chance == pytest.approx(4 * 3 / (46 * 45))  # its neighbour's identity has four other images among the others


def test_results_are_counted_in_full_and_ordered_by_strength():
    images = clusters(np.random.default_rng(4))
    images.identities[0], images.numbers[0] = "person 5", 7
    pairs = pairs_of(np.random.default_rng(0))
    pairs.same[[3, 4, 700]] = ~pairs.same[[3, 4, 700]]
    found = label_errors(pairs, images, neighbours_of(images), 1.0)
    assert (found.pair_count, found.image_count) == (3, 1)
    assert [item.expected for item in found.pairs] == sorted(item.expected for item in found.pairs)
    bare = label_errors(pairs, None, None, 1.0)
    assert (bare.pair_count, bare.image_count, bare.images, bare.image_false_alarms) == (3, 0, (), 0.0)
