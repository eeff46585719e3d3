"""Metrics of weighted pairs equal those of lists in which each pair occurs as often as its weight says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.evaluation import roc, thresholds
from lfw_jax.evaluation.fold_figures import fold_thresholds
from lfw_jax.evaluation.intervals.folds import FoldedPairs
from lfw_jax.evaluation.intervals.weighted_metrics import WeightedPairs, weighted_means
from tests.evaluation.sampled_pairs import labelled_pairs


def repeated(case, weights):
    distances, same = case
    times = weights.astype(int)
    return np.repeat(distances, times), np.repeat(same, times)


def sampled_weights(seed, rows, pairs):
    return np.random.default_rng(seed).integers(0, 4, (rows, pairs)).astype(float)


@pytest.mark.parametrize("rule", thresholds.RULES)
@given(case=labelled_pairs(), seed=st.integers(0, 1000))
def test_the_best_threshold_equals_that_of_the_repeated_list(rule, case, seed):
    weights = sampled_weights(seed, 6, len(case[0]))
    found = WeightedPairs(*case).best(rule, weights)
    for row, threshold in zip(weights, found, strict=True):
        if row.any():
            assert threshold == thresholds.RULES[rule](*repeated(case, row))
        else:
            assert np.isnan(threshold)


@given(case=labelled_pairs(both_kinds=True), seed=st.integers(0, 1000))
def test_the_auc_equals_that_of_the_repeated_list(case, seed):
    weights = sampled_weights(seed, 6, len(case[0]))
    for row, auc in zip(weights, WeightedPairs(*case).auc(weights), strict=True):
        distances, same = repeated(case, row)
        if same.any() and not same.all():
            assert auc == pytest.approx(roc.roc_auc(distances, same), abs=1e-12)
        else:
            assert np.isnan(auc)


def test_some_columns_of_the_weights_belong_to_other_pairs():
    generator = np.random.default_rng(0)
    distances, same = generator.random(20), generator.random(20) < 0.5
    weights, columns = sampled_weights(1, 5, 40), np.arange(1, 40, 2)
    some, alone = WeightedPairs(distances, same, columns), WeightedPairs(distances, same)
    np.testing.assert_array_equal(some.best("accuracy", weights), alone.best("accuracy", weights[:, columns]))
    np.testing.assert_array_equal(some.auc(weights), alone.auc(weights[:, columns]))


def test_folds_choose_their_thresholds_again_in_each_resample():
    generator = np.random.default_rng(3)
    distances, same, folds = generator.random(60), generator.random(60) < 0.5, np.arange(60) % 4
    weights = sampled_weights(2, 8, 60)
    found = FoldedPairs(distances, same, folds).mean_accuracy(weights)
    for row, mean in zip(weights, found, strict=True):
        of_row, times = repeated((distances, same), row), row.astype(int)
        of_folds = np.repeat(folds, times)
        _, accepted = fold_thresholds(*of_row, of_folds, thresholds.best_accuracy)
        right = accepted == of_row[1]
        assert mean == pytest.approx(np.mean([right[of_folds == fold].mean() for fold in range(4)]), abs=1e-12)


def test_a_fold_without_pairs_in_a_resample_does_not_count():
    distances, same, folds = np.array([0.1, 0.9, 0.2, 0.8]), np.array([True, False] * 2), np.array([0, 0, 1, 1])
    weights = np.array([[1.0, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]])
    assert FoldedPairs(distances, same, folds).mean_accuracy(weights).tolist()[:1] == [1.0]
    assert np.isnan(FoldedPairs(distances, same, folds).mean_accuracy(weights)[1:]).all()


def test_weighted_means_are_those_of_a_loop():
    weights, values = sampled_weights(4, 5, 7), np.random.default_rng(5).random((7, 3))
    weights[2] = 0
    found = weighted_means(weights, values)
    for row, means in zip(weights, found, strict=True):
        expected = np.average(values, axis=0, weights=row) if row.any() else np.full(3, np.nan)
        np.testing.assert_allclose(means, expected)
