"""Accuracy by quantiles of an attribute, counted pair by pair."""

import numpy as np
import pytest

from lfw_jax.evaluation.diagnosis.conditions import ImageAttribute, condition, conditions
from lfw_jax.evaluation.intervals.identity_graph import identity_graph, unknown_identities
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.thresholds import wilson_interval

FIRST, SECOND = np.arange(0, 18, 2), np.arange(1, 18, 2)
SAME = np.array([True, False, True] * 3)
ALONE = unknown_identities(9)


def attribute(values, harder="low") -> ImageAttribute:
    return ImageAttribute("sharpness", "variance", np.asarray(values, float), harder)


def test_pairs_are_in_equal_parts_by_the_harder_of_their_images():
    values = np.arange(18.0)
    accepted = SAME.copy()
    accepted[:2] = ~accepted[:2]
    found = condition(attribute(values), (FIRST, SECOND), accepted, SAME, ALONE)
    assert [(one.low, one.high, one.pairs) for one in found.bins] == [(0, 4, 3), (6, 10, 3), (12, 16, 3)]
    hard = found.hard_bin
    assert (hard.accuracy, hard.interval, hard.same_pairs) == (
        pytest.approx(1 / 3),
        pytest.approx(wilson_interval(1, 3)),
        2,
    )
    assert (hard.false_match_rate, hard.false_non_match_rate) == (1.0, 0.5)
    assert found.easy_bin.accuracy == 1.0
    other = condition(attribute(values, "high"), (FIRST, SECOND), accepted, SAME, ALONE)
    assert [(one.low, one.high) for one in other.bins] == [(1, 5), (7, 11), (13, 17)]
    assert (other.easy_bin.accuracy, other.hard_bin.accuracy) == (pytest.approx(1 / 3), 1.0)


def test_unknown_values_are_counted_and_in_no_part():
    values = np.arange(18.0)
    values[[1, 4]] = np.nan
    found = condition(attribute(values), (FIRST, SECOND), SAME, SAME, ALONE)
    assert found.unknown == 2
    assert sum(one.pairs for one in found.bins) == 7


def test_equal_values_share_a_part():
    found = condition(attribute(np.repeat([1.0, 1.0, 2.0], 6)), (FIRST, SECOND), SAME, SAME, ALONE)
    assert [(one.low, one.high, one.pairs) for one in found.bins] == [(1, 1, 6), (2, 2, 3)]
    assert len(condition(attribute(np.ones(18)), (FIRST, SECOND), SAME, SAME, ALONE).bins) == 1


def test_all_unknown_gives_no_part():
    found = conditions({"x": attribute(np.full(18, np.nan))}, (FIRST, SECOND), SAME, SAME, ALONE)
    assert (found["x"].bins, found["x"].unknown) == ((), 9)


def test_intervals_count_the_identities_of_a_part():
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(30), 20)
    right = np.repeat(rng.random(30) < 0.7, 20)  # all pairs of an identity are right or wrong together
    same = np.ones(600, bool)
    graph = identity_graph(np.stack([owner, owner], axis=1))
    values = rng.random(600)
    found = condition(attribute(values), (np.arange(600), np.arange(600)), right, same, graph)
    part = np.flatnonzero(values <= found.bins[0].high)
    assert found.bins[0].interval == rate_interval(right[part], graph.subset(part)).ends
    naive = wilson_interval(int(right[part].sum()), len(part))
    assert found.bins[0].interval[1] - found.bins[0].interval[0] > 1.5 * (naive[1] - naive[0])
