"""Percentile intervals of the bootstrap: against a loop, and against the variance that they estimate."""

import numpy as np
import pytest

from lfw_jax.evaluation.intervals.bootstrap import edge_weights, identity_weights
from lfw_jax.evaluation.intervals.dependence import shared_products
from lfw_jax.evaluation.intervals.identity_graph import identity_graph, unknown_identities
from lfw_jax.evaluation.intervals.interval import PAIR_BOOTSTRAP, VERTEX_BOOTSTRAP
from lfw_jax.evaluation.intervals.percentiles import bootstrap_intervals, percentiles
from lfw_jax.evaluation.intervals.weighted_metrics import WeightedPairs, weighted_means
from lfw_jax.evaluation.thresholds import wilson_interval


def rate(values):
    return lambda weights: weighted_means(weights, values[:, None])


@pytest.mark.parametrize("kind", ["vertex", "double_or_nothing"])
def test_mean_and_variance_equal_those_of_a_loop_over_resampled_identities(kind):
    generator = np.random.default_rng(0)
    identities, values = generator.integers(0, 25, (80, 2)), generator.random(80)
    blocks = identity_weights(identity_graph(identities), resamples=8000, kind=kind, seed=1)
    found = np.concatenate([rate(values)(weights) for weights in blocks])[:, 0]
    names = np.unique(identities)
    looped = []
    for _ in range(3000):
        if kind == "vertex":
            chosen = generator.choice(names, len(names)).tolist()
            times = {name: chosen.count(name) for name in names}
        else:
            times = {name: 2 * int(generator.integers(2)) for name in names}
        weights = [times[i] if i == j else times[i] * times[j] for i, j in identities]
        if any(weights):
            looped.append(np.average(values, weights=weights))
    assert np.nanmean(found) == pytest.approx(np.mean(looped), abs=4 * np.std(looped) / np.sqrt(3000))
    assert np.nanvar(found) == pytest.approx(np.var(looped), rel=0.12)


def test_corrected_deviations_have_the_variance_of_pairs_that_share_identities():
    # Sparse: most identities in one or two pairs, where the bootstrap alone is up to three times too variable.
    generator = np.random.default_rng(2)
    identities = generator.integers(0, 1500, (1200, 2))
    graph, errors = identity_graph(identities), (generator.random(1200) < 0.3).astype(float)
    residuals = errors - errors.mean()
    deviation = np.sqrt(np.sum(residuals**2) + shared_products(residuals, graph)) / 1200
    (found,) = bootstrap_intervals(rate(errors), graph, [errors.mean()], resamples=4000)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(deviation, rel=0.1)
    alone = np.concatenate([rate(errors)(weights) for weights in identity_weights(graph, resamples=2000)])
    assert np.nanstd(alone) > 1.4 * deviation
    of_edges = np.concatenate([rate(errors)(weights) for weights in edge_weights(graph, resamples=4000)])
    assert np.std(of_edges) == pytest.approx(np.sqrt(np.sum(residuals**2)) / 1200, rel=0.1)


def test_unknown_identities_give_the_bootstrap_over_pairs_and_say_so():
    errors = np.arange(500) % 5 == 0
    (found,) = bootstrap_intervals(rate(errors), unknown_identities(500), [0.2], resamples=4000)
    assert found.method == PAIR_BOOTSTRAP
    assert found.ends == pytest.approx(wilson_interval(100, 500), abs=0.006)


def test_intervals_contain_the_estimate_are_repeatable_and_widen_with_the_level():
    generator = np.random.default_rng(3)
    same = np.repeat([True, False], 60)
    distances = np.where(same, 0.9, 1.2) + 0.2 * generator.standard_normal(120)
    identities = generator.integers(0, 50, (120, 2))
    identities[same, 1] = identities[same, 0]
    graph, pairs = identity_graph(identities), WeightedPairs(distances, same)

    def metrics(weights):
        return np.stack([pairs.auc(weights), pairs.best("accuracy", weights)], axis=1)

    estimates = metrics(np.ones((1, 120)))[0]
    found = bootstrap_intervals(metrics, graph, estimates, resamples=300)
    assert found == bootstrap_intervals(metrics, graph, estimates, resamples=300)
    assert found != bootstrap_intervals(metrics, graph, estimates, resamples=300, seed=1)
    wider = bootstrap_intervals(metrics, graph, estimates, resamples=300, confidence=0.99)
    for one, outer, estimate in zip(found, wider, estimates, strict=True):
        assert outer.low <= one.low <= estimate <= one.high <= outer.high
        assert one.method == VERTEX_BOOTSTRAP


def test_resamples_without_the_metric_are_left_out():
    values = np.array([[0.0], [1.0], [np.nan], [2.0]])
    assert percentiles(values, 0.5) == (pytest.approx([0.5]), pytest.approx([1.5]))
    low, high = percentiles(np.full((3, 1), np.nan), 0.5)
    assert np.isnan([low, high]).all()
