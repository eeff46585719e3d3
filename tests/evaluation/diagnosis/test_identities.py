"""Each error counts for the identities that take part in it."""

import numpy as np
import pytest

from lfw_jax.evaluation.diagnosis.identities import HARDEST, identity_difficulty
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.thresholds import wilson_interval


def test_errors_count_for_one_identity_of_a_same_pair_and_for_both_of_a_different_pair():
    people = [("Ann", "Ann"), ("Ann", "Ann"), ("Ann", "Bob"), ("Bob", "Cid"), ("Cid", "Cid"), ("Bob", "Dan")]
    same = [True, True, False, False, True, False]
    accepted = np.array([True, False, True, False, True, False])
    found = identity_difficulty(ScoredPairs("test", np.zeros(6), same, identities=people), accepted)
    assert found is not None
    assert (found.identities, found.with_errors, found.errors) == (4, 2, 2)
    assert [one.name for one in found.hardest] == ["Ann", "Bob"]
    ann, bob = found.hardest
    assert (ann.same_pairs, ann.false_non_matches, ann.different_pairs, ann.false_matches) == (2, 1, 1, 1)
    assert (bob.same_pairs, bob.false_non_matches, bob.different_pairs, bob.false_matches) == (0, 0, 3, 1)
    assert (ann.pairs, ann.errors, ann.error_interval) == (3, 2, wilson_interval(2, 3))
    assert (found.most_errors, found.most_errors_share, found.most_errors_pair_share) == ("Ann", 1.0, 0.5)


def test_one_error_of_one_pair_does_not_precede_nine_of_ten():
    people = [("Rare", "Other")] + [("Often", f"o{i}") for i in range(10)] + [("Same", "Same")]
    accepted = np.array([True] + [True] * 9 + [False, True])
    pairs = ScoredPairs("test", np.zeros(12), [False] * 11 + [True], identities=people)
    found = identity_difficulty(pairs, accepted)
    assert found is not None
    assert found.hardest[0].name == "Often"
    assert len(found.hardest) == HARDEST


def test_without_errors_none_is_hard_and_without_names_none_is_known():
    pairs = ScoredPairs("test", [0.1, 0.9], [True, False], identities=[("a", "a"), ("a", "b")])
    found = identity_difficulty(pairs, np.array([True, False]))
    assert found is not None
    assert (found.hardest, found.most_errors, found.most_errors_share) == ((), None, 0.0)
    assert found.most_errors_pair_share == pytest.approx(1.0)
    assert identity_difficulty(ScoredPairs("test", [0.1, 0.9], [True, False]), np.array([True, False])) is None
