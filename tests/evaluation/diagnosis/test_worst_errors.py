"""The worst errors are those farthest on the wrong side of the threshold."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.evaluation.diagnosis.worst_errors import worst_errors
from lfw_jax.evaluation.scores import ScoredPairs
from tests.evaluation.sampled_pairs import labelled_pairs


def test_the_nearest_different_and_the_farthest_same_pairs_come_first():
    distances = [0.2, 0.9, 0.1, 0.95, 0.3, 0.5, 0.05]
    same = [False, True, False, True, False, True, True]
    accepts, rejects = worst_errors(ScoredPairs("test", distances, same), 0.5, at_most=2)
    assert (accepts.kind, accepts.count, accepts.of, accepts.indices.tolist()) == ("false matches", 3, 3, [2, 0])
    assert (rejects.kind, rejects.count, rejects.of, rejects.indices.tolist()) == ("false non-matches", 3, 4, [3, 1])


def test_a_perfect_threshold_has_no_errors():
    groups = worst_errors(ScoredPairs("test", [0.1, 0.9], [True, False]), 0.5, at_most=6)
    assert [(group.count, group.of, len(group.indices)) for group in groups] == [(0, 1, 0), (0, 1, 0)]


@settings(deadline=None)
@given(labelled_pairs(both_kinds=True), st.floats(-0.5, 2.5), st.integers(0, 40))
def test_each_error_is_counted_once_and_none_that_is_omitted_is_worse(pairs, threshold, at_most):
    distances, same = pairs
    groups = worst_errors(ScoredPairs("test", distances, same), threshold, at_most=at_most)
    assert sum(group.count for group in groups) == np.sum((distances < threshold) != same)
    for group, kind in zip(groups, (False, True), strict=True):
        errors = np.flatnonzero(((distances < threshold) != same) & (same == kind))
        assert group.of == np.sum(same == kind)
        assert len(group.indices) == min(at_most, len(errors))
        assert set(group.indices.tolist()) <= set(errors.tolist())
        margins = np.abs(distances - threshold)
        omitted = np.setdiff1d(errors, group.indices)
        shown = margins[group.indices]
        assert (np.diff(shown) <= 1e-12).all()
        if len(omitted) and len(shown):
            assert margins[omitted].max() <= shown.min() + 1e-12
