"""Thresholds for a wished false match rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.impostors import ImpostorComparisons, all_impostors
from lfw_jax.evaluation.calibration.operating_threshold import match_rate, operating_threshold, smallest_supported_rate
from lfw_jax.evaluation.embeddings import EmbeddedImages
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
def test_the_threshold_is_the_largest_with_at_most_the_wished_rate(seed: int, rate: float):
    impostors = all_impostors(embedded(6, 3, seed=seed))
    found = operating_threshold(impostors, rate, resamples=10)
    assert found.false_match_rate == np.mean(impostors.distances < found.threshold) <= rate + 1e-12
    above = np.nextafter(found.threshold, np.inf)
    assert np.mean(impostors.distances < above) > rate - 1e-12
    assert match_rate(impostors, found.threshold, resamples=10)[0] == found.false_match_rate


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


def test_a_rate_without_false_match_has_the_upper_end_of_the_rule_of_three():
    impostors = all_impostors(embedded(6, 3))
    assert match_rate(impostors, 0.0) == (0.0, (0.0, 3 / 135))


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
    assert match_rate(impostors, found.threshold, seed=seed, resamples=50)[1] == found.false_match_rate_interval


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
