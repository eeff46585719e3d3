"""Log-likelihood ratios from distances, and their cost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression
from sklearn.isotonic import IsotonicRegression

from lfw_jax.evaluation.calibration.cllr import cllr, min_cllr
from lfw_jax.evaluation.calibration.likelihood_ratio import fit_isotonic, fit_logistic, probability
from lfw_jax.evaluation.calibration.pav import pooled_blocks
from tests.evaluation.sampled_pairs import labelled_pairs

_KINDS = (1.0, 2.0)  # of distances: means of same and of different pairs, deviation 0.3


def gaussian_pairs(same: int, different: int, *, seed: int = 0, deviation: float = 0.3):
    rng = np.random.default_rng(seed)
    distances = np.concatenate([rng.normal(_KINDS[0], deviation, same), rng.normal(_KINDS[1], deviation, different)])
    return distances, np.arange(same + different) < same


def true_ratio(distances: np.ndarray, deviation: float = 0.3) -> np.ndarray:
    """Return the log-likelihood ratio of two normal densities of equal deviation."""
    near, far = _KINDS
    return ((distances - far) ** 2 - (distances - near) ** 2) / (2 * deviation**2)


def test_cllr_of_true_gaussian_ratios_is_the_numerical_integral():
    deviation = 0.6
    grid = np.linspace(-6, 9, 200_001)
    density = np.exp(-((grid - _KINDS[0]) ** 2) / (2 * deviation**2)) / np.sqrt(2 * np.pi * deviation**2)
    # The two kinds are mirror images, so both costs are equal.
    expected = np.trapezoid(density * np.log2(1 + np.exp(-true_ratio(grid, deviation))), grid)
    distances, same = gaussian_pairs(100_000, 100_000, deviation=deviation)
    assert cllr(true_ratio(distances, deviation), same) == pytest.approx(expected, abs=0.004)
    assert min_cllr(distances, same) == pytest.approx(expected, abs=0.005)


def test_cllr_has_the_values_of_its_definition():
    assert cllr(np.zeros(5), np.array([1, 0, 0, 1, 0], bool)) == pytest.approx(1.0)
    by_hand = (np.log2(1 + 1 / 2) + np.log2(1 + 2.0) + np.log2(1 + 3.0)) / 4  # ratios 2 and 1/2 of same, 3 of different
    assert cllr(np.log([2.0, 0.5, 3.0]), np.array([True, True, False])) == pytest.approx(
        0.5 * (np.log2(1 + 1 / 2) + np.log2(1 + 2.0)) / 2 + 0.5 * np.log2(1 + 3.0)
    )
    assert by_hand != pytest.approx(cllr(np.log([2.0, 0.5, 3.0]), np.array([True, True, False])))  # kinds weigh equally
    assert cllr(np.array([800.0, -800.0]), np.array([True, False])) == pytest.approx(0.0)
    assert cllr(np.array([-800.0, 800.0]), np.array([True, False])) == pytest.approx(800 / np.log(2))


@settings(max_examples=40)
@given(labelled_pairs(both_kinds=True), st.floats(-5, 5), st.floats(-20, 0))
def test_no_decreasing_map_costs_less_than_the_minimum(pairs, offset: float, slope: float):
    distances, same = pairs
    least = min_cllr(distances, same)
    assert 0 <= least <= 1 + 1e-12
    assert least <= cllr(offset + slope * distances, same) + 1e-9
    assert least <= cllr(fit_isotonic(distances, same).log_likelihood_ratio(distances), same) + 1e-9
    assert least <= cllr(fit_logistic(distances, same).log_likelihood_ratio(distances), same) + 1e-9


@given(labelled_pairs(both_kinds=True))
def test_the_minimum_depends_on_the_order_of_distances_alone(pairs):
    distances, same = pairs
    ranks = np.unique(distances, return_inverse=True)[1]
    assert min_cllr(np.exp(ranks / 3.0), same) == pytest.approx(min_cllr(distances, same), abs=1e-12)
    assert min_cllr(np.concatenate([distances, distances]), np.concatenate([same, same])) == pytest.approx(
        min_cllr(distances, same), abs=1e-12
    )


@given(labelled_pairs())
def test_blocks_are_those_of_isotonic_regression(pairs):
    distances, same = pairs
    blocks = pooled_blocks(distances, same)
    values, index = np.unique(distances, return_inverse=True)
    totals = np.bincount(index)
    fitted = isotonic_regression(np.bincount(index, same) / totals, weights=totals, increasing=False).x
    shares = blocks.same / (blocks.same + blocks.different)
    np.testing.assert_allclose(shares[np.searchsorted(blocks.farthest, values)], fitted, atol=1e-9)
    assert (np.diff(shares) < 0).all()
    assert (blocks.same.sum(), blocks.different.sum()) == (same.sum(), (~same).sum())
    assert (blocks.nearest <= blocks.farthest).all()
    assert (blocks.farthest[:-1] < blocks.nearest[1:]).all()


def test_distances_far_apart_have_the_blocks_of_scikit_learn():
    rng = np.random.default_rng(0)
    distances, same = rng.integers(0, 40, 500) / 20, rng.uniform(size=500) < 0.5
    blocks = pooled_blocks(distances, same)
    fitted = IsotonicRegression(increasing=False).fit_transform(distances, same.astype(float))
    shares = blocks.same / (blocks.same + blocks.different)
    np.testing.assert_allclose(shares[np.searchsorted(blocks.farthest, distances)], fitted)


@pytest.mark.parametrize(("same", "different"), [(4000, 4000), (500, 8000), (8000, 500)])
def test_logistic_ratios_are_the_true_ones_whatever_the_share_of_same_pairs(same: int, different: int):
    distances, labels = gaussian_pairs(same, different, deviation=0.5)
    fitted = fit_logistic(distances, labels)
    slope = -(_KINDS[1] - _KINDS[0]) / 0.5**2
    assert fitted.slope == pytest.approx(slope, rel=0.12)
    assert -fitted.offset / fitted.slope == pytest.approx(1.5, abs=0.03)  # even odds halfway between the means


@settings(max_examples=40)
@given(labelled_pairs(both_kinds=True))
def test_the_logistic_fit_is_a_minimum_of_cllr_or_says_why_not(pairs):
    distances, same = pairs
    fitted = fit_logistic(distances, same)
    if fitted.separable or fitted.slope == 0:
        return
    best = cllr(fitted.log_likelihood_ratio(distances), same)
    for slope, offset in ((1.001, 0.0), (0.999, 0.0), (1.0, 0.01), (1.0, -0.01)):
        other = fitted.offset + offset + fitted.slope * slope * distances
        assert best <= cllr(other, same) + 1e-9


@settings(max_examples=40)
@given(labelled_pairs(both_kinds=True), st.floats(0.1, 10), st.floats(-5, 5))
def test_ratios_do_not_depend_on_the_unit_of_distances(pairs, scale: float, shift: float):
    distances, same = pairs
    before = fit_logistic(distances, same).log_likelihood_ratio(distances)
    changed = scale * distances + shift
    if fit_logistic(distances, same).separable != fit_logistic(changed, same).separable:
        return  # neighbouring floats were rounded to one
    after = fit_logistic(changed, same).log_likelihood_ratio(changed)
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-4)


@settings(max_examples=40)
@given(labelled_pairs(both_kinds=True), st.floats(-10, 10))
def test_both_maps_are_finite_and_decrease(pairs, beyond: float):
    distances, same = pairs
    grid = np.sort(np.append(np.linspace(-3, 5, 50), beyond))
    for fit in (fit_logistic, fit_isotonic):
        ratios = fit(distances, same).log_likelihood_ratio(grid)
        assert np.isfinite(ratios).all()
        assert (np.diff(ratios) <= 1e-12).all()


def test_separated_pairs_have_finite_ratios_of_the_right_sign():
    distances, same = np.array([0.1, 0.2, 0.3, 1.0, 1.1]), np.array([1, 1, 1, 0, 0], bool)
    fitted = fit_logistic(distances, same)
    assert fitted.separable
    assert ((fitted.log_likelihood_ratio(distances) > 0) == same).all()
    # Laplace's rule: the ends are shares of (n + 1) / (n + 2) and 1 / (n + 2), at the prior 5 : 4 that is removed.
    ratios = fit_isotonic(distances, same).log_likelihood_ratio(distances)
    np.testing.assert_allclose(ratios, [np.log(4 / 1 * 4 / 5)] * 3 + [np.log(1 / 3 * 4 / 5)] * 2)


@pytest.mark.parametrize(
    "distances", [np.full(6, 1.3), np.array([2.0, 1.9, 2.1, 1.0, 0.9, 1.1])], ids=["collapsed", "reversed"]
)
def test_distances_without_evidence_have_the_ratio_zero(distances: np.ndarray):
    same = np.array([1, 1, 1, 0, 0, 0], bool)
    for fit in (fit_logistic, fit_isotonic):
        np.testing.assert_allclose(fit(distances, same).log_likelihood_ratio(distances), 0.0, atol=1e-12)


def test_probabilities_follow_bayes_rule():
    assert probability(np.log([3.0]), 0.5)[0] == pytest.approx(3 / 4)
    assert probability(np.log([3.0]), 0.1)[0] == pytest.approx(0.1 * 3 / (0.1 * 3 + 0.9))
    np.testing.assert_array_equal(probability(np.array([-1e4, 1e4])), [0.0, 1.0])
    for prior in (0.0, 1.0):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            probability(np.zeros(1), prior)


@pytest.mark.parametrize("measure", [fit_logistic, fit_isotonic, cllr, min_cllr])
@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_one_kind_are_refused(measure, same: bool):
    with pytest.raises(ValueError, match="pairs of both kinds"):
        measure(np.array([0.5, 1.0]), np.array([same, same]))
