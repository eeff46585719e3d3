"""Checkpoints of the last and the best state of a run, written atomically in the background by Orbax."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import jax
import numpy as np
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from lfw_jax.errors import UserError
from lfw_jax.training.checkpoint_faults import DamagedCheckpointError, check_shapes, fault_of
from lfw_jax.training.checkpoint_files import (
    UNREADABLE,
    Managers,
    is_not_raised,
    set_aside_damaged_metadata,
    writing,
)
from lfw_jax.training.state import State

_SCORE = "validation_score"
_OTHER = {"last": "best", "best": "last"}
_orbax_log = logging.getLogger("absl")


class Checkpoints:
    """The checkpoints of a work directory: `last` to resume from, `best` by the validation score.

    Use it in a `with` block, which waits until all checkpoints are written.

    Args:
      directory: the folder of the checkpoints; created by the first `save`.
    """

    def __init__(self, directory: str | Path):
        self._directory = Path(directory).resolve()
        set_aside_damaged_metadata(self._directory)
        self._managers = Managers(self._directory)

    def __enter__(self) -> Self:
        _orbax_log.addFilter(is_not_raised)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failures: list[Exception] = []
        for managed, manager in self._managers.items():
            try:
                with writing(self._directory / managed):
                    manager.close()  # waits first
            except Exception as failure:
                failures.append(failure)
        _orbax_log.removeFilter(is_not_raised)
        if failures and error is None:  # otherwise, what ended the block is reported
            raise failures[0]

    def save(self, kind: str, state: State, *, score: float | None = None) -> None:
        """Write a state in the background. It replaces the checkpoint of its kind as soon as it is written.

        A checkpoint of the same step is kept, unless a score is given.

        Args:
          kind: "last" or "best".
          state: the state.
          score: the validation score of the state, which is stored with it.

        Raises:
          UserError: this checkpoint, or the one before it, cannot be written.
        """
        step = int(state.step)
        with writing(self._directory / kind):
            manager = self._managers[kind]
            manager.wait_until_finished()
            if score is None and step in manager.all_steps():
                return
            for stale in [found for found in manager.all_steps() if found >= step]:
                manager.delete(stale)  # Orbax ignores a save of a step that is not above all others
            metadata = None if score is None else {_SCORE: score}
            arrays = ocp.args.StandardSave(jax.tree.map(np.asarray, state))
            manager.save(step, args=arrays, custom_metadata=metadata)

    def wait(self, kind: str) -> None:
        """Wait until the latest save of a kind is complete.

        Args:
          kind: "last" or "best".

        Raises:
          UserError: the checkpoint cannot be written.
        """
        with writing(self._directory / kind):
            self._managers[kind].wait_until_finished()

    def score(self, kind: str) -> float | None:
        """Return the score that was saved with a checkpoint, None if there is no checkpoint or no score.

        Args:
          kind: "last" or "best".
        """
        step = self.step(kind)
        if step is None:
            return None
        self.wait(kind)
        score = (self._managers[kind].metadata(step).custom_metadata or {}).get(_SCORE)
        return score if isinstance(score, float) else None

    def step(self, kind: str) -> int | None:
        """Return the step of a checkpoint, None if there is none.

        Args:
          kind: "last" or "best".
        """
        if kind not in self._managers and not (self._directory / kind).is_dir():
            return None
        return self._managers[kind].latest_step()

    def resume(self, like: State) -> tuple[State, str]:
        """Read the state to resume from: "last", or "best" if "last" is damaged.

        A damaged "last" is set aside as `damaged_last_<step>`, and the state of "best" takes its place. Training goes on from
        there exactly as it did before.

        Args:
          like: a state of the same structure and shapes.

        Returns:
          The state, of numpy arrays, and a note on a damaged checkpoint, "" if there is none.

        Raises:
          UserError: there is no such checkpoint, it belongs to another network, or both are damaged.
        """
        try:
            return self.restore("last", like), ""
        except DamagedCheckpointError as damage:
            step = self._existing_step("last")
            state = self._instead_of("last", damage, lambda kind: self.restore(kind, like))
            aside = self._directory / f"damaged_last_{step}"
            shutil.rmtree(aside, ignore_errors=True)
            (self._directory / "last" / str(step)).rename(aside)
            self._managers["last"].reload()
            self.save("last", state)
            return state, f"{damage} It is set aside as {aside}; training resumes from the 'best' checkpoint."

    def restore_evaluated(self, kind: str, like: PyTree) -> tuple[PyTree, str, str]:
        """Read the network for an evaluation, from the other checkpoint if the wanted one is damaged.

        Args:
          kind: "last" or "best".
          like: as for `restore_variables`.

        Returns:
          The variables as `restore_variables` returns them, the kind that was read, and a note on a damaged checkpoint, "" if
          there is none.

        Raises:
          UserError: there is no such checkpoint, it belongs to another network, or both are damaged.
        """
        try:
            return self.restore_variables(kind, like), kind, ""
        except DamagedCheckpointError as damage:
            variables = self._instead_of(kind, damage, lambda other: self.restore_variables(other, like))
            other = _OTHER[kind]
            return variables, other, f"{damage} The '{other}' checkpoint is evaluated instead."

    def _instead_of(self, kind: str, damage: DamagedCheckpointError, read: Callable[[str], Any]) -> Any:
        """Read the other checkpoint than a damaged one. Raises UserError if there is no whole one."""
        other = _OTHER[kind]
        try:
            if self.step(other) is not None:
                return read(other)
        except DamagedCheckpointError as second:
            raise UserError(
                f"{damage} {second} Restore one from a backup, or train again in another --workdir."
            ) from second
        raise UserError(
            f"{damage} There is no '{other}' checkpoint to use instead. Restore it from a backup, or train again in another "
            "--workdir."
        ) from damage

    def restore(self, kind: str, like: State) -> State:
        """Read the whole state of a checkpoint, to resume from.

        Args:
          kind: "last" or "best".
          like: a state of the same structure and shapes.

        Returns:
          The state, of numpy arrays.

        Raises:
          UserError: there is no such checkpoint, or it is damaged, or it belongs to another network.
        """
        step = self._existing_step(kind)
        target = jax.tree.map(np.asarray, like)
        try:
            found = cast(State, self._managers[kind].restore(step, args=ocp.args.StandardRestore(target)))
        except UNREADABLE as error:
            raise self._fault(kind, step, error) from error
        # Orbax returns arrays in the shape in which they were written, whatever the shape of the target.
        check_shapes(self._path(kind, step), found, target)
        return found

    def restore_variables(self, kind: str, like: PyTree) -> PyTree:
        """Read the variables of the network alone. No objective, optimiser or state is needed.

        Args:
          kind: "last" or "best".
          like: `params` and `batch_stats` of the network: arrays, or their shapes as `jax.ShapeDtypeStruct`.

        Returns:
          `params` and `batch_stats`, of numpy arrays, as `State.variables` returns them.

        Raises:
          UserError: there is no such checkpoint, or it is damaged, or it belongs to another network.
        """
        step = self._existing_step(kind)
        # Without a target, Orbax also reads the arrays of the optimiser. Its partial restore reads less, but it silently fills
        # arrays that the checkpoint lacks with the values of the target.
        try:
            tree = cast(dict[str, Any], self._managers[kind].restore(step, args=ocp.args.StandardRestore()))
            found = {"params": tree["params"]["model"], "batch_stats": tree["batch_stats"]}
        except UNREADABLE as error:
            raise self._fault(kind, step, error) from error
        check_shapes(self._path(kind, step), found, like)
        return found

    def _existing_step(self, kind: str) -> int:
        step = self.step(kind)
        if step is None:
            raise UserError(
                f"--workdir: found no '{kind}' checkpoint in {self._directory}; train there first with --mode=train."
            )
        self._managers[kind].wait_until_finished()
        return step

    def _path(self, kind: str, step: int) -> Path:
        return self._directory / kind / str(step)

    def _fault(self, kind: str, step: int, error: Exception) -> UserError:
        """Return the error for a checkpoint that could not be read: damaged, or else of another network."""
        return fault_of(
            self._path(kind, step), error, lambda: self._managers[kind].restore(step, args=ocp.args.StandardRestore())
        )
