"""Comparison of runs: tests against SciPy and definitions, and properties of paired differences."""

import dataclasses
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import binom
from sklearn.metrics import roc_auc_score, roc_curve

from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.compare import ACCURACY, AUC, EER, HELD_OUT, Decisions, compare, decisions
from lfw_jax.evaluation.comparison.resampling import (
    SortedScores,
    percentile_interval,
    resampled_accuracies,
)
from lfw_jax.evaluation.comparison.same_pairs import check_same_pairs, difference
from lfw_jax.evaluation.comparison.significance import bootstrap_p_value, holm, mcnemar
from lfw_jax.evaluation.error_rates import equal_error_rate
from lfw_jax.evaluation.intervals.bootstrap import edge_weights, identity_weights
from lfw_jax.evaluation.intervals.identity_graph import graph_of, identity_graph
from lfw_jax.evaluation.intervals.percentiles import corrected
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify, verify_folds
from tests.evaluation.compared_folders import scored_pairs
from tests.evaluation.sampled_pairs import labelled_pairs


def decided(pairs: ScoredPairs, threshold: float = 1.2) -> Decisions:
    return Decisions(pairs, {ACCURACY: (pairs.distances < threshold) == pairs.same})


def disagreeing(only_run: int, only_reference: int, both: int = 5) -> tuple[np.ndarray, np.ndarray]:
    run = np.repeat([True, False, True, False], [only_run, only_reference, both, both])
    reference = np.repeat([False, True, True, False], [only_run, only_reference, both, both])
    return run, reference


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_sums_the_binomial_outcomes_that_are_as_unlikely(only_run: int, only_reference: int):
    n = only_run + only_reference
    outcomes = [comb(n, k) / 2**n for k in range(n + 1)]
    expected = sum(p for p in outcomes if p <= outcomes[only_run] * (1 + 1e-7))
    found = mcnemar(*disagreeing(only_run, only_reference))
    assert found[:2] == (only_run, only_reference)
    assert found[2] == pytest.approx(expected)


def test_mcnemar_of_ten_to_one_is_twice_the_tail():
    assert mcnemar(*disagreeing(10, 1))[2] == pytest.approx(2 * binom.cdf(1, 11, 0.5))
    assert mcnemar(*disagreeing(0, 0))[2] == 1.0


def test_holm_as_computed_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.5]) == (1.0, 1.0)
    assert holm([0.02]) == (0.02,)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(p_values: list[float]):
    corrected = np.asarray(holm(p_values))
    assert np.all(corrected >= p_values)
    assert np.all(corrected <= np.minimum(1, len(p_values) * np.asarray(p_values)) + 1e-12)
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(corrected[order]) >= 0)


def test_a_bootstrap_rejects_at_5_percent_where_its_95_percent_interval_excludes_zero():
    rng = np.random.default_rng(0)
    for centre in np.linspace(-4, 4, 33):
        values = rng.normal(centre, 1, 4000)
        low, high = percentile_interval(values, values.mean())
        if min(abs(low), abs(high)) > 0.05:  # away from the border, where one resample decides
            assert (bootstrap_p_value(values) < 0.05) == (low > 0 or high < 0)


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0])))
def test_a_bootstrap_p_value_is_positive_and_the_same_for_the_opposite_difference(values: np.ndarray):
    assert 0 < bootstrap_p_value(values) == bootstrap_p_value(-values) <= 1


def test_without_resamples_there_is_no_p_value():
    with pytest.raises(ValueError, match="found none"):
        bootstrap_p_value(np.empty(0))


@given(labelled_pairs(both_kinds=True), st.integers(0, 2**32 - 1))
def test_weighted_curves_and_accuracies_equal_those_of_repeated_pairs(pairs: tuple[np.ndarray, np.ndarray], seed: int):
    distances, same = pairs
    weights = np.random.default_rng(seed).integers(1, 4, len(same))
    scored = ScoredPairs("test", distances, same)
    areas, rates = SortedScores.of(scored).curve_figures(weights[None].astype(float))
    repeated, labels = np.repeat(distances, weights), np.repeat(same, weights)
    assert areas[0] == pytest.approx(roc_auc_score(labels, -repeated))
    fmr, tmr, _ = roc_curve(labels, -repeated, drop_intermediate=False)
    # The crossing of a rising and a falling polyline, by bisection along the diagonal FNMR = FMR.
    low, high = 0.0, len(fmr) - 1.0
    for _ in range(60):
        middle = (low + high) / 2
        at = [np.interp(middle, np.arange(len(fmr)), curve) for curve in (fmr, tmr)]
        low, high = (middle, high) if at[0] < 1 - at[1] else (low, middle)
    assert rates[0] == pytest.approx(np.interp(high, np.arange(len(fmr)), fmr), abs=1e-9)
    correct = (distances < 0.6) == same
    shares = [
        (same == kind).mean() * np.average(correct[same == kind], weights=weights[same == kind]) for kind in (0, 1)
    ]
    assert resampled_accuracies(correct, same, weights[None].astype(float))[0] == pytest.approx(sum(shares))


