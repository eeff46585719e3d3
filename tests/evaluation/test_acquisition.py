"""Failures to acquire are counted, and never dropped."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.evaluation.acquisition import acquisition, thresholds_in_use
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify, verify_folds, with_held_out_threshold


def sampled(seed: int, pairs: int = 60, name: str = "test") -> ScoredPairs:
    rng = np.random.default_rng(seed)
    people = rng.integers(8, size=(pairs, 2))
    people[:2] = [[0, 0], [0, 1]]
    same = people[:, 0] == people[:, 1]
    numbers = rng.integers(1, 5, size=(pairs, 2))
    distances = rng.normal(1.0, 0.2, pairs) + 0.3 * ~same
    return ScoredPairs(name, distances, same, np.char.add("p", people.astype(str)), numbers, np.arange(pairs) % 3)


@given(st.integers(0, 500), st.sets(st.tuples(st.sampled_from(["p0", "p1", "p5"]), st.integers(1, 4))))
def test_rates_are_those_of_each_pair_taken_by_hand(seed: int, undetected: set[tuple[str, int]]):
    pairs = sampled(seed)
    assert pairs.identities is not None
    assert pairs.images is not None
    found = acquisition(pairs, undetected, {"one": 1.1})
    counts = dict.fromkeys(("failed same", "failed different", "fm", "fnm", "fa", "fr"), 0)
    keys = set()
    for names, numbers, same, distance in zip(
        pairs.identities.tolist(), pairs.images.tolist(), pairs.same.tolist(), pairs.distances.tolist(), strict=True
    ):
        both = set(zip(names, numbers, strict=True))
        keys |= both
        failed, accepted = bool(both & undetected), distance < 1.1
        counts["failed same"] += failed and same
        counts["failed different"] += failed and not same
        counts["fm"] += accepted and not same
        counts["fnm"] += not accepted and same
        counts["fa"] += accepted and not failed and not same
        counts["fr"] += same and (failed or not accepted)
    assert (found.images, found.undetected) == (len(keys), len(keys & undetected))
    assert (found.same_pairs, found.different_pairs) == (counts["failed same"], counts["failed different"])
    (rates,) = found.rates
    same, different = pairs.same.sum(), (~pairs.same).sum()
    assert rates.false_match_rate == pytest.approx(counts["fm"] / different)
    assert rates.false_non_match_rate == pytest.approx(counts["fnm"] / same)
    assert rates.false_accept_rate == pytest.approx(counts["fa"] / different)
    assert rates.false_reject_rate == pytest.approx(counts["fr"] / same)


def test_the_thresholds_are_those_of_the_result():
    test = dataclasses.replace(sampled(0), folds=None)
    result = verify(test, sampled(1, name="development"))
    metrics = with_held_out_threshold(result, sampled(2, name="held out")).metrics
    assert metrics.held_out_threshold is not None
    assert thresholds_in_use(metrics, test) == {
        "development": metrics.by_rule("accuracy").threshold,
        "held out": metrics.held_out_threshold.threshold,
    }


def test_a_list_by_folds_is_evaluated_at_the_threshold_of_each_fold():
    pairs = sampled(3, pairs=90)
    metrics = verify_folds(pairs).metrics
    assert metrics.folds is not None
    ((_, threshold),) = thresholds_in_use(metrics, pairs).items()
    assert threshold[:4].tolist() == [*metrics.folds.thresholds, metrics.folds.thresholds[0]]
    (rates,) = acquisition(pairs, set(), thresholds_in_use(metrics, pairs)).rates
    best = metrics.by_rule("accuracy")
    assert rates.false_match_rate == rates.false_accept_rate == pytest.approx(best.false_accept_rate)
    assert rates.false_non_match_rate == rates.false_reject_rate == pytest.approx(best.false_reject_rate)


def test_pairs_without_their_images_are_refused():
    with pytest.raises(ValueError, match="expected the images of the pairs"):
        acquisition(dataclasses.replace(sampled(0), images=None), set(), {"one": 1.0})
