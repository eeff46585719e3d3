"""Checkpoints: what was written is read back, whole, and what does not fit is told."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
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
