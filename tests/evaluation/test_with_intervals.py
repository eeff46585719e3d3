"""Intervals of an evaluated list: each from the pairs it belongs to."""

import dataclasses

import numpy as np
import pytest

from lfw_jax.evaluation.intervals.identity_graph import identity_graph
from lfw_jax.evaluation.intervals.interval import (
    PAIR_BOOTSTRAP,
    VERTEX_BOOTSTRAP,
    WILSON_BY_IDENTITIES,
    WILSON_INDEPENDENT,
)
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify, verify_folds, with_held_out_threshold
from lfw_jax.evaluation.with_intervals import affordable_resamples, with_intervals
from lfw_jax.typed_json import from_json, to_json


def sampled(seed, name, *, pairs=400, identities=60, folds=None):
    generator = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    chosen = generator.integers(0, identities, (pairs, 2))
    chosen[:, 1] = np.where(same, chosen[:, 0], (chosen[:, 0] + generator.integers(1, identities, pairs)) % identities)
    effects = 0.1 * generator.standard_normal(identities)
    distances = np.where(same, 0.9, 1.3) + effects[chosen].mean(axis=1) + 0.15 * generator.standard_normal(pairs)
    return ScoredPairs(name, distances, same, chosen, folds=folds)


TEST, DEVELOPMENT = sampled(0, "test"), sampled(1, "development", identities=30)
RESULT = verify(TEST, DEVELOPMENT)


def test_every_metric_of_a_list_gets_an_interval_that_contains_it():
    held_out = sampled(2, "held out", pairs=60, identities=8)
    metrics = with_intervals(
        with_held_out_threshold(RESULT, held_out), development=DEVELOPMENT, held_out=held_out, resamples=200
    ).metrics
    assert metrics.held_out_threshold is not None
    assert metrics.auc_interval is not None
    assert metrics.auc_interval.low < metrics.auc < metrics.auc_interval.high
    for one in (*metrics.thresholds, metrics.held_out_threshold):
        assert one.intervals is not None
        for name in ("accuracy", "false_accept_rate", "false_reject_rate", "threshold"):
            interval = getattr(one.intervals, name)
            assert interval.low < getattr(one, name) < interval.high
            assert interval.level == 0.95
            assert interval.method == (VERTEX_BOOTSTRAP if name == "threshold" else WILSON_BY_IDENTITIES)
    widths = [
        one.intervals.threshold.high - one.intervals.threshold.low
        for one in (metrics.thresholds[0], metrics.held_out_threshold)
        if one.intervals
    ]
    assert widths[1] > widths[0], "a threshold chosen on few identities is less certain"


def test_rates_count_the_pairs_of_their_kind():
    one = with_intervals(RESULT, development=DEVELOPMENT, resamples=10).metrics.by_rule("accuracy")
    accepted = TEST.distances < one.threshold
    assert one.intervals is not None
    graph = identity_graph(TEST.identities[~TEST.same]) if TEST.identities is not None else None
    assert graph is not None
    expected = rate_interval(accepted[~TEST.same], graph)
    assert one.intervals.false_accept_rate.ends == pytest.approx(expected.ends)
    assert one.intervals.accuracy.low < one.accuracy_interval[0]


