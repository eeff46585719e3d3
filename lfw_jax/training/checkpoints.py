"""The last and the best state of a run, written by Orbax: in the background, whole or not at all."""

from pathlib import Path
from types import TracebackType
from typing import Self, cast

import jax
import numpy as np
import orbax.checkpoint as ocp

from lfw_jax.errors import UserError
from lfw_jax.training.state import State


class Checkpoints:
    """The checkpoints of a work directory: `last` to resume from, `best` by the validation score.

    Use it in a `with` block, which waits for what is still being written.
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
        """Write a state as "last" or "best"; a state of the same step that is there already is left."""
        manager, step = self._managers[kind], int(state.step)
        if step not in manager.all_steps():
            manager.save(step, args=ocp.args.StandardSave(jax.tree.map(np.asarray, state)))

    def step(self, kind: str) -> int | None:
        """The step of a checkpoint, None if there is none."""
        return self._managers[kind].latest_step()

    def restore(self, kind: str, like: State) -> State:
        """Read a checkpoint into the form of `like`.

        Raises:
          UserError: there is none, or it is of another network.
        """
        step = self.step(kind)
        if step is None:
            raise UserError(
                f"--workdir: found no '{kind}' checkpoint in {self._directory}; train there first with --mode=train."
            )
        self._managers[kind].wait_until_finished()
        target = jax.tree.map(np.asarray, like)
        try:
            found = cast(State, self._managers[kind].restore(step, args=ocp.args.StandardRestore(target)))
        except (ValueError, KeyError, FileNotFoundError) as error:
            raise self._misfit(kind, step, str(error).splitlines()[0]) from error
        # Orbax gives an array as it was written, whatever shape was asked for.
        paths = jax.tree_util.tree_leaves_with_path(target)
        for (path, wanted), leaf in zip(paths, jax.tree.leaves(found), strict=True):
            if wanted.shape != leaf.shape:
                where = jax.tree_util.keystr(path, simple=True, separator=".")
                raise self._misfit(kind, step, f"{where} is {leaf.shape}, expected {wanted.shape}")
        return found

    def _misfit(self, kind: str, step: int, what: str) -> UserError:
        return UserError(
            f"--workdir: the checkpoint {self._directory / kind / str(step)} cannot be read as this configuration's "
            f"network ({what}). Use the configuration that it was trained with, or another --workdir."
        )
