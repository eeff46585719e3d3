"""Counts of accepted pairs at many thresholds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.evaluation.decision_counts import decision_counts
from lfw_jax.evaluation.scores import ScoredPairs

ROWS = st.lists(st.tuples(st.floats(0, 4), st.booleans()), max_size=30)


@given(ROWS, st.lists(st.floats(0, 4), max_size=3))
def test_the_counts_are_those_of_a_comparison_with_each_threshold(rows, marked):
    rows = [*rows, (0.5, True), (0.5, False)]
    pairs = ScoredPairs("pairs", [d for d, _ in rows], [s for _, s in rows])
    counts = decision_counts(pairs, marked, steps=20)
    assert set(marked) <= set(counts.thresholds.tolist())
    assert np.all(np.diff(counts.thresholds) > 0)
    for threshold, same, different in zip(counts.thresholds, counts.same, counts.different, strict=True):
        accepted = pairs.distances < threshold
        assert (same, different) == (np.sum(accepted & pairs.same), np.sum(accepted & ~pairs.same))
    assert (counts.same_pairs, counts.different_pairs) == (pairs.same.sum(), (~pairs.same).sum())


def test_distances_in_a_narrow_range_are_resolved():
    distances = 1 + 1e-4 * np.random.default_rng(0).random(500)
    counts = decision_counts(ScoredPairs("collapsed", distances, np.arange(500) % 2 == 0))
    assert len(np.unique(counts.same)) > 200


def test_the_nearest_threshold_is_found():
    counts = decision_counts(ScoredPairs("pairs", [0.5, 1.5], [True, False]), [0.777])
    assert counts.thresholds[counts.nearest(0.7771)] == 0.777