def test_where_no_two_pairs_are_dependent_the_deviation_is_that_of_independent_pairs():
    rng = np.random.default_rng(0)
    identities = np.arange(2000).reshape(1000, 2).astype(str)  # every identity occurs once
    graph = graph_of(ScoredPairs("test", rng.normal(1, 0.2, 1000), rng.random(1000) < 0.5, identities))
    values = rng.random(1000)

    def means(blocks) -> np.ndarray:
        weights = np.concatenate(list(blocks))
        return weights @ values / weights.sum(axis=1)

    sampled = means(identity_weights(graph, resamples=2000, seed=0))
    of_edges = means(edge_weights(graph, resamples=2000, seed=0))
    found = corrected(sampled[:, None], of_edges[:, None], np.array([values.mean()]), graph)
    expected = values.std() / 1000**0.5
    assert sampled.std() == pytest.approx(3**0.5 * expected, rel=0.1)
    assert found.std() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("identities", "factor"), [(5, (5 / 4) ** 0.5 * 2.776 / 1.960), (5000, 1.0)])
def test_pairs_within_identities_are_widened_for_few_identities_alone(identities: int, factor: float):
    values, each = np.random.default_rng(0).normal(0.8, 0.1, (1000, 1)), np.arange(identities)
    graph = identity_graph(np.stack([each, each], axis=1))
    for of_edges in (None, np.full((100, 1), 0.8)):
        found = corrected(values, of_edges, np.array([0.8]), graph)
        np.testing.assert_allclose(found, 0.8 + (values - 0.8) * factor, rtol=1e-3)


def test_intervals_of_shares_stay_within_their_range():
    pairs = scored_pairs("test", seed=0, gap=0.9)
    runs = {"good": decided(pairs), "bad": decided(scored_pairs("test", seed=0, gap=-0.9))}
    found = compare(runs, resamples=100)
    for estimates in found.estimates.values():
        for one in estimates.values():
            assert 0 <= one.interval[0] <= one.interval[1] <= 1
    assert all(-1 <= one.interval[0] <= one.interval[1] <= 1 for one in found.differences)


def test_resamples_that_all_agree_are_no_evidence():
    assert bootstrap_p_value(np.full(2000, 0.1)) == bootstrap_p_value(np.zeros(2000)) == 1


def test_pairs_without_identities_are_resampled_one_by_one():
    pairs = scored_pairs("test", seed=0)
    found = compare({"run": decided(dataclasses.replace(pairs, identities=None, images=None))}, resamples=50)
    assert (found.graph.known, found.graph.vertices) == (False, 300)


def test_the_estimates_are_the_metrics_of_the_evaluation():
    pairs = scored_pairs("test", seed=0)
    result = verify(pairs, scored_pairs("development", seed=1, layout=1)).metrics
    found = compare({"run": decisions(pairs, result)}, resamples=200).estimates["run"]
    assert found[ACCURACY].value == pytest.approx(result.by_rule("accuracy").accuracy)
    assert found[AUC].value == pytest.approx(result.auc)
    assert found[EER].value == pytest.approx(equal_error_rate(pairs.distances, pairs.same)[0])
    for estimate in found.values():
        assert estimate.interval[0] < estimate.value < estimate.interval[1]
    assert set(found) == {ACCURACY, AUC, EER}


def test_pairs_with_folds_are_classified_at_the_threshold_of_their_fold():
    pairs = scored_pairs("test", seed=0, folds=5)
    result = verify_folds(pairs).metrics
    assert result.folds is not None
    assert decisions(pairs, result).correct[ACCURACY].mean() == pytest.approx(result.folds.mean)
    with pytest.raises(ValueError, match="found pairs of 4 folds, and 5 thresholds"):
        decisions(dataclasses.replace(pairs, folds=np.minimum(pairs.folds, 3)), result)


def test_scores_of_another_evaluation_are_refused():
    pairs = scored_pairs("test", seed=0)
    result = verify(scored_pairs("test", seed=5), scored_pairs("development", seed=1, layout=1)).metrics
    with pytest.raises(ValueError, match=r"the pairs give the accuracy 0\.\d{4}, the result 0\.\d{4}"):
        decisions(pairs, result)


def test_two_runs_with_equal_scores_do_not_differ():
    pairs = scored_pairs("test", seed=0)
    for one in compare({"a": decided(pairs), "b": decided(pairs)}, resamples=100).differences:
        assert (one.difference, one.interval, one.p_value, one.adjusted_p_value) == (0.0, (0.0, 0.0), 1.0, 1.0)