def test_folds_get_the_interval_of_their_mean_and_decide_by_their_own_thresholds():
    test = dataclasses.replace(TEST, folds=np.arange(400) // 40)
    found = with_intervals(verify_folds(test), resamples=200).metrics
    assert found.folds is not None
    assert found.folds.mean_interval is not None
    assert found.folds.mean_interval.low < found.folds.mean < found.folds.mean_interval.high
    one = found.by_rule("accuracy")
    assert one.intervals is not None
    assert one.intervals.accuracy.low < one.accuracy < one.intervals.accuracy.high
    assert one.intervals.threshold.low <= one.threshold <= one.intervals.threshold.high


@pytest.mark.parametrize("unknown", [{"identities": None}, {"named": False}])
def test_without_identities_the_intervals_say_that_they_treat_pairs_as_independent(unknown: dict):
    test, development = (dataclasses.replace(pairs, **unknown) for pairs in (TEST, DEVELOPMENT))
    metrics = with_intervals(verify(test, development), development=development, resamples=50).metrics
    one = metrics.by_rule("accuracy")
    assert one.intervals is not None
    assert metrics.auc_interval is not None
    assert one.intervals.accuracy.ends == pytest.approx(one.accuracy_interval)
    assert one.intervals.accuracy.method == WILSON_INDEPENDENT
    assert {one.intervals.threshold.method, metrics.auc_interval.method} == {PAIR_BOOTSTRAP}


def test_all_else_stays_and_equal_seeds_give_equal_intervals():
    found = with_intervals(RESULT, development=DEVELOPMENT, resamples=50)
    assert found.metrics == with_intervals(RESULT, development=DEVELOPMENT, resamples=50).metrics
    assert found.metrics != with_intervals(RESULT, development=DEVELOPMENT, resamples=50, seed=1).metrics
    without = dataclasses.replace(
        found.metrics,
        auc_interval=None,
        thresholds=tuple(dataclasses.replace(one, intervals=None) for one in found.metrics.thresholds),
    )
    assert without == RESULT.metrics


def test_intervals_survive_json_and_files_without_them_stay_valid():
    for metrics in (RESULT.metrics, with_intervals(RESULT, development=DEVELOPMENT, resamples=20).metrics):
        assert from_json(ListResult, to_json(metrics), source="metrics.json", remedy="") == metrics
    assert "auc_interval" not in to_json(RESULT.metrics)


def test_a_perfect_list_has_intervals():
    same = np.arange(40) % 2 == 0
    pairs = ScoredPairs("test", np.where(same, 0.5, 1.5), same, np.stack([np.arange(40) // 2] * 2, axis=1))
    development = dataclasses.replace(pairs, name="development", distances=pairs.distances + 0.1)
    metrics = with_intervals(verify(pairs, development), development=development, resamples=50).metrics
    intervals = metrics.by_rule("accuracy").intervals
    assert intervals is not None
    assert metrics.auc == 1.0
    assert metrics.auc_interval is None  # all resamples agree, and an interval from 1 to 1 would claim certainty
    assert (intervals.accuracy.high, intervals.false_accept_rate.low) == (1.0, 0.0)
    assert 0.6 < intervals.accuracy.low < 1


def test_what_thresholds_were_chosen_on_is_required():
    with pytest.raises(ValueError, match="development pairs or folds"):
        with_intervals(RESULT)
    held_out = with_held_out_threshold(RESULT, sampled(2, "held out"))
    with pytest.raises(ValueError, match="held-out identities, found none"):
        with_intervals(held_out, development=DEVELOPMENT, resamples=5)


def test_intervals_stay_within_the_range_of_their_metrics():
    few = np.repeat([True, False], [2, 4])
    identities = np.array([["a", "a"], ["b", "b"], *[["a", "b"]] * 4])
    development = ScoredPairs("two identities", np.array([0.2, 1.1, 0.9, 1.2, 1.3, 1.4]), few, identities)
    rng = np.random.default_rng(0)
    labelled = rng.random(120) < 0.5
    names = rng.integers(0, 12, (120, 2))
    names[labelled, 1] = names[labelled, 0]
    pairs = ScoredPairs("test", np.where(labelled, 0.5, 1.0) + 0.2 * rng.normal(size=120), labelled, names)
    metrics = with_intervals(verify(pairs, development), development=development, resamples=300).metrics
    one = metrics.by_rule("accuracy").intervals
    assert one is not None
    assert metrics.auc_interval is not None
    assert one.threshold.low >= 0
    assert metrics.auc < metrics.auc_interval.high <= 1


def test_long_lists_have_fewer_resamples_but_never_too_few():
    expected = {6_000: 1000, 100_000: 1000, 250_000: 400, 1_000_000: 200, 15_000_000: 200}
    assert {pairs: affordable_resamples(1000, pairs) for pairs in expected} == expected
    assert affordable_resamples(50, 1_000_000) == 50
