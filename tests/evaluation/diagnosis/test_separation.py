"""d′, overlap and equal error rate against closed forms, numeric integration and scikit-learn."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.metrics import roc_curve

from lfw_jax.evaluation.diagnosis.separation import d_prime, overlap_coefficient, separation
from tests.evaluation.sampled_pairs import labelled_pairs


def gaussian(mean: float, std: float, count: int) -> np.ndarray:
    """Return the quantiles of a Gaussian: a sample without noise."""
    return norm.ppf((np.arange(count) + 0.5) / count, mean, std)


@pytest.mark.parametrize(
    ("same", "different"), [((0.9, 0.2), (1.4, 0.1)), ((1.0, 0.2), (1.1, 0.2)), ((0.2, 0.1), (1.4, 0.1))]
)
def test_the_overlap_of_gaussians_is_the_integral_of_the_smaller_density(same, different):
    expected, _ = quad(lambda x: min(norm.pdf(x, *same), norm.pdf(x, *different)), -1, 3, limit=200)
    found = overlap_coefficient(gaussian(*same, 20_000), gaussian(*different, 20_000))
    assert found == pytest.approx(expected, abs=0.01)


def test_the_overlap_is_1_for_equal_and_0_for_distant_values():
    values = np.linspace(0.5, 1.0, 200)
    assert overlap_coefficient(values, values) == pytest.approx(1.0)
    assert overlap_coefficient(np.full(5, 0.7), np.full(9, 0.7)) == 1.0
    assert overlap_coefficient(values / 10, values + 1) == pytest.approx(0.0, abs=1e-6)
    assert overlap_coefficient(np.zeros(5), np.ones(5)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_separation_does_not_depend_on_the_unit_of_distances(scale):
    near, far = gaussian(0.9, 0.2, 300), gaussian(1.4, 0.1, 500)
    assert d_prime(scale * near, scale * far) == pytest.approx(d_prime(near, far))
    assert overlap_coefficient(scale * near, scale * far) == pytest.approx(overlap_coefficient(near, far), abs=1e-3)


def test_gaussian_distances_of_equal_variance_reach_the_gaussian_accuracy_and_auc():
    near, far = gaussian(0.8, 0.2, 2000), gaussian(1.3, 0.2, 2000)
    distances, same = np.concatenate([near, far]), np.arange(4000) < 2000
    found = separation(distances, same)
    assert found.d_prime == pytest.approx(2.5, rel=5e-3)
    middle = 1.05
    assert found.gaussian_accuracy == pytest.approx(np.mean((distances < middle) == same), abs=2e-3)
    assert found.gaussian_auc == pytest.approx(np.mean(near[:, None] < far), abs=2e-3)
    assert found.equal_error_rate == pytest.approx(1 - statistics.NormalDist().cdf(1.25), abs=2e-3)
    assert found.equal_error_threshold == pytest.approx(middle, abs=2e-3)


def test_d_prime_is_the_textbook_formula():
    near, far = np.array([0.1, 0.3, 0.8]), np.array([0.9, 1.4])
    pooled = math.sqrt((np.mean((near - 0.4) ** 2) + 0.25**2) / 2)
    assert d_prime(near, far) == pytest.approx((1.15 - 0.4) / pooled)
    assert d_prime(far, near) == pytest.approx(-(1.15 - 0.4) / pooled)


def test_equal_distances_have_no_d_prime():
    found = separation(np.full(6, 0.1) + 1e-17, [True, False] * 3)
    assert (found.d_prime, found.gaussian_accuracy, found.gaussian_auc, found.overlap) == (None, None, None, 1.0)
    assert found.equal_error_rate == 0.5


def test_pairs_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="2 same and 0 different"):
        separation(np.array([0.1, 0.2]), np.array([True, True]))


@settings(deadline=None, max_examples=60)
@given(labelled_pairs(both_kinds=True))
def test_the_equal_error_rate_is_where_the_roc_curve_crosses_the_diagonal(pairs):
    distances, same = pairs
    far, tar, _ = roc_curve(same, -distances, drop_intermediate=False)
    expected = np.interp(0.0, far + tar - 1, far) if len(np.unique(far + tar)) == len(far) else None
    found = separation(distances, same)
    if expected is not None:
        assert found.equal_error_rate == pytest.approx(expected, abs=1e-9)
    accepted = distances < found.equal_error_threshold
    gap = abs(np.mean(accepted[~same]) - np.mean(~accepted[same]))
    others = [distances < threshold for threshold in [*np.unique(distances), np.inf]]
    assert gap <= min(abs(np.mean(one[~same]) - np.mean(~one[same])) for one in others) + 1e-12
