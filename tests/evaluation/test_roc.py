"""The ROC curve is exact: every threshold is tried by hand, and scikit-learn agrees."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from lfw_jax.evaluation.roc import roc_auc, roc_points
from tests.evaluation.sampled_pairs import labelled_pairs


@settings(deadline=None)
@given(labelled_pairs(both_kinds=True))
def test_the_auc_is_the_share_of_pairs_of_pairs_in_the_right_order(pairs):
    distances, same = pairs
    won = 0
    for near in distances[same].tolist():
        for far in distances[~same].tolist():
            won += 2 if near < far else near == far
    assert roc_auc(distances, same) == won / (2 * same.sum() * (~same).sum())


@settings(deadline=None)
@given(labelled_pairs(both_kinds=True))
def test_the_auc_is_the_area_under_the_points(pairs):
    false, true = roc_points(*pairs)
    assert math.isclose(np.trapezoid(true, false), roc_auc(*pairs), abs_tol=1e-12)


@settings(deadline=None)
@given(labelled_pairs(both_kinds=True))
def test_the_points_are_the_corners_of_what_every_threshold_accepts(pairs):
    distances, same = pairs
    every = [
        (np.mean((distances <= value)[~same]), np.mean((distances <= value)[same])) for value in np.unique(distances)
    ]
    false, true = roc_points(distances, same)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert set(zip(false[1:].tolist(), true[1:].tolist(), strict=True)) <= {(float(f), float(t)) for f, t in every}
    # What is omitted lies on the line between its neighbours. Vertical segments have no interpolation, but bounds.
    for one, other in every:
        assert true[np.searchsorted(false, one, "right") - 1] >= other - 1e-12 or math.isclose(
            np.interp(one, false, true), other, abs_tol=1e-12
        )


@settings(deadline=None)
@given(labelled_pairs(both_kinds=True))
def test_auc_agrees_with_scikit_learn_with_ties(pairs):
    distances, same = pairs
    # Ranks go in, not distances: scikit-learn merges scores that are nearly equal.
    ranks = np.unique(distances, return_inverse=True)[1]
    assert math.isclose(roc_auc(distances, same), metrics.roc_auc_score(same, -ranks), abs_tol=1e-12)


@settings(deadline=None)
@given(labelled_pairs(both_kinds=True, elements=st.sampled_from(np.arange(12) / 6)))
def test_auc_keeps_under_increasing_maps_and_mirrors_under_swaps(pairs):
    distances, same = pairs
    auc = roc_auc(distances, same)
    assert roc_auc(distances**3 - 5, same) == auc
    assert roc_auc(np.exp(distances), same) == auc
    assert math.isclose(roc_auc(distances, ~same), 1 - auc, abs_tol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9, 1.4]), st.booleans()), min_size=2, max_size=40))
def test_the_area_under_the_roc_points_is_that_of_scikit_learn(rows):
    distances, same = np.array([d for d, _ in rows]), np.array([s for _, s in rows])
    if same.all() or not same.any():
        with pytest.raises(ValueError, match="both kinds"):
            roc_points(distances, same)
        return
    far, tar = roc_points(distances, same)
    assert (far[0], tar[0], far[-1], tar[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tar, far) == pytest.approx(metrics.roc_auc_score(same, -distances))


@pytest.mark.parametrize("function", [roc_auc, roc_points])
@pytest.mark.parametrize(("same", "kinds"), [([True, True], "2 same and 0"), ([False, False], "0 same and 2")])
def test_a_curve_of_one_kind_is_refused(function, same, kinds):
    with pytest.raises(ValueError, match=kinds):
        function(np.asarray([0.1, 0.2]), np.asarray(same))
