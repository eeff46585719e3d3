"""The search in blocks equals the sorted matrix of all similarities, whatever the blocks and the order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.errors import UserError
from lfw_jax.evaluation.identification.protocol import UNKNOWN, Templates, unit
from lfw_jax.evaluation.identification.search import SearchResult, search, search_blocks
from tests.evaluation.identification.embedded import all_similarities, ranked, templates

FIELDS = ("candidates", "mate_ranks", "similarities", "mate_similarities", "other_similarities")


def assert_equal(one: SearchResult, other: SearchResult) -> None:
    for field in FIELDS[:2]:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    for field in FIELDS[2:]:
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), atol=1e-6)


@pytest.mark.parametrize(("probes", "gallery", "best"), [(17, 40, 5), (1, 1, 1), (9, 4, 8), (30, 31, 31)])
def test_every_number_equals_the_one_of_the_sorted_matrix(probes: int, gallery: int, best: int):
    ours, theirs = templates(probes, 12, seed=1), templates(gallery, 8, seed=2)
    found = search(ours, theirs, best=best, block=(4, 7))
    matrix = all_similarities(ours, theirs)
    for probe in range(probes):
        mates = theirs.subjects == ours.subjects[probe]
        order = ranked(matrix[probe], mates)
        expected = (order + [-1] * best)[:best]
        assert found.candidates[probe].tolist() == expected
        hits = [rank for rank, index in enumerate(order, start=1) if mates[index]]
        assert found.mate_ranks[probe] == (min(hits) if hits else 0)
        assert found.mated[probe] == bool(hits)
        np.testing.assert_allclose(
            found.mate_similarities[probe], max(matrix[probe][mates], default=-np.inf), atol=1e-6
        )
        np.testing.assert_allclose(
            found.other_similarities[probe], max(matrix[probe][~mates], default=-np.inf), atol=1e-6
        )


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 12), st.integers(0, 99))
def test_the_size_of_blocks_changes_nothing(rows: int, columns: int, best: int, seed: int):
    probes, gallery = templates(23, 9, seed=seed), templates(41, 6, seed=seed + 1)
    assert_equal(search(probes, gallery, best=best), search(probes, gallery, best=best, block=(rows, columns)))


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(0, 99))
def test_the_order_of_probes_and_gallery_changes_nothing(random, seed: int):
    probes, gallery = templates(15, 9, seed=seed), templates(33, 6, seed=seed + 1)
    first = np.array(random.sample(range(15), 15))
    second = np.array(random.sample(range(33), 33))
    before = search(probes, gallery, best=4)
    after = search(probes.where(first, "set"), gallery.where(second, "set"), best=4)
    np.testing.assert_array_equal(second[after.candidates], before.candidates[first])
    np.testing.assert_array_equal(after.mate_ranks, before.mate_ranks[first])


def test_ties_are_resolved_against_the_mate_so_that_a_collapsed_network_finds_nobody():
    gallery = Templates("gallery", np.ones((50, 3)), [str(index) for index in range(50)])
    found = search(gallery, gallery, best=3, block=(7, 9))
    assert set(found.mate_ranks.tolist()) == {50}
    assert not (found.candidates == np.arange(50)[:, None]).any()
    # Among entries of other identities, the order of the gallery decides.
    assert found.candidates[10].tolist() == [0, 1, 2]
    assert found.candidates[1].tolist() == [0, 2, 3]


def test_differences_above_the_rounding_are_no_ties():
    gallery = Templates("gallery", [[1.0, 0.0], [1.0, 0.01]], ["a", "b"])
    assert search(gallery, gallery).mate_ranks.tolist() == [1, 1]


def test_of_several_mates_the_best_counts_and_none_stands_before_it():
    gallery = Templates("gallery", [[0.9, 0.1], [1.0, 0.0], [0.5, 0.5], [0.8, 0.2]], ["a", "a", "b", "a"])
    found = search(Templates("probe", [[1.0, 0.0]], ["a"]), gallery, best=4)
    assert found.mate_ranks.tolist() == [1]
    assert found.candidates.tolist() == [[1, 0, 3, 2]]


def test_a_distractor_is_nobodys_mate():
    gallery = templates(5, 3, seed=1).with_distractors(np.eye(6)[:4] * 7)
    assert gallery.known.sum() == 5
    np.testing.assert_allclose(np.linalg.norm(gallery.embeddings, axis=1), 1, rtol=1e-6)
    probe = Templates("probe", np.eye(6)[:1], [UNKNOWN])
    found = search(probe, gallery)
    assert found.mate_ranks.tolist() == [0]
    assert found.candidates.tolist() == [[5]]
    assert found.mate_similarities.tolist() == [-np.inf]
    assert found.other_similarities[0] == pytest.approx(1)


def test_leaving_one_out_compares_nothing_with_itself():
    items = templates(25, 5, seed=3)
    parts = list(search_blocks(items, items, best=24, leave_one_out=True, block=(6, 10)))
    candidates = np.concatenate([found.candidates for _, found in parts])
    np.testing.assert_array_equal(np.sort(candidates, axis=1), [[j for j in range(25) if j != i] for i in range(25)])
    ranks = np.concatenate([found.mate_ranks for _, found in parts])
    mates = items.subjects[candidates] == items.subjects[:, None]
    np.testing.assert_array_equal(ranks, np.where(mates.any(axis=1), mates.argmax(axis=1) + 1, 0))
    with pytest.raises(ValueError, match="one set"):
        next(search_blocks(items, templates(25, 5, seed=3), leave_one_out=True))


def test_an_empty_side_or_another_length_is_one_sentence():
    some, none = templates(3, 2, seed=0), templates(0, 2, seed=0, name="nothing.csv")
    with pytest.raises(UserError, match=r"nothing.csv: found an empty gallery, expected at least one template"):
        search(some, none)
    with pytest.raises(UserError, match="found an empty set of probes"):
        search(none, some)
    with pytest.raises(UserError, match="found embeddings of length 4, expected 6"):
        search(templates(3, 2, seed=0, dim=4), some)


def test_embeddings_are_checked_once():
    with pytest.raises(UserError, match="1 of 2 embeddings are not finite, the first of template 2"):
        Templates("set", [[1.0, 0.0], [np.nan, 0.0]], ["a", "b"])
    with pytest.raises(ValueError, match="found shapes"):
        Templates("set", [[1.0, 0.0]], ["a", "b"])


def test_unit_length_survives_any_scale_and_zero_stays_zero():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 4)) * np.array([1e-200, 1e200, 1.0, 1e-3, 0.0])[:, None]
    found = unit(vectors)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 1, 1, 0], rtol=1e-6)
    np.testing.assert_allclose(found[2], vectors[2] / np.linalg.norm(vectors[2]), rtol=1e-6)
