"""TAR@FAR: the most same pairs that a threshold accepts while it lets in no more different ones than allowed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.evaluation.operating_points import true_accept_rates


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 60), st.sampled_from([0.02, 0.1, 0.25, 0.5]))
def test_no_threshold_within_the_allowance_accepts_more(seed: int, same_pairs: int, different_pairs: int, rate: float):
    rng = np.random.default_rng(seed)
    same = np.arange(same_pairs + different_pairs) < same_pairs
    distances = rng.integers(0, 12, len(same)) / 6  # with ties
    points = true_accept_rates(distances, same, (rate,))
    allowed = int(rate * different_pairs + 1e-9)
    if not allowed:
        assert points == ()
        return
    (point,) = points
    assert np.sum(distances[~same] < point.threshold) <= allowed
    assert np.mean(distances[same] < point.threshold) == point.true_accept_rate
    for threshold in np.unique(distances) + 1e-6:
        if np.sum(distances[~same] < threshold) <= allowed:
            assert np.mean(distances[same] < threshold) <= point.true_accept_rate


def test_three_thousand_different_pairs_measure_a_thousandth_and_no_ten_thousandth():
    rng = np.random.default_rng(0)
    same = np.arange(6000) < 3000
    distances = rng.normal(1.0, 0.1, 6000) + 0.5 * ~same
    points = true_accept_rates(distances, same)
    assert [point.false_accept_rate for point in points] == [0.1, 0.01, 0.001]
    assert np.sum(distances[~same] < points[-1].threshold) == 3
    rates = [point.true_accept_rate for point in points]
    assert rates == sorted(rates, reverse=True)
