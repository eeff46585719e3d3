"""Checkpoints of the last and the best state of a run, written atomically in the background by Orbax."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import jax
import numpy as np
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from lfw_jax.errors import UserError
from lfw_jax.training.state import State


class Checkpoints:
    """The checkpoints of a work directory: `last` to resume from, `best` by the validation score.

    Use it in a `with` block, which waits until all checkpoints are written.

    Args:
      directory: the folder of the checkpoints; created if missing.
    """

    def __init__(self, directory: str | Path):
        self._directory = Path(directory).resolve()
        options = ocp.CheckpointManagerOptions(max_to_keep=1, create=True)
        self._managers = {
            kind: ocp.CheckpointManager(self._directory / kind, options=options) for kind in ("last", "best")
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for manager in self._managers.values():
            manager.wait_until_finished()
            manager.close()

    def save(self, kind: str, state: State) -> None:
        """Write a state. An existing checkpoint of the same step is kept.

        Args:
          kind: "last" or "best".
          state: the state.
        """
        manager, step = self._managers[kind], int(state.step)
        if step not in manager.all_steps():
            manager.save(step, args=ocp.args.StandardSave(jax.tree.map(np.asarray, state)))

    def step(self, kind: str) -> int | None:
        """Return the step of a checkpoint, None if there is none.

        Args:
          kind: "last" or "best".
        """
        return self._managers[kind].latest_step()

    def restore(self, kind: str, like: State) -> State:
        """Read the whole state of a checkpoint, to resume from.

        Args:
          kind: "last" or "best".
          like: a state of the same structure and shapes.

        Returns:
          The state, of numpy arrays.

        Raises:
          UserError: there is no such checkpoint, or it belongs to another network.
        """
        step = self._existing_step(kind)
        target = jax.tree.map(np.asarray, like)
        try:
            found = cast(State, self._managers[kind].restore(step, args=ocp.args.StandardRestore(target)))
        except (ValueError, KeyError, FileNotFoundError) as error:
            raise self._misfit(kind, step, str(error).splitlines()[0]) from error
        # Orbax returns arrays in the shape in which they were written, whatever the shape of the target.
        self._check_shapes(kind, step, found, target)
        return found

    def restore_variables(self, kind: str, like: PyTree) -> PyTree:
        """Read the variables of the network alone. No objective, optimiser or state is needed.

        Args:
          kind: "last" or "best".
          like: `params` and `batch_stats` of the network: arrays, or their shapes as `jax.ShapeDtypeStruct`.

        Returns:
          `params` and `batch_stats`, of numpy arrays, as `State.variables` returns them.

        Raises:
          UserError: there is no such checkpoint, or it belongs to another network.
        """
        step = self._existing_step(kind)
        # Without a target, Orbax also reads the arrays of the optimiser. Its partial restore reads less, but it silently fills
        # arrays that the checkpoint lacks with the values of the target.
        try:
            tree = cast(dict[str, Any], self._managers[kind].restore(step, args=ocp.args.StandardRestore()))
            found = {"params": tree["params"]["model"], "batch_stats": tree["batch_stats"]}
        except (ValueError, KeyError, FileNotFoundError) as error:
            raise self._misfit(kind, step, str(error).splitlines()[0]) from error
        self._check_shapes(kind, step, found, like)
        return found

    def _existing_step(self, kind: str) -> int:
        step = self.step(kind)
        if step is None:
            raise UserError(
                f"--workdir: found no '{kind}' checkpoint in {self._directory}; train there first with --mode=train."
            )
        self._managers[kind].wait_until_finished()
        return step

    def _check_shapes(self, kind: str, step: int, found: PyTree, like: PyTree) -> None:
        """Raise UserError if the arrays of a checkpoint differ from `like` in their names or shapes."""
        ours, theirs = (
            {jax.tree_util.keystr(path, simple=True, separator="."): leaf.shape for path, leaf in leaves}
            for leaves in map(jax.tree_util.tree_leaves_with_path, (found, like))
        )
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                here, expected = ours.get(name, "missing"), theirs.get(name, "none")
                raise self._misfit(kind, step, f"{name} is {here}, expected {expected}")

    def _misfit(self, kind: str, step: int, what: str) -> UserError:
        return UserError(
            f"--workdir: the checkpoint {self._directory / kind / str(step)} cannot be read as this configuration's "
            f"network ({what}). Use the configuration that it was trained with, or another --workdir."
        )
