"""Thresholds for a target false match rate."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.impostors import ImpostorComparisons, all_impostors, impostors_of
from lfw_jax.evaluation.calibration.operating_threshold import match_rate, operating_threshold, smallest_supported_rate
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.intervals.identity_graph import identity_graph
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.thresholds import wilson_interval
from lfw_jax.evaluation.verification import pair_distances


def embedded(identities: int, images: int, *, dim: int = 8, seed: int = 0) -> EmbeddedImages:
    rng = np.random.default_rng(seed)
    names = np.repeat([f"identity {i}" for i in range(identities)], images)
    numbers = np.tile(np.arange(1, images + 1), identities)
    centres = np.repeat(rng.normal(size=(identities, dim)), images, axis=0)
    return EmbeddedImages("faces", centres + rng.normal(size=centres.shape), names, numbers)


def test_all_impostors_are_the_pairs_of_different_identities_each_once():
    images = embedded(5, 3)
    found = all_impostors(images)
    pairs = [(i, j) for i in range(15) for j in range(i) if images.identities[i] != images.identities[j]]
    expected = pair_distances(images.embeddings, *np.array(pairs).T)
    np.testing.assert_array_equal(found.distances, np.sort(expected))
    assert len(found) == 5 * 4 // 2 * 9
    assert found.identities == 5
    assert (found.first != found.second).all()
    assert (np.bincount(np.concatenate([found.first, found.second])) == 4 * 9).all()


def test_many_images_are_sampled_by_the_seed():
    images = embedded(6, 5)
    some = all_impostors(images, at_most=12, seed=1)
    assert len(some) <= 12 * 11 // 2
    assert set(some.distances) < set(all_impostors(images).distances)
    np.testing.assert_array_equal(some.distances, all_impostors(images, at_most=12, seed=1).distances)


def test_images_of_one_identity_are_refused():
    with pytest.raises(ValueError, match="1 identity, expected at least 2"):
        all_impostors(embedded(1, 4))


@given(st.integers(0, 5), st.floats(0.03, 0.5))
def test_the_threshold_is_the_largest_with_at_most_the_target_rate(seed: int, rate: float):
    impostors = all_impostors(embedded(6, 3, seed=seed))
    found = operating_threshold(impostors, rate, resamples=10)
    assert found.false_match_rate == np.mean(impostors.distances < found.threshold) <= rate + 1e-12
    above = np.nextafter(found.threshold, np.inf)
    assert np.mean(impostors.distances < above) > rate - 1e-12
    assert match_rate(impostors, found.threshold)[0] == found.false_match_rate


def test_rates_below_the_rule_of_three_are_refused():
    impostors = all_impostors(embedded(6, 3))
    assert len(impostors) == 135
    assert smallest_supported_rate(135) == 3 / 135
    assert operating_threshold(impostors, 3 / 135, resamples=10).false_match_rate == 3 / 135
    with pytest.raises(UserError, match=r"135 comparisons of 6 identities, which support rates of 0\.022 and above"):
        operating_threshold(impostors, 0.02)
    for rate in (0.0, 1.0):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            operating_threshold(impostors, rate)


def test_a_rate_without_false_match_is_bounded_by_the_identities_and_not_by_the_comparisons():
    few, many = all_impostors(embedded(6, 3)), all_impostors(embedded(6, 10))
    (rate, (low, high)), (_, (_, of_many)) = match_rate(few, 0.0), match_rate(many, 0.0)
    assert (rate, low) == (0.0, 0.0)
    assert high > 10 * 3 / len(few)
    assert of_many == pytest.approx(high)  # more images of the same identities are no more identities


def test_the_rate_of_impostors_has_the_interval_of_their_identities():
    impostors = all_impostors(embedded(12, 3))
    threshold = float(impostors.distances[40])
    graph = identity_graph(np.stack([impostors.first, impostors.second], axis=1))
    expected = rate_interval(impostors.distances < threshold, graph)
    rate, ends = match_rate(impostors, threshold)
    assert rate == 40 / len(impostors)
    assert ends == pytest.approx(expected.ends)


def test_a_list_that_names_no_identities_has_its_listed_impostors_only():
    images = embedded(8, 2)
    first, second = np.arange(0, 16, 2), np.roll(np.arange(1, 17, 2), 1)
    distances = np.append(pair_distances(images.embeddings, first, second), 0.1)
    identities = np.stack([images.identities[np.append(first, 0)], images.identities[np.append(second, 1)]], axis=1)
    pairs = ScoredPairs("list", distances, np.arange(9) == 8, identities)
    assert len(impostors_of(pairs, images)) == 8 * 7 // 2 * 4
    found = impostors_of(dataclasses.replace(pairs, named=False), images)
    np.testing.assert_array_equal(found.distances, np.sort(distances[:8]))
    low, high = match_rate(found, float(found.distances[2]))[1]
    assert (low, high) == pytest.approx(wilson_interval(2, 8))


def test_the_bootstrap_equals_one_that_lists_every_resampled_comparison():
    impostors, rate, seed = all_impostors(embedded(7, 2)), 0.1, 3
    found = operating_threshold(impostors, rate, seed=seed, resamples=50)
    weights = np.random.default_rng(seed).multinomial(7, np.full(7, 1 / 7), size=50)
    thresholds, rates = [], []
    for counts in weights:
        repeated = np.repeat(impostors.distances, counts[impostors.first] * counts[impostors.second])
        allowed = int(rate * len(repeated) + 1e-9)
        thresholds.append(repeated[allowed])
        rates.append(np.mean(repeated < found.threshold))
    for interval, values in ((found.threshold_interval, thresholds), (found.false_match_rate_interval, rates)):
        assert interval == pytest.approx(np.percentile(values, (2.5, 97.5), method="inverted_cdf"))


def test_dependent_comparisons_have_a_wider_interval_than_independent_ones():
    rng = np.random.default_rng(0)
    first, second = np.triu_indices(40, k=1)
    order = np.argsort(distances := rng.normal(size=len(first)))
    independent = ImpostorComparisons(distances[order], first[order], second[order], 40)
    shared = rng.normal(size=40)
    order = np.argsort(distances := shared[first] + shared[second])
    dependent = ImpostorComparisons(distances[order], first[order], second[order], 40)
    widths = []
    for one in (independent, dependent):
        low, high = operating_threshold(one, 0.1).false_match_rate_interval
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]
