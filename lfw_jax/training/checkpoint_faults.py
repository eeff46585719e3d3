"""Faults of checkpoints that are read: damage, and arrays of another network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxtyping import PyTree

from lfw_jax.errors import UserError
from lfw_jax.training.checkpoint_files import UNREADABLE, first_difference


class DamagedCheckpointError(UserError):
    """A checkpoint that cannot be read by any configuration."""


def check_shapes(path: Path, found: PyTree, like: PyTree) -> None:
    """Check that the arrays of a checkpoint have the names and shapes of those of the network.

    Args:
      path: the checkpoint, for the message.
      found: its arrays.
      like: arrays, or their shapes, of the network.

    Raises:
      UserError: a name or a shape differs.
    """
    if difference := first_difference(found, like):
        raise _misfit(path, difference)


def fault_of(path: Path, error: Exception, read: Callable[[], Any]) -> UserError:
    """Return the error for a checkpoint that could not be read: damaged, or else of another network.

    Args:
      path: the checkpoint, for the message.
      error: the exception that reading it as the network raised.
      read: reads it whatever its network is.
    """
    try:
        tree = read()
        damage = None if isinstance(tree, dict) and "params" in tree else "it holds no network"
    except UNREADABLE as damaged:
        damage = (str(damaged).splitlines() or [type(damaged).__name__])[0][:120]
    if damage is None:
        return _misfit(path, (str(error).splitlines() or [type(error).__name__])[0])
    return DamagedCheckpointError(f"--workdir: the checkpoint {path} is damaged ({damage}).")


def _misfit(path: Path, what: str) -> UserError:
    return UserError(
        f"--workdir: the checkpoint {path} cannot be read as this configuration's network ({what}). Use the configuration that "
        "it was trained with, or another --workdir."
    )
