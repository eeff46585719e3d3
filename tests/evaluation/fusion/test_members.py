"""The evaluation of a fused system: metrics of each member, thresholds, gains, errors and JSON."""

import dataclasses
import json
import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lfw_jax.errors import UserError
from lfw_jax.evaluation.error_rates import det_points, equal_error_rate
from lfw_jax.evaluation.fold_figures import fold_thresholds
from lfw_jax.evaluation.fusion.members import FUSED, members_result
from lfw_jax.evaluation.fusion.results import MembersResult
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.thresholds import best_accuracy
from lfw_jax.evaluation.verification import verify
from lfw_jax.evaluation.with_intervals import with_intervals
from lfw_jax.typed_json import from_json, to_json
from tests.evaluation.finished_folders import run_metrics
from tests.evaluation.fusion.sampled_members import correlated, sampled_lists, sampled_result

WEIGHTS = {"descriptors": 0.5, "network": 0.5, "patches": 0.25}
D_PRIMES = (2.5, 2.4, 1.0)
CORRELATIONS = np.array([[1, 0.3, 0.6], [0.3, 1, 0.2], [0.6, 0.2, 1]])


@pytest.fixture(scope="module")
def result() -> MembersResult:
    return sampled_result(WEIGHTS, D_PRIMES, CORRELATIONS)


@pytest.fixture(scope="module")
def lists():
    return sampled_lists(WEIGHTS, D_PRIMES, CORRELATIONS)


def test_each_system_has_the_metrics_of_its_own_pairs(result: MembersResult, lists):
    members, fused, held, fused_held = lists
    assert [one.name for one in result.systems] == [*WEIGHTS, FUSED]
    assert (result.list, result.pairs, result.same_pairs) == ("pairsDevTest", 400, 200)
    assert result.chosen_on == "held-out identities"
    for system, pairs, other in zip(
        result.systems, [*members.values(), fused], [*held.values(), fused_held], strict=True
    ):
        assert system.auc == pytest.approx(roc_auc_score(~pairs.same, pairs.distances))
        assert system.equal_error_rate == equal_error_rate(pairs.distances, pairs.same)[0]
        assert system.threshold == best_accuracy(other.distances, other.same)
        assert system.accuracy == np.mean((pairs.distances < system.threshold) == pairs.same)
        expected = with_intervals(verify(pairs, other), development=other, seed=0).metrics
        assert system.auc_interval == expected.auc_interval
        assert expected.thresholds[0].intervals is not None
        assert system.accuracy_interval == expected.thresholds[0].intervals.accuracy
    assert [member.scores.d_prime for member in result.members] == pytest.approx(D_PRIMES)


def test_the_correlations_and_the_yardstick_are_those_of_the_sampled_distribution(result: MembersResult):
    np.testing.assert_allclose(result.same_correlations, CORRELATIONS, atol=1e-9)
    np.testing.assert_allclose(result.different_correlations, CORRELATIONS, atol=1e-9)
    deltas = np.asarray(D_PRIMES)
    assert result.gaussian is not None
    assert result.gaussian.d_prime == pytest.approx(math.sqrt(deltas @ np.linalg.inv(CORRELATIONS) @ deltas))
    for index, member in enumerate(result.members):
        others = [other for other in range(3) if other != index]
        part = np.linalg.inv(CORRELATIONS[np.ix_(others, others)])
        assert member.d_prime_without == pytest.approx(math.sqrt(deltas[others] @ part @ deltas[others]))
        assert member.d_prime_without == pytest.approx(result.pair_d_primes[others[0]][others[1]])


def test_equal_members_with_equal_weights_reach_the_yardstick():
    for correlation in (0.0, 0.5, 0.9):
        found = sampled_result({"a": 1.0, "b": 1.0}, (2.0, 2.0), correlated(2, correlation))
        assert found.gaussian is not None
        assert found.fused.d_prime == pytest.approx(found.gaussian.d_prime)
        assert found.fused.d_prime == pytest.approx(2 * math.sqrt(2 / (1 + correlation)))


