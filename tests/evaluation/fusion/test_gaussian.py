"""Correlations of members and the Gaussian yardstick: closed forms, Fisher's discriminant of scikit-learn, limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from lfw_jax.evaluation.diagnosis.separation import d_prime
from lfw_jax.evaluation.fusion.gaussian import GaussianMembers, correlations
from tests.evaluation.fusion.sampled_members import correlated, gaussian_distances

separations = st.floats(0.1, 4)
some_members = st.lists(separations, min_size=1, max_size=5)


def separated(distances: np.ndarray, same: np.ndarray) -> float:
    found = d_prime(distances[same], distances[~same])
    assert found is not None
    return found


def gaussian_of(d_primes: list[float], matrix: np.ndarray) -> GaussianMembers:
    return GaussianMembers.of(*gaussian_distances(d_primes, matrix))


@given(separations, st.floats(-0.9, 0.99))
def test_two_equal_members_fuse_by_the_closed_form(d: float, correlation: float):
    found = gaussian_of([d, d], correlated(2, correlation)).fusion()
    assert found is not None
    assert found.d_prime == pytest.approx(d * math.sqrt(2 / (1 + correlation)))
    assert found.auc == pytest.approx(norm.cdf(found.d_prime / math.sqrt(2)))
    assert found.accuracy == pytest.approx(norm.cdf(found.d_prime / 2))


@given(some_members)
def test_independent_members_add_their_squares(d_primes: list[float]):
    members = gaussian_of(d_primes, np.eye(len(d_primes)))
    assert members.d_prime(range(len(d_primes))) == pytest.approx(math.hypot(*d_primes))
    pairs = members.of_pairs()
    for first, second in np.ndindex(len(d_primes), len(d_primes)):
        expected = math.hypot(d_primes[first], d_primes[second]) if first != second else d_primes[first]
        assert pairs[first][second] == pytest.approx(expected)


@settings(max_examples=30)
@given(st.lists(separations, min_size=2, max_size=5), st.floats(0, 0.9), st.integers(0, 1000))
def test_no_linear_fusion_beats_the_yardstick_and_fishers_discriminant_reaches_it(
    d_primes: list[float], correlation: float, seed: int
):
    rng = np.random.default_rng(seed)
    distances, same = gaussian_distances(d_primes, correlated(len(d_primes), correlation), seed=seed, exact=False)
    distances = rng.uniform(0.1, 10, (len(d_primes), 1)) * distances + rng.normal(size=(len(d_primes), 1))
    yardstick = GaussianMembers.of(distances, same).d_prime(range(len(d_primes)))
    assert yardstick is not None
    discriminant = LinearDiscriminantAnalysis(solver="lsqr").fit(distances.T, ~same)
    assert separated(discriminant.coef_[0] @ distances, same) == pytest.approx(yardstick)
    scale = distances.std(axis=1)
    for weights in rng.normal(size=(50, len(d_primes))) / scale:
        assert separated(weights @ distances, same) <= yardstick + 1e-9


def test_the_auc_of_the_yardstick_is_that_of_a_large_sample_even_with_unequal_covariances():
    rng = np.random.default_rng(0)
    same = np.arange(20_000) % 2 == 0
    of_same, of_different = np.array([[1.0, 0.3], [0.3, 0.5]]), np.array([[2.0, 0.9], [0.9, 1.0]])
    distances = np.where(
        same,
        np.linalg.cholesky(of_same) @ rng.normal(size=(2, len(same))),
        np.linalg.cholesky(of_different) @ rng.normal(size=(2, len(same))) + [[2.0], [1.0]],
    )
    found = GaussianMembers.of(distances, same).fusion()
    assert found is not None
    best = max(
        roc_auc_score(~same, math.cos(angle) * distances[0] + math.sin(angle) * distances[1])
        for angle in np.linspace(0, math.pi / 2, 16)
    )
    assert found.auc == pytest.approx(best, abs=0.004)


@given(some_members, st.integers(0, 100))
def test_a_copy_of_a_member_adds_nothing(d_primes: list[float], seed: int):
    distances, same = gaussian_distances(d_primes, np.eye(len(d_primes)), seed=seed)
    copies = np.concatenate([distances, 3 - 2 * distances[:1]])
    alone = GaussianMembers.of(distances, same).d_prime(range(len(distances)))
    assert GaussianMembers.of(copies, same).d_prime(range(len(copies))) == pytest.approx(alone)


def test_a_noisy_copy_of_a_member_hardly_moves_the_yardstick_of_a_sample():
    # The second member is 0.8 times the first, with noise. Figures of docs/evaluation/members.md.
    gains = []
    for seed in range(100):
        distances, same = gaussian_distances([3.0, 2.4], correlated(2, 0.8), pairs=1000, seed=seed, exact=False)
        members = GaussianMembers.of(distances, same)
        gains.append((members.d_prime([0, 1]) or 0) - (members.d_prime([0]) or 0))
    assert min(gains) >= -1e-9
    assert np.quantile(gains, 0.95) < 0.01


def test_the_yardstick_of_a_sample_of_five_members_is_too_good_by_a_hundredth():
    matrix = correlated(5, 0.5)
    each = 3 / math.sqrt(np.linalg.inv(matrix).sum())
    found = [
        GaussianMembers.of(*gaussian_distances([each] * 5, matrix, pairs=1000, seed=seed, exact=False)).d_prime(
            range(5)
        )
        for seed in range(200)
    ]
    excess = np.asarray(found, float) - 3
    assert 0 < excess.mean() < 0.03  # 0.01 ± 0.007


def test_a_member_that_does_not_vary_is_left_out():
    distances, same = gaussian_distances([1.0, 2.0], np.eye(2))
    distances = np.concatenate([distances, np.full((1, len(same)), 0.7)])
    members = GaussianMembers.of(distances, same)
    assert members.d_prime([0, 1, 2]) == pytest.approx(math.sqrt(5))
    assert members.d_prime([2]) is None
    assert members.of_pairs()[2] == (pytest.approx(1.0), pytest.approx(2.0), None)
    assert GaussianMembers.of(distances[2:], same).fusion() is None
    assert correlations(distances)[2] == (None, None, None)


@given(st.integers(2, 5), st.floats(0, 0.95), st.integers(0, 100))
def test_correlations_are_those_of_numpy_whatever_the_scale(members: int, correlation: float, seed: int):
    distances, same = gaussian_distances([1.0] * members, correlated(members, correlation), seed=seed, exact=False)
    scales = np.random.default_rng(seed).uniform(0.01, 100, (members, 1))
    for kind in (same, ~same):
        found = np.asarray(correlations(scales * distances[:, kind] + 5))
        np.testing.assert_allclose(found, np.corrcoef(distances[:, kind]), atol=1e-9)
        assert np.all(np.diag(found) == 1)
        np.testing.assert_array_equal(found, found.T)


def test_a_member_that_is_worse_than_chance_counts_by_the_size_of_its_separation():
    members = gaussian_of([2.0, -1.0], np.eye(2))
    assert members.of_pairs()[1][1] == pytest.approx(1.0)
    assert members.d_prime([0, 1]) == pytest.approx(math.sqrt(5))
