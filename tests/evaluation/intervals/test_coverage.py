"""Intervals cover the true rate of simulated lists in 95 % of samples, where those of independent pairs do not."""

import dataclasses

import numpy as np
import pytest

from benchmarks.interval_metrics import EFFECT, MEANS, NOISE, metric_coverage, true_metrics
from benchmarks.interval_simulation import METHODS, coverage, settings
from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.evaluation.thresholds import best_accuracy

SETTINGS = {f"{setting.pairs_are} {setting.name} {setting.rate}": setting for setting in settings()}
UNEVEN = [name for name in SETTINGS if "a few identities in many" in name]
RARE = [name for name in SETTINGS if name.endswith(("0.001", "0.01"))]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in UNEVEN + RARE])
def test_adjusted_wilson_covers_95_percent_within_1(name):
    # 10,000 samples: the standard error of the measured coverage is 0.22 %.
    found = coverage(SETTINGS[name], repetitions=10_000, seed=1, bootstraps=False)
    assert 0.94 <= found["adjusted Wilson"][0] <= 0.96
    if "View 1" not in name:  # in View 1 nearly every identity occurs in one pair
        assert found["naive Wilson"][0] < 0.92


@pytest.mark.slow
@pytest.mark.parametrize("name", UNEVEN + RARE)
def test_adjusted_wilson_is_near_95_percent_where_few_identities_or_errors_carry_the_information(name):
    found = coverage(SETTINGS[name], repetitions=5000, seed=1, bootstraps=False)
    assert 0.92 <= found["adjusted Wilson"][0] <= 0.985
    if name in UNEVEN:
        assert found["naive Wilson"][0] < 0.75


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_bootstraps_over_identities_cover_far_more_than_wilson_of_independent_pairs(name):
    setting = SETTINGS[name]
    found = {method: share for method, (share, _) in coverage(setting, repetitions=1000, seed=2).items()}
    if name not in RARE and "View 1" not in name:
        assert (
            min(found["vertex"], found["double or nothing"], found["corrected vertex"]) > found["naive Wilson"] + 0.02
        )
    if setting.pairs_are == "different":
        # Their excess of variance makes them conservative, and the correction removes it.
        assert min(found["vertex"], found["double or nothing"]) > 0.95
        assert found["corrected vertex"] <= found["vertex"]
    if name not in UNEVEN + RARE:
        assert 0.92 <= found["corrected vertex"] <= 0.97


@pytest.mark.slow
def test_intervals_of_auc_and_threshold_cover_where_those_over_pairs_do_not():
    by_pairs, by_identities = (
        metric_coverage(1000, 40, repetitions=300, resamples=300, by_pairs=naive, seed=1) for naive in (True, False)
    )
    assert by_pairs[0] < 0.85
    assert by_identities[0] > by_pairs[0] + 0.05
    assert by_identities[1] > by_pairs[1]


def test_dependent_errors_widen_the_adjusted_interval():
    setting = SETTINGS["same 600 pairs, 10 of each of 60 identities 0.1"]
    found = coverage(setting, repetitions=40, seed=3, bootstraps=False)
    assert set(found) == {"naive Wilson", "adjusted Wilson"}
    assert found["adjusted Wilson"][1] > 1.4 * found["naive Wilson"][1]


def test_with_independent_errors_all_intervals_cover_the_stated_rate():
    independent = dataclasses.replace(SETTINGS["same 200 pairs, 10 of each of 20 identities 0.2"], effect=0.0)
    found = coverage(independent, repetitions=500, seed=4, resamples=300)
    assert set(found) == set(METHODS)
    for method, (share, _) in found.items():
        assert 0.9 <= share <= 1, method


def test_the_true_auc_and_threshold_are_those_of_a_large_sample():
    auc, threshold = true_metrics()
    generator = np.random.default_rng(0)
    same = generator.normal(MEANS["same"], np.hypot(NOISE, EFFECT), 100_000)
    different = generator.normal(MEANS["different"], np.hypot(NOISE, np.sqrt(2) * EFFECT), 100_000)
    distances, labels = np.concatenate([same, different]), np.repeat([True, False], 100_000)
    assert roc_auc(distances, labels) == pytest.approx(auc, abs=0.002)
    assert best_accuracy(distances, labels) == pytest.approx(threshold, abs=0.02)
