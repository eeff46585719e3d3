import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from lfw_jax.evaluation import thresholds
from lfw_jax.evaluation.roc import roc_auc, roc_points
from tests.evaluation.sampled_pairs import labelled_pairs


def every_threshold(distances: np.ndarray) -> list[float]:
    """One threshold of each effect: each distance, and one above all."""
    return [*np.unique(distances), np.nextafter(distances.max(), np.inf)]


@settings(deadline=None)
@given(labelled_pairs())
def test_best_accuracy_equals_the_search_over_every_threshold(pairs):
    distances, same = pairs
    best = max(np.mean((distances < t) == same) for t in every_threshold(distances))
    scores = thresholds.verification_scores(distances, same, thresholds.best_accuracy(distances, same))
    assert scores.accuracy == best


@settings(deadline=None)
@given(labelled_pairs())
def test_best_f1_equals_the_search_over_every_threshold(pairs):
    distances, same = pairs
    best = max(metrics.f1_score(same, distances < t, zero_division=0) for t in every_threshold(distances))
    scores = thresholds.verification_scores(distances, same, thresholds.best_f1(distances, same))
    assert math.isclose(scores.f1, best, abs_tol=1e-12)


@settings(deadline=None)
@given(labelled_pairs(), st.sampled_from([thresholds.best_accuracy, thresholds.best_f1]), st.randoms())
def test_the_order_of_pairs_does_not_move_the_threshold(pairs, choose, random):
    distances, same = pairs
    order = list(range(len(same)))
    random.shuffle(order)
    assert choose(distances[order], same[order]) == choose(distances, same)


@settings(deadline=None)
@given(labelled_pairs(elements=st.sampled_from(np.arange(1, 9) / 4)), st.sampled_from([2.0, 0.5, 64.0]))
def test_the_threshold_scales_with_the_distances(pairs, factor):
    distances, same = pairs
    inside = thresholds.best_accuracy(distances, same)
    scaled = thresholds.best_accuracy(distances * factor, same)
    assert math.isclose(scaled, inside * factor, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("distances", "same", "expected"),
    [
        ([0.2, 0.6], [True, False], 0.4),
        ([0.1, 0.2, 0.8, 0.9], [True, True, False, False], 0.5),
        # (0.1, 0.2] and (0.3, 0.8] are equally good: the wider one.
        ([0.1, 0.2, 0.3, 0.8], [True, False, True, False], 0.55),
        # (0, 1] and (2, 3] are equally good and equally wide: the smaller one.
        ([0.0, 1.0, 2.0, 3.0], [True, False, True, False], 0.5),
        # 0.5 holds one pair of each kind, so both gaps beside it are equally good, and one run: (0.25, 1].
        ([0.25, 0.5, 0.5, 1.0], [True, True, False, False], 0.625),
        # All at one distance: accepting all is as good as accepting none.
        ([0.5, 0.5], [True, False], 0.5),
    ],
)
def test_ties_are_broken_to_the_middle_of_the_widest_gap(distances, same, expected):
    assert thresholds.best_accuracy(np.asarray(distances), np.asarray(same)) == pytest.approx(expected, abs=1e-15)


def test_pairs_of_one_kind_are_all_accepted_or_all_rejected():
    distances = np.asarray([0.0, 0.5])
    assert thresholds.best_accuracy(distances, np.asarray([True, True])) > 0.5
    assert thresholds.best_accuracy(distances, np.asarray([False, False])) <= 0.0
    assert thresholds.best_f1(distances, np.asarray([True, True])) > 0.5


def test_a_threshold_between_neighbouring_floats_still_separates_them():
    low = 0.7
    high = np.nextafter(low, 1)
    threshold = thresholds.best_accuracy(np.asarray([low, high]), np.asarray([True, False]))
    assert low < threshold <= high


@settings(deadline=None)
@given(labelled_pairs(), st.floats(-1, 3))
def test_scores_agree_with_scikit_learn(pairs, threshold):
    distances, same = pairs
    accepted = distances < threshold
    scores = thresholds.verification_scores(distances, same, threshold)
    true_negative, false_positive, false_negative, true_positive = metrics.confusion_matrix(
        same, accepted, labels=[False, True]
    ).ravel()
    assert math.isclose(scores.accuracy, metrics.accuracy_score(same, accepted))
    assert math.isclose(scores.f1, metrics.f1_score(same, accepted, zero_division=0))
    assert math.isclose(scores.precision, metrics.precision_score(same, accepted, zero_division=0))
    assert math.isclose(scores.recall, metrics.recall_score(same, accepted, zero_division=0))
    assert math.isclose(scores.false_accept_rate, false_positive / max(false_positive + true_negative, 1))
    assert math.isclose(scores.false_reject_rate, false_negative / max(false_negative + true_positive, 1))
    assert (scores.pairs, scores.correct) == (len(same), true_positive + true_negative)


def test_a_pair_at_the_threshold_is_rejected():
    scores = thresholds.verification_scores(np.asarray([0.5]), np.asarray([True]), 0.5)
    assert scores.false_reject_rate == 1.0


@pytest.mark.parametrize(
    ("distances", "same", "words"),
    [
        (np.zeros(0), np.zeros(0, bool), "not empty"),
        (np.zeros(3), np.zeros(2, bool), "shapes"),
        (np.zeros((2, 2)), np.zeros((2, 2), bool), "shapes"),
        (np.asarray([0.1, np.nan, np.inf]), np.zeros(3, bool), "2 of 3 distances are not finite"),
    ],
)
def test_arrays_that_are_no_judged_pairs_are_refused(distances, same, words):
    for function in (thresholds.best_accuracy, thresholds.best_f1, roc_auc, roc_points):
        with pytest.raises(ValueError, match=words):
            function(distances, same)


@pytest.mark.parametrize(
    ("successes", "n", "expected"),
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_interval_matches_published_figures(successes, n, expected):
    assert thresholds.wilson_interval(successes, n) == pytest.approx(expected, abs=5e-5)


@settings(deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_interval_holds_the_share_and_mirrors(case, confidence):
    successes, n = case
    low, high = thresholds.wilson_interval(successes, n, confidence)
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = thresholds.wilson_interval(n - successes, n, confidence)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize("case", [(1, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 0.0), (1, 2, 1.0)])
def test_wilson_interval_refuses_what_is_no_share(case):
    with pytest.raises(ValueError, match="expected"):
        thresholds.wilson_interval(*case)
