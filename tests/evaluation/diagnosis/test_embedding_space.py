"""Spectrum, ranks and analysis of variance against known spectra and direct sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f_oneway

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.evaluation.diagnosis.embedding_space import (
    SPECTRUM,
    analysis_of_variance,
    effective_rank,
    embedding_space,
    spectrum,
)


@pytest.mark.parametrize("used", [1, 3, 8])
def test_equal_variance_in_k_dimensions_has_effective_rank_k(used):
    vectors = np.concatenate([np.eye(8)[:used], -np.eye(8)[:used]])
    found = embedding_space(5 * vectors, np.arange(2 * used))
    assert found.effective_rank == pytest.approx(used)
    assert found.participation_ratio == pytest.approx(used)
    np.testing.assert_allclose(found.spectrum[:used], 1 / used)
    assert (found.norm_mean, found.norm_std) == (pytest.approx(5.0), pytest.approx(0.0, abs=1e-9))
    assert found.mean_direction == pytest.approx(0.0, abs=1e-12)


def test_the_effective_rank_of_a_geometric_spectrum_is_that_of_its_entropy():
    shares = np.array([0.5, 0.25, 0.125, 0.125])
    assert effective_rank(shares) == pytest.approx(2**1.75)  # an entropy of 1.75 bits


def test_the_spectrum_is_that_of_the_covariance_matrix_for_few_and_for_many_images():
    rng = np.random.default_rng(0)
    for count in (5, 40):
        vectors = rng.normal(size=(count, 12)) * np.arange(1, 13)
        values = np.linalg.eigvalsh(np.cov(vectors.T))[::-1]
        found = spectrum(vectors)
        size = min(len(found), count - 1)
        np.testing.assert_allclose(found[:size], (values / values.sum())[:size], atol=1e-12)


def test_equal_embeddings_have_no_spectrum_and_rank_1():
    found = embedding_space(np.full((9, 16), 0.3, np.float32), np.arange(9) // 3)
    assert (found.spectrum, found.effective_rank, found.participation_ratio) == ((), 1.0, 1.0)
    assert found.mean_direction == pytest.approx(1.0)
    assert found.between_share <= 1.0


def test_the_spectrum_is_cut_off_but_the_ranks_are_of_all_of_it():
    vectors = np.random.default_rng(1).normal(size=(500, 100))
    found = embedding_space(vectors, np.arange(500))
    assert len(found.spectrum) == SPECTRUM
    assert found.effective_rank > SPECTRUM


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_variance_between_and_within_identities_adds_up_to_the_total(seed, groups):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, groups, 30) * 3
    vectors = rng.normal(size=(30, 4)) + labels[:, None]
    found = analysis_of_variance(vectors, labels)
    total = np.sum((vectors - vectors.mean(axis=0)) ** 2)
    assert found.between + found.within == pytest.approx(total)
    within = sum(np.sum((vectors[labels == i] - vectors[labels == i].mean(axis=0)) ** 2) for i in np.unique(labels))
    assert found.within == pytest.approx(within)


def test_the_mean_squares_give_the_f_statistic_of_scipy():
    rng = np.random.default_rng(3)
    sizes = [2, 5, 7]
    groups = [rng.normal(i, 1.0, size) for i, size in enumerate(sizes)]
    found = analysis_of_variance(np.concatenate(groups)[:, None], np.repeat(np.arange(3), sizes))
    ratio = (found.between / 2) / (found.within / (14 - 3))
    assert ratio == pytest.approx(f_oneway(*groups).statistic)
    size = found.effective_size
    assert size == pytest.approx((14 - (4 + 25 + 49) / 14) / 2)
    assert found.intraclass_correlation == pytest.approx((ratio - 1) / (ratio + size - 1))


def test_random_embeddings_have_the_expected_share_and_no_correlation():
    vectors = np.random.default_rng(0).normal(size=(3000, 20))
    found = embedding_space(vectors, np.arange(3000) // 3)
    assert found.between_share == pytest.approx(found.random_between_share, abs=0.01)
    assert found.random_between_share == pytest.approx(999 / 2999)
    assert found.intraclass_correlation == pytest.approx(0.0, abs=0.02)


def test_identities_that_are_points_explain_all_variance():
    points = np.repeat(np.eye(4), 3, axis=0)
    found = embedding_space(points, np.arange(12) // 3)
    assert (found.between_share, found.intraclass_correlation) == (pytest.approx(1.0), pytest.approx(1.0))


def test_single_images_have_no_intraclass_correlation():
    assert embedding_space(np.eye(4), np.arange(4)).intraclass_correlation is None
    assert embedding_space(np.eye(4), np.zeros(4, int)).intraclass_correlation is None


def test_an_embedding_of_zeros_stays_zero():
    np.testing.assert_array_equal(unit_length(np.array([[0.0, 0.0], [0.0, 2.0]])), [[0, 0], [0, 1]])