def test_the_sign_of_a_difference_flips_when_the_runs_are_swapped():
    runs = {"a": decided(scored_pairs("test", seed=0)), "b": decided(scored_pairs("test", seed=1, gap=0.6))}
    forward = compare(runs, resamples=300).differences
    backward = compare(dict(reversed(runs.items())), resamples=300).differences
    for one, other in zip(forward, backward, strict=True):
        assert (one.run, one.reference) == (other.reference, other.run) == ("b", "a")
        assert one.difference == pytest.approx(-other.difference)
        assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
        assert one.p_value == other.p_value


def test_a_clearly_better_run_is_significantly_better_and_an_equal_one_is_not():
    runs = {
        "weak": decided(scored_pairs("test", seed=0, gap=0.2)),
        "strong": decided(scored_pairs("test", seed=1, gap=0.9)),
        "weak too": decided(scored_pairs("test", seed=2, gap=0.2)),
    }
    found = {(one.run, one.reference, one.measure): one for one in compare(runs, resamples=1000).differences}
    better = found["strong", "weak", ACCURACY]
    assert better.difference > 0.1
    assert better.interval[0] > 0
    assert better.adjusted_p_value < 0.01
    assert better.mcnemar is not None
    assert better.mcnemar.adjusted_p_value < 0.01
    assert found["weak too", "weak", ACCURACY].adjusted_p_value > 0.05
    assert found["weak too", "weak", AUC].mcnemar is None


def test_p_values_are_corrected_over_the_comparisons_of_one_measure():
    runs = {str(seed): decided(scored_pairs("test", seed=seed, gap=0.2 + 0.1 * seed)) for seed in range(4)}
    found = compare(runs, resamples=200).differences
    for measure in (ACCURACY, AUC):
        of_measure = [one for one in found if one.measure == measure]
        assert len(of_measure) == 6
        assert tuple(one.adjusted_p_value for one in of_measure) == holm([one.p_value for one in of_measure])


def test_many_runs_are_compared_with_the_first_only():
    runs = {f"run{seed}": decided(scored_pairs("test", seed=seed)) for seed in range(7)}
    found = [one for one in compare(runs, resamples=20).differences if one.measure == AUC]
    assert [(one.run, one.reference) for one in found] == [(f"run{seed}", "run0") for seed in range(1, 7)]


def test_the_held_out_threshold_is_compared_if_every_run_has_one():
    pairs = scored_pairs("test", seed=0)
    both = Decisions(pairs, decided(pairs).correct | {HELD_OUT: (pairs.distances < 1.1) == pairs.same})
    assert HELD_OUT in {one.measure for one in compare({"a": both, "b": both}, resamples=20).differences}
    found = compare({"a": both, "b": decided(pairs)}, resamples=20)
    assert HELD_OUT not in {one.measure for one in found.differences}
    assert HELD_OUT in found.estimates["a"]


def test_too_few_identities_to_resample_are_refused():
    identities = np.array([["a", "a"], ["b", "c"]])
    pairs = ScoredPairs("test", np.array([0.5, 1.5]), np.array([True, False]), identities)
    with pytest.raises(UserError, match=r"only .* of 100 resamples .* have pairs of both kinds"):
        compare({"run": decided(pairs)}, resamples=100)


def test_without_a_run_there_is_nothing_to_compare():
    with pytest.raises(ValueError, match="at least one run"):
        compare({})


def test_the_first_difference_of_two_lists_is_named():
    pairs = scored_pairs("test", seed=0)
    assert difference(pairs, scored_pairs("test", seed=9)) is None
    assert difference(pairs, scored_pairs("test", seed=0, pairs=200)) == "the number of pairs, 300 and 200"
    assert difference(pairs, dataclasses.replace(pairs, folds=np.zeros(300))) == "folds, which only one of them states"
    images = pairs.images.copy()
    images[[4, 7], 1] = 9
    found = difference(pairs, dataclasses.replace(pairs, images=images))
    name = pairs.identities[4, 0]
    assert found == (
        f"2 of 300 pairs, the first of which is pair 5: {name} 1 with {name} 2 (same), and {name} 1 with {name} 9 (same)"
    )
    flipped = dataclasses.replace(pairs, same=~pairs.same, identities=None)
    unnamed = dataclasses.replace(pairs, identities=None)
    assert difference(unnamed, flipped) == "300 of 300 pairs, the first of which is pair 1: same, and different"


def test_runs_of_different_lists_are_grouped_in_the_message():
    one, other = scored_pairs("View 1", seed=0), scored_pairs("View 2", seed=0, pairs=200)
    with pytest.raises(UserError) as caught:
        check_same_pairs({"a": one, "b": other, "c": one})
    assert str(caught.value) == (
        "--input: found runs of 2 different lists (a, c: View 1 with 300 pairs; b: View 2 with 200 pairs); expected the same "
        "pairs in the same order. a and b differ in the number of pairs, 300 and 200. Compare the runs of one list at a time."
    )
