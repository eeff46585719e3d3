"""Checkpoints: what was written is read back, whole, and what does not fit is told."""

import errno
import os
from pathlib import Path
from unittest.mock import Mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from lfw_jax.errors import UserError
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.state import State


def state(step: int, width: int = 3) -> State:
    params = {"model": {"kernel": jnp.full((2, width), float(step))}, "objective": {}}
    return State(jnp.asarray(step, jnp.int32), params, {"mean": jnp.arange(2.0)}, {}, optax.adam(0.1).init(params))


def test_last_and_best_are_kept_and_read_back(tmp_path: Path):
    with Checkpoints(tmp_path / "run") as checkpoints:
        assert checkpoints.step("last") is None
        for step in (1, 2, 3):
            checkpoints.save("last", state(step))
        checkpoints.save("best", state(2))
        checkpoints.save("last", state(3))  # again: nothing to do
    with Checkpoints(tmp_path / "run") as checkpoints:
        assert (checkpoints.step("last"), checkpoints.step("best")) == (3, 2)
        for kind, step in (("last", 3), ("best", 2)):
            found = checkpoints.restore(kind, state(0))
            assert isinstance(found, State)
            for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(state(step)), strict=True):
                np.testing.assert_array_equal(ours, theirs)
    assert len([path for path in (tmp_path / "run" / "last").iterdir() if path.is_dir()]) == 1


def test_no_checkpoint_and_one_of_another_network_are_told(tmp_path: Path):
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(UserError, match="no 'best' checkpoint"):
            checkpoints.restore("best", state(0))
        checkpoints.save("last", state(1))
        with pytest.raises(UserError, match="another --workdir"):
            checkpoints.restore("last", state(0, width=5))


def shapes(width: int = 3, name: str = "kernel") -> dict:
    kernel = jax.ShapeDtypeStruct((2, width), jnp.float32)
    return {"params": {name: kernel}, "batch_stats": {"mean": jax.ShapeDtypeStruct((2,), jnp.float32)}}


