"""Thresholds from models: equal to scikit-learn's decision boundaries, finite in every case."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from lfw_jax.evaluation.threshold_models import RULES, equal_gaussians, logistic, two_gaussians
from tests.evaluation.sampled_pairs import labelled_pairs


def sampled(seed: int, same: int = 60, different: int = 90, spread: float = 0.2, other: float = 0.15):
    rng = np.random.default_rng(seed)
    distances = np.concatenate([rng.normal(0.9, spread, same), rng.normal(1.35, other, different)])
    return distances, np.arange(same + different) < same


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_the_logistic_threshold_is_that_of_scikit_learn(seed: int):
    distances, same = sampled(seed)
    peer = LogisticRegression(C=1e8, tol=1e-10, max_iter=1000).fit(distances[:, None], same)
    assert logistic(distances, same) == pytest.approx(-peer.intercept_[0] / peer.coef_[0, 0], abs=2e-3)


@given(st.integers(0, 1000))
def test_equal_variances_are_linear_discriminant_analysis(seed: int):
    distances, same = sampled(seed)
    peer = LinearDiscriminantAnalysis(solver="eigen", store_covariance=True).fit(distances[:, None], same)
    assert equal_gaussians(distances, same) == pytest.approx(-peer.intercept_[0] / peer.coef_[0, 0], abs=1e-6)


@given(st.integers(0, 1000), st.sampled_from([0.05, 0.2, 0.5]), st.sampled_from([0.05, 0.2, 0.5]))
def test_both_weighted_densities_are_equal_at_the_crossing(seed: int, spread: float, other: float):
    distances, same = sampled(seed, spread=spread, other=other)
    if distances[same].mean() >= distances[~same].mean():
        return
    threshold = two_gaussians(distances, same)
    laws = [stats.norm(kind.mean(), kind.std()) for kind in (distances[same], distances[~same])]
    counts = same.sum(), (~same).sum()

    def excess(at: float) -> float:
        return float(np.log(counts[0]) + laws[0].logpdf(at) - np.log(counts[1]) - laws[1].logpdf(at))

    if distances.min() < threshold < distances.max():
        assert excess(threshold) == pytest.approx(0, abs=1e-6)
        assert excess(threshold - 1e-4) > 0 > excess(threshold + 1e-4)


def test_gaussian_distances_have_the_same_threshold_by_every_model():
    distances, same = sampled(0, same=20_000, different=20_000, spread=0.15)
    for choose in (logistic, equal_gaussians, two_gaussians):
        assert choose(distances, same) == pytest.approx((0.9 + 1.35) / 2, abs=0.01)


@pytest.mark.parametrize("choose", RULES.values(), ids=RULES)
def test_perfectly_separated_pairs_are_separated(choose):
    distances, same = np.array([0.2, 0.3, 0.4, 1.1, 1.2, 1.5]), np.arange(6) < 3
    assert 0.4 < choose(distances, same) < 1.1


@pytest.mark.parametrize("choose", RULES.values(), ids=RULES)
@given(labelled_pairs(both_kinds=True))
def test_every_rule_is_finite_also_for_ties_and_reversed_kinds(choose, pairs):
    assert np.isfinite(choose(*pairs))


@pytest.mark.parametrize("choose", [logistic, equal_gaussians, two_gaussians])
def test_same_pairs_that_are_farther_are_all_accepted_or_all_rejected(choose):
    distances = np.array([1.3, 1.4, 1.2, 0.4, 0.5])
    same = np.arange(5) < 3
    assert choose(distances, same) > 1.4  # three of five are same pairs
    assert choose(distances, np.array([True, False, False, False, False])) <= distances.min()


@pytest.mark.parametrize("choose", [logistic, equal_gaussians, two_gaussians])
def test_pairs_of_one_kind_are_refused(choose):
    with pytest.raises(ValueError, match="both kinds"):
        choose(np.linspace(0, 1, 4), np.ones(4, bool))
