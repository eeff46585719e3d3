import dataclasses

import numpy as np
import pytest

from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import ScoredPairs, read_scores, write_scores


def scored(**changes) -> ScoredPairs:
    fields = dict(
        name="test",
        distances=[0.25, 1.5, 0.75],
        same=[True, False, True],
        identities=[["Ann", "Ann"], ["Ann", "Zoë"], ["Bo", "Bo"]],
        images=[[1, 2], [1, 1], [3, 1]],
        folds=[0, 1, 1],
    )
    return ScoredPairs(**(fields | changes))


def test_scores_are_read_as_they_were_written(tmp_path):
    lists = {"test": scored(), "held_out": scored(name="others", identities=None, images=None, folds=None, named=False)}
    write_scores(tmp_path / "scores.npz", lists)
    found = read_scores(tmp_path / "scores.npz")
    assert list(found) == ["test", "held_out"]
    for role, pairs in lists.items():
        for field in dataclasses.fields(pairs):
            np.testing.assert_array_equal(getattr(found[role], field.name), getattr(pairs, field.name))
    assert found["held_out"].identities is None
    assert found["test"].distances.dtype == np.float64


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (dict(distances=[0.25, np.nan, 0.75]), "1 of 3 distances are not finite, the first at pair 2"),
        (dict(same=[True, True, True]), "found 3 same pairs and 0 different pairs"),
    ],
)
def test_pairs_that_cannot_be_evaluated_are_refused(changes, said):
    with pytest.raises(UserError, match=said):
        scored(**changes)


@pytest.mark.parametrize(
    "changes", [dict(same=[True, False]), dict(images=[[1, 2, 3]]), dict(folds=[0]), dict(distances=1.0)]
)
def test_arrays_of_unequal_length_are_refused(changes):
    with pytest.raises(ValueError, match="test: expected"):
        scored(**changes)


def test_a_damaged_or_foreign_file_is_refused_in_words(tmp_path):
    path = tmp_path / "scores.npz"
    with pytest.raises(UserError, match="found no such file"):
        read_scores(path)
    path.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UserError, match="not readable as scores"):
        read_scores(path)
    path.write_text("distance,same\n0.5,1\n")
    with pytest.raises(UserError, match=r"it is not an \.npz file"):
        read_scores(path)
    np.savez(path, version=np.int64(7))
    with pytest.raises(UserError, match="layout 7, expected 1"):
        read_scores(path)
    np.savez(path, version=np.int64(1), **{"test/name": "x"})
    with pytest.raises(UserError, match="test/distances"):
        read_scores(path)


def test_distances_that_are_not_finite_are_refused_with_the_name_of_their_file(tmp_path):
    path = tmp_path / "scores.npz"
    write_scores(path, {"test": scored()})
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["test/distances"][1] = np.nan
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=r"scores\.npz: test: 1 of 3 distances are not finite"):
        read_scores(path)
