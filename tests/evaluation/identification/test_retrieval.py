"""Precision@1, R-precision and MAP@R as in "A Metric Learning Reality Check", derived from sorted lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.evaluation.identification.protocol import UNKNOWN, Templates
from lfw_jax.evaluation.identification.retrieval import measures_at_r, retrieve
from tests.evaluation.identification.embedded import all_similarities, ranked, templates


def by_definition(items: Templates) -> tuple[list[dict[str, float]], list[str]]:
    """Return the measures of each query and its identity, from the definitions, one query after another."""
    similar, measures, subjects = all_similarities(items, items), [], []
    for query in range(len(items)):
        mates = (items.subjects == items.subjects[query]) & (items.subjects != UNKNOWN)
        mates[query] = False
        order = [index for index in ranked(similar[query], mates) if index != query]
        right = [bool(mates[index]) for index in order]
        count = sum(right)
        if not count:
            continue
        average = sum(sum(right[:i]) / i for i in range(1, count + 1) if right[i - 1]) / count
        measures.append(
            {
                "precision_at_1": float(right[0]),
                "r_precision": sum(right[:count]) / count,
                "map_at_r": average,
                "first": right.index(True),
            }
        )
        subjects.append(str(items.subjects[query]))
    return measures, subjects


@settings(max_examples=30)
@given(st.integers(0, 999), st.floats(0.2, 2), st.integers(1, 40), st.integers(1, 40))
def test_every_measure_equals_its_definition(seed: int, noise: float, rows: int, columns: int):
    items = templates(35, 9, seed=seed, noise=noise).with_distractors(np.eye(6)[:3])
    found = retrieve(items, block=(rows, columns))
    measures, subjects = by_definition(items)
    assert found is not None
    assert (found.items, found.queries, found.identities) == (38, len(measures), len(set(subjects)))
    for name in ("precision_at_1", "r_precision", "map_at_r"):
        values = [measure[name] for measure in measures]
        assert getattr(found.over_queries, name) == pytest.approx(np.mean(values))
        each = [
            np.mean([v for v, s in zip(values, subjects, strict=True) if s == subject]) for subject in set(subjects)
        ]
        assert getattr(found.over_identities, name) == pytest.approx(np.mean(each))
    assert [point.rank for point in found.recall] == [1, 2, 4, 8, 16, 32]
    for point in found.recall:
        assert point.rate == pytest.approx(np.mean([measure["first"] < point.rank for measure in measures]))


def test_the_example_of_the_paper_tells_apart_what_precision_at_1_does_not():
    # R is 10. The first result is right in all three lists: alone, with all others, with the tenth.
    hits = np.array([[True] + [False] * 9, [True] * 10, [True] + [False] * 8 + [True]])
    found = measures_at_r(hits, np.array([10, 10, 10]))
    np.testing.assert_allclose(found, [[1, 0.1, 0.1], [1, 1, 1], [1, 0.2, (1 + 2 / 10) / 10]])
    # Ranks beyond R do not count.
    np.testing.assert_allclose(measures_at_r(np.array([[False, True, True]]), np.array([2])), [[0, 0.5, 0.25]])


def test_perfect_embeddings_score_one_and_collapsed_ones_zero():
    labels = np.repeat(np.arange(6), 4).astype(str)
    perfect = retrieve(Templates("set", np.eye(6)[np.repeat(np.arange(6), 4)], labels))
    collapsed = retrieve(Templates("set", np.ones((24, 6)), labels))
    assert perfect is not None
    assert collapsed is not None
    assert set(vars(perfect.over_queries).values()) == set(vars(perfect.over_identities).values()) == {1.0}
    assert set(vars(collapsed.over_queries).values()) == {0.0}
    assert [point.rate for point in collapsed.recall] == [0.0] * 5  # 20 others come first


@settings(max_examples=30)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_items_changes_nothing(random):
    items = templates(40, 8, seed=2)
    order = np.array(random.sample(range(40), 40))
    before, after = retrieve(items), retrieve(items.where(order, "set"))
    assert before is not None
    assert after is not None
    assert before.recall == after.recall
    for field in ("over_queries", "over_identities"):
        one, other = vars(getattr(before, field)), vars(getattr(after, field))
        assert one == pytest.approx(other, abs=1e-12)


def test_a_set_without_two_identities_of_two_items_has_no_result():
    vectors = np.eye(4)
    assert retrieve(Templates("set", vectors, ["a", "a", "b", "c"])) is None
    assert retrieve(Templates("set", vectors, ["a", "a", UNKNOWN, UNKNOWN])) is None
    assert retrieve(Templates("set", vectors, ["a", "a", "b", "b"])) is not None