def test_the_variables_are_read_without_objective_and_optimizer(tmp_path: Path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save("best", state(4))
        fresh = checkpoints.restore_variables("best", shapes())
    with Checkpoints(tmp_path) as checkpoints:
        again = checkpoints.restore_variables("best", shapes())
    for found in (fresh, again):
        assert set(found) == {"params", "batch_stats"}  # nothing of the optimiser
        assert jax.tree.structure(found) == jax.tree.structure(state(4).variables())
        jax.tree.map(np.testing.assert_array_equal, found, state(4).variables())


@pytest.mark.parametrize(
    ("like", "words"),
    [
        (shapes(width=5), r"params\.kernel is \(2, 3\), expected \(2, 5\)"),
        (shapes(name="weight"), r"params\.kernel is \(2, 3\), expected none"),
        ({**shapes(), "batch_stats": {}}, r"batch_stats\.mean is \(2,\), expected none"),
    ],
)
def test_variables_of_another_network_are_refused(tmp_path: Path, like: dict, words: str):
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(UserError, match="no 'last' checkpoint"):
            checkpoints.restore_variables("last", like)
        checkpoints.save("last", state(1))
        with pytest.raises(UserError, match=words + r".*another --workdir"):
            checkpoints.restore_variables("last", like)


def test_a_state_with_a_score_replaces_one_of_the_same_or_of_a_later_step(tmp_path: Path):
    with Checkpoints(tmp_path / "run") as checkpoints:
        assert checkpoints.score("best") is None
        assert not (tmp_path / "run").exists()  # nothing is created before the first save
        for step, score, value in ((10, 0.8, 10), (6, 0.85, 6), (6, 0.1 + 0.2, 7)):
            checkpoints.save("best", state(value).replace(step=jnp.asarray(step)), score=score)
            checkpoints.wait("best")
    with Checkpoints(tmp_path / "run") as checkpoints:
        assert (checkpoints.step("best"), checkpoints.score("best")) == (6, 0.1 + 0.2)
        np.testing.assert_array_equal(checkpoints.restore("best", state(0)).params["model"]["kernel"], 7.0)


FULL = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, FULL), ValueError(f"RESOURCE_EXHAUSTED: Failed to write 8 bytes: {FULL}")]
)
@pytest.mark.parametrize("method", ["save", "wait_until_finished"])
def test_a_full_disk_is_one_sentence_and_leaves_the_checkpoint_before(tmp_path: Path, error, method: str, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("last", state(1))
    checkpoints.wait("last")
    (tmp_path / "last" / "2.orbax-checkpoint-tmp").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(ocp.CheckpointManager, method, Mock(side_effect=error))
        with pytest.raises(UserError, match=f"{FULL}.*step 1 is intact.*same command"), checkpoints:
            checkpoints.save("last", state(2))
    assert not list((tmp_path / "last").glob("*tmp*"))
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.step("last") == 1
        np.testing.assert_array_equal(checkpoints.restore("last", state(0)).params["model"]["kernel"], 1.0)


def test_an_error_while_closing_does_not_hide_what_ended_the_block(tmp_path: Path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("last", state(1))
    checkpoints.wait("last")
    monkeypatch.setattr(ocp.CheckpointManager, "close", Mock(side_effect=OSError(errno.ENOSPC, FULL)))
    with pytest.raises(KeyboardInterrupt), checkpoints:
        raise KeyboardInterrupt
    with pytest.raises(UserError, match=FULL):
        checkpoints.__exit__(None, None, None)


def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path: Path):
    (tmp_path / "checkpoints").touch()
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        assert checkpoints.step("last") is None
        with pytest.raises(UserError, match=r"checkpoint cannot be written to .*/checkpoints/last"):
            checkpoints.save("last", state(1))


def damage(folder: Path, file: str, text: str | None) -> None:
    path = folder / file
    path.unlink() if text is None else path.write_text(text)


FILES = [
    ("default/_METADATA", "[]"),
    ("default/_METADATA", "{"),
    ("default/_METADATA", None),
]
FILES += [("default/manifest.ocdbt", ""), ("default/manifest.ocdbt", None)]


# Orbax closes its event loop while other arrays of a damaged checkpoint are still being read.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("file", "text"), FILES)
def test_a_damaged_last_checkpoint_is_called_damaged_and_training_resumes_from_the_best(
    tmp_path: Path, file: str, text: str | None
):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save("best", state(2))
        checkpoints.save("last", state(3))
    damage(tmp_path / "last" / "3", file, text)
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(UserError, match=r"last/3 is damaged"):
            checkpoints.restore("last", state(0))
        found, note = checkpoints.resume(state(0))
        assert "last/3 is damaged" in note
        jax.tree.map(np.testing.assert_array_equal, found, state(2))
        checkpoints.save("last", state(3))  # the step of the damaged one is written again
    assert (tmp_path / "damaged_last_3").is_dir()
    with Checkpoints(tmp_path) as checkpoints:
        again, note = checkpoints.resume(state(0))
        assert (int(again.step), note) == (3, "")


@pytest.mark.parametrize("text", ["[]", "7", "{", "", None])
def test_a_checkpoint_with_a_damaged_description_is_read(tmp_path: Path, text: str | None):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save("last", state(3))
    damage(tmp_path / "last" / "3", "_CHECKPOINT_METADATA", text)
    with Checkpoints(tmp_path) as checkpoints:
        found, note = checkpoints.resume(state(0))
        assert (int(found.step), note) == (3, "")


def test_another_checkpoint_is_evaluated_instead_of_a_damaged_one_unless_both_are_damaged(tmp_path: Path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save("best", state(2))
        checkpoints.save("last", state(3))
    damage(tmp_path / "best" / "2", "default/_METADATA", "[]")
    with Checkpoints(tmp_path) as checkpoints:
        found, kind, note = checkpoints.restore_evaluated("best", shapes())
    assert (kind, "best/2 is damaged" in note) == ("last", True)
    jax.tree.map(np.testing.assert_array_equal, found, state(3).variables())
    damage(tmp_path / "last" / "3", "default/_METADATA", "[]")
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(UserError, match=r"best/2 is damaged.*last/3 is damaged.*backup"):
            checkpoints.restore_evaluated("best", shapes())
        with pytest.raises(UserError, match=r"last/3 is damaged.*best/2 is damaged.*backup"):
            checkpoints.resume(state(0))
    assert (tmp_path / "last" / "3").is_dir()  # nothing was set aside
