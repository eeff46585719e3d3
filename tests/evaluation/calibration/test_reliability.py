"""Reliability bins and the calibration error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.evaluation.calibration.reliability import expected_calibration_error, reliability_bins
from tests.evaluation.sampled_pairs import labelled_pairs


def test_the_calibration_error_is_the_one_computed_by_hand():
    probabilities = np.array([0.1, 0.9, 0.2, 0.8, 0.3, 0.7])
    same = np.array([0, 1, 1, 1, 0, 0], bool)
    bins = reliability_bins(probabilities, same, bins=3)
    assert [one.pairs for one in bins] == [2, 2, 2]
    assert [one.mean_probability for one in bins] == pytest.approx([0.15, 0.5, 0.85])
    assert [one.same_share for one in bins] == [0.5, 0.0, 1.0]
    assert expected_calibration_error(bins) == pytest.approx((0.35 + 0.5 + 0.15) / 3)


@given(labelled_pairs(elements=st.sampled_from([0.0, 0.2, 0.5, 0.50001, 1.0])), st.integers(1, 12))
def test_bins_cover_every_pair_once_and_never_divide_equal_probabilities(pairs, count: int):
    probabilities, same = pairs
    bins = reliability_bins(probabilities, same, count)
    assert 1 <= len(bins) <= count
    assert sum(one.pairs for one in bins) == len(same)
    assert sum(one.pairs * one.same_share for one in bins) == pytest.approx(same.sum())
    assert sum(one.pairs * one.mean_probability for one in bins) == pytest.approx(probabilities.sum())
    means = [one.mean_probability for one in bins]
    assert means == sorted(means)
    assert len(bins) <= len(np.unique(probabilities))


@given(labelled_pairs(elements=st.floats(0, 1)))
def test_order_of_the_pairs_does_not_matter(pairs):
    probabilities, same = pairs
    order = np.random.default_rng(0).permutation(len(same))
    one, other = (expected_calibration_error(reliability_bins(probabilities[i], same[i])) for i in (slice(None), order))
    assert one == pytest.approx(other)


def test_true_probabilities_have_a_small_error_and_wrong_ones_a_large_one():
    rng = np.random.default_rng(0)
    probabilities = rng.uniform(size=50_000)
    same = rng.uniform(size=50_000) < probabilities
    assert expected_calibration_error(reliability_bins(probabilities, same)) < 0.01
    assert expected_calibration_error(reliability_bins(1 - probabilities, same)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("probabilities", "bins"), [([0.5, 1.1], 2), ([-0.1, 0.5], 2), ([0.5, 0.6], 0)])
def test_what_is_no_probability_or_no_bin_is_refused(probabilities: list[float], bins: int):
    with pytest.raises(ValueError, match="expected at least one bin"):
        reliability_bins(np.array(probabilities), np.array([True, False]), bins)
