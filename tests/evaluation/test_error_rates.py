"""Error rates of listed pairs: equal to scikit-learn's, with words where a rate cannot be claimed."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from scipy import optimize
from sklearn import metrics

from lfw_jax.evaluation.error_rates import claim_note, det_points, equal_error_rate, error_rates
from lfw_jax.evaluation.repeated_pairs import repeated_pairs
from lfw_jax.evaluation.roc import roc_auc, roc_points
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify
from tests.evaluation.sampled_pairs import labelled_pairs


@given(labelled_pairs(both_kinds=True))
def test_roc_det_and_auc_are_those_of_scikit_learn(pairs):
    distances, same = pairs
    false, true, _ = metrics.roc_curve(same, -distances, drop_intermediate=False)
    assert roc_auc(distances, same) == pytest.approx(metrics.roc_auc_score(same, -distances))
    assert roc_auc(distances, same) == pytest.approx(metrics.auc(false, true))
    corners = set(zip(false.tolist(), true.tolist(), strict=True))
    assert set(zip(*(side.tolist() for side in roc_points(distances, same)), strict=True)) <= corners
    false_match, false_non_match = det_points(distances, same)
    fpr, fnr, _ = metrics.det_curve(same, -distances)
    ours = np.stack([false_match, false_non_match], axis=1)
    for point in zip(fpr.tolist(), fnr.tolist(), strict=True):
        # Each of scikit-learn's points lies on a segment between two of our corners.
        after = int(np.searchsorted(false_match, point[0]))
        close = [np.allclose(ours[k], point) for k in (after, max(after - 1, 0))]
        between = np.interp(point[0], false_match, false_non_match)
        assert any(close) or point[1] == pytest.approx(between) or np.isclose(false_match, point[0]).sum() > 1


@given(labelled_pairs(both_kinds=True))
def test_the_equal_error_rate_is_where_the_roc_curve_crosses_the_diagonal(pairs):
    distances, same = pairs
    false, true, _ = metrics.roc_curve(same, -distances, drop_intermediate=False)
    length = np.concatenate(
        [[0], np.cumsum(np.diff(false) + np.diff(true))]
    )  # the curve by its length, for vertical parts
    excess = optimize.brentq(
        lambda at: 1 - np.interp(at, length, true) - np.interp(at, length, false), 0, length[-1], xtol=1e-14
    )
    rate, threshold = equal_error_rate(distances, same)
    assert rate == pytest.approx(np.interp(excess, length, false), abs=1e-9)
    # The rates jump over each other at this distance.
    assert np.mean(distances[~same] < threshold) <= rate + 1e-12
    assert np.mean(distances[same] >= threshold) >= rate - 1e-12
    assert np.mean(distances[~same] <= threshold) >= rate - 1e-12


def test_points_count_pairs_and_rates_below_the_rule_of_three_have_a_reason():
    rng = np.random.default_rng(0)
    same = np.arange(4000) < 1000
    distances = rng.normal(1.0, 0.2, 4000) + 0.5 * ~same
    found = error_rates(distances, same)
    assert (found.same_pairs, found.different_pairs) == (1000, 3000)
    assert [point.rate for point in found.points] == [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
    for point, matches in zip(found.points, (300, 30, 3), strict=False):
        assert point.false_matches == matches == np.sum(distances[~same] < point.threshold)
        assert point.false_non_matches == np.sum(distances[same] >= point.threshold)
        assert point.false_match_rate == matches / 3000
        assert point.false_non_match_rate == point.false_non_matches / 1000
    assert [point.note for point in found.points[:2]] == ["", ""]
    assert found.points[2].note == "uncertain: it rests on 3 false matches, fewer than 30"
    for point in found.points[3:]:
        assert point.threshold is None
        assert point.note == "cannot be claimed: 3,000 different pairs support no FMR below 0.1 % (rule of three)"
        assert not point.claimed


def test_a_rate_between_one_and_three_matches_is_measured_but_not_claimed():
    (point,) = error_rates(np.linspace(0, 1, 300), np.arange(300) % 3 == 0, (0.01,)).points
    assert point.false_matches == 2
    assert point.note == "cannot be claimed: 200 different pairs support no FMR below 1.5 % (rule of three)"
    assert not point.claimed


@pytest.mark.parametrize(("different", "claimed"), [(2999, False), (3000, True), (30_000, True)])
def test_the_rule_of_three_is_the_limit_of_an_exact_binomial_interval(different: int, claimed: bool):
    # Without any match among 3/p trials, p is just about the 95 % upper limit: (1 - p)^(3/p) = 5 %.
    assert pytest.approx(0.05, abs=0.001) == (1 - 0.001) ** 3000
    assert claim_note(0.001, different).startswith("cannot be claimed") != claimed


@pytest.mark.parametrize("kind", [True, False])
def test_pairs_of_one_kind_have_no_error_rates(kind: bool):
    with pytest.raises(ValueError, match="pairs of both kinds"):
        error_rates(np.linspace(0, 1, 5), np.full(5, kind))


def test_repeated_pairs_are_counted_in_either_order_and_noted():
    names = [["Ann", "Ann"], ["Ann", "Bo"], ["Ann", "Ann"], ["Bo", "Ann"], ["Ann", "Bo"]]
    numbers = [[1, 2], [1, 1], [2, 1], [1, 1], [2, 1]]
    pairs = ScoredPairs("party", [0.5, 1.0, 0.5, 1.0, 1.2], [True, False, True, False, False], names, numbers)
    assert repeated_pairs(pairs) == 2
    assert repeated_pairs(dataclasses.replace(pairs, images=None)) == 0
    other = ScoredPairs("others", [0.1, 1.0], [True, False])
    (note,) = verify(pairs, other).metrics.notes
    assert note.startswith("party: 2 listed pairs repeat an earlier pair of the same two images.")
    assert verify(other, dataclasses.replace(pairs, name="development")).metrics.notes == ()