def test_shares_of_weights_do_not_depend_on_the_scales_of_scores(lists):
    members, fused, _, _ = lists
    scaled = {name: dataclasses.replace(one, distances=10 * one.distances) for name, one in members.items()}
    arguments = {"held_out": None, "fused_held_out": None, "seed": 0, "resamples": 50}
    plain = members_result(members, fused, WEIGHTS, **arguments)
    other = members_result(scaled, fused, {name: weight / 10 for name, weight in WEIGHTS.items()}, **arguments)
    assert [one.weight for one in plain.members] == list(WEIGHTS.values())
    assert [one.weight_share for one in plain.members] == pytest.approx([0.4, 0.4, 0.2])
    assert [one.weight_share for one in other.members] == pytest.approx([0.4, 0.4, 0.2])
    without = members_result(members, fused, dict.fromkeys(WEIGHTS, 0.0), **arguments)
    assert [one.weight_share for one in without.members] == [None] * 3


def test_the_gain_is_that_over_the_best_member_by_the_same_measure(result: MembersResult):
    gains = {one.measure: one for one in result.gains}
    assert list(gains) == ["accuracy", "auc"]
    for measure, gain in gains.items():
        values = {one.name: getattr(one, measure) for one in result.systems}
        best = max(WEIGHTS, key=lambda name: values[name])
        assert (gain.run, gain.reference) == (FUSED, best)
        assert gain.difference == pytest.approx(values[FUSED] - values[best])
        assert gain.interval[0] <= gain.difference <= gain.interval[1]
        assert gain.adjusted_p_value == gain.p_value
    assert gains["auc"].difference > 0
    test = gains["accuracy"].mcnemar
    assert test is not None
    assert (test.only_run - test.only_reference) / result.pairs == pytest.approx(gains["accuracy"].difference)
    assert (result.resampled, result.resamples) == ("identities", 200)


def test_the_best_member_may_differ_between_the_measures(lists):
    members, fused, held, fused_held = lists
    # The best member by AUC gets a threshold that accepts everything.
    best = max(members, key=lambda name: roc_auc_score(~members[name].same, members[name].distances))
    held = held | {best: dataclasses.replace(held[best], distances=held[best].distances + 100)}
    found = members_result(members, fused, WEIGHTS, held_out=held, fused_held_out=fused_held, seed=0, resamples=50)
    accuracy, auc = found.gains
    assert auc.reference == best
    assert accuracy.reference != best


def test_a_fusion_of_one_member_gains_nothing(lists):
    members, _, held, _ = lists
    name = "network"
    found = members_result(
        {name: members[name]}, members[name], {name: 1.0},
        held_out={name: held[name]}, fused_held_out=held[name], seed=0, resamples=50,
    )  # fmt: skip
    assert all(one.difference == 0 and one.interval == (0, 0) for one in found.gains)
    assert (found.same_correlations, found.members[0].d_prime_without) == (((1.0,),), None)
    assert found.gaussian is not None
    assert found.gaussian.d_prime == pytest.approx(2.4)


def test_without_held_out_pairs_each_fold_has_the_threshold_of_the_others():
    members, fused, _, _ = sampled_lists(WEIGHTS, D_PRIMES, CORRELATIONS, folds=5)
    found = sampled_result(WEIGHTS, D_PRIMES, CORRELATIONS, folds=5, held_out=False)
    assert found.chosen_on == "the other folds of pairsDevTest"
    for system, pairs in zip(found.systems, [*members.values(), fused], strict=True):
        assert pairs.folds is not None
        chosen, accepted = fold_thresholds(pairs.distances, pairs.same, pairs.folds, best_accuracy)
        assert system.threshold == pytest.approx(chosen.mean())
        assert system.accuracy == np.mean(accepted == pairs.same)
    assert [one.measure for one in found.gains] == ["accuracy", "auc"]


def test_without_held_out_pairs_and_folds_there_is_no_accuracy():
    found = sampled_result(WEIGHTS, D_PRIMES, CORRELATIONS, held_out=False)
    assert found.chosen_on is None
    assert all((one.threshold, one.accuracy, one.accuracy_interval) == (None, None, None) for one in found.systems)
    assert [one.measure for one in found.gains] == ["auc"]


def test_the_curve_has_corners_of_the_det_curve_in_order(result: MembersResult, lists):
    match, miss = det_points(lists[1].distances, lists[1].same)
    corners = set(zip(match.round(6), miss.round(6), strict=True))
    curve = np.asarray(result.fused.curve)
    assert 10 < len(curve) <= 100
    assert set(map(tuple, curve)) <= corners
    assert np.all(np.diff(curve[:, 0]) >= 0)
    assert np.all((curve > 0) & (curve < 1))


def test_perfect_members_have_no_curve_and_no_interval():
    found = sampled_result({"a": 1.0}, (50.0,), np.eye(1))
    assert (found.fused.auc, found.fused.curve, found.fused.auc_interval) == (1.0, (), None)


def test_pairs_without_identities_are_named(lists):
    members, fused, _, _ = lists
    bare = {name: dataclasses.replace(one, identities=None, images=None) for name, one in members.items()}
    fused = dataclasses.replace(fused, identities=None, images=None)
    found = members_result(bare, fused, WEIGHTS, held_out=None, fused_held_out=None, seed=0, resamples=50)
    assert found.resampled == "pairs"


def test_members_of_other_pairs_are_refused(lists):
    members, fused, held, fused_held = lists
    order = np.arange(len(fused))[::-1]
    turned = dataclasses.replace(
        fused, **{name: getattr(fused, name)[order] for name in ("distances", "same", "identities", "images")}
    )
    arguments = {"held_out": held, "fused_held_out": fused_held, "seed": 0}
    with pytest.raises(UserError, match="its member network differ in 400 of 400 pairs, the first of which is pair 1"):
        members_result(members | {"network": turned}, fused, WEIGHTS, **arguments)
    shorter = dataclasses.replace(
        fused, **{name: getattr(fused, name)[1:] for name in ("distances", "same", "identities", "images")}
    )
    with pytest.raises(UserError, match="its member network differ in the number of pairs, 400 and 399"):
        members_result(members | {"network": shorter}, fused, WEIGHTS, **arguments)
    with pytest.raises(UserError, match=r"held-out identities: .* its member patches differ in"):
        members_result(members, fused, WEIGHTS, **(arguments | {"held_out": held | {"patches": turned}}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": {}}, "at least one member"),
        ({"weights": {"descriptors": 1.0}}, r"weights of \['descriptors'\]; expected the same names"),
        ({"weights": WEIGHTS | {"patches": math.nan}}, "expected finite weights"),
        ({"held_out": {}}, r"held-out pairs of \[\]; expected the same names"),
        ({"held_out": None}, "expected both or neither"),
        ({"fused_held_out": None}, "expected both or neither"),
    ],
)
def test_arguments_that_do_not_fit_together_are_refused(lists, changes: dict, message: str):
    members, fused, held, fused_held = lists
    arguments = {
        "members": members, "fused": fused, "weights": WEIGHTS, "held_out": held, "fused_held_out": fused_held
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        members_result(**(arguments | changes), seed=0)


def test_the_name_of_the_fused_system_is_taken(lists):
    members, fused, _, _ = lists
    with pytest.raises(ValueError, match="none of them named 'fusion'"):
        members_result({FUSED: members["patches"]}, fused, {FUSED: 1.0}, held_out=None, fused_held_out=None, seed=0)


def test_thresholds_are_not_chosen_on_the_evaluated_pairs(lists):
    members, fused, _, _ = lists
    renamed = {name: dataclasses.replace(one, name="others") for name, one in members.items()}
    for held, fused_held in ((members, fused), (renamed, dataclasses.replace(fused, name="others"))):
        with pytest.raises(ValueError, match="must not be chosen on the pairs that it is evaluated on"):
            members_result(members, fused, WEIGHTS, held_out=held, fused_held_out=fused_held, seed=0)


def test_the_result_survives_metrics_json(result: MembersResult):
    metrics = run_metrics(1, members=result)
    text = json.dumps(to_json(metrics), allow_nan=False)
    assert from_json(RunMetrics, json.loads(text), source="metrics.json", remedy="") == metrics
    assert "members" not in to_json(run_metrics(1))
