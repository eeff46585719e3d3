"""The files of checkpoints: managers of Orbax, errors while writing, damage, misfit."""

import contextlib
import errno
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import jax
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from lfw_jax.errors import UserError

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError)
"""Exceptions that Orbax raises for damaged files."""

_SYSTEM_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EFBIG)


class Managers(dict[str, ocp.CheckpointManager]):
    """Orbax's manager of each kind of checkpoint, created with its folder when it is first needed.

    Args:
      directory: the folder of the kinds.
    """

    def __init__(self, directory: Path):
        super().__init__()
        self._directory = directory

    def __missing__(self, kind: str) -> ocp.CheckpointManager:
        options = ocp.CheckpointManagerOptions(max_to_keep=1, create=True)
        handler = ocp.StandardCheckpointHandler()  # without one, Orbax warns when it reads metadata
        self[kind] = ocp.CheckpointManager(self._directory / kind, options=options, item_handlers=handler)
        return self[kind]


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Report an error of the system while a checkpoint is written, and remove what was written so far.

    Args:
      folder: the folder of a kind of checkpoint, which gives the kind its name.

    Raises:
      UserError: the disk is full, or the folder cannot be written.
    """
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = _reason(error)
        if reason is None:
            raise
        for unfinished in folder.glob("*.orbax-checkpoint-tmp*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        steps = sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())
        kept = f"The one of step {steps[-1]} is intact. " if steps else ""
        raise UserError(
            f"--workdir: the '{folder.name}' checkpoint cannot be written to {folder} ({reason}). {kept}Free some space, or "
            "make the folder writable; the same command resumes the training."
        ) from error


def is_not_raised(record: logging.LogRecord) -> bool:
    """Return false for an exception that Orbax logs with its traceback, because it also raises it.

    Args:
      record: a record of Orbax's logger.
    """
    return not (record.exc_info and "orbax" in Path(record.pathname).parts)


def set_aside_damaged_metadata(directory: Path) -> None:
    """Rename descriptions of checkpoints that are not a JSON object.

    Orbax fails on them, but reads a checkpoint without one.

    Args:
      directory: the folder of the kinds of checkpoints.
    """
    for path in directory.glob("*/[0-9]*/_CHECKPOINT_METADATA"):
        try:
            damaged = not isinstance(json.loads(path.read_bytes()), dict)
        except (ValueError, RecursionError, OSError):
            continue  # Orbax ignores such a file
        if damaged:
            path.rename(path.with_name(f"{path.name}.damaged"))


def first_difference(found: PyTree, like: PyTree) -> str | None:
    """Describe the first array that differs between two trees in name or shape.

    Args:
      found: the arrays of a checkpoint.
      like: the expected arrays, or their shapes.

    Returns:
      The difference in words, None if there is none.
    """
    ours, theirs = (
        {jax.tree_util.keystr(path, simple=True, separator="."): leaf.shape for path, leaf in leaves}
        for leaves in map(jax.tree_util.tree_leaves_with_path, (found, like))
    )
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            return f"{name} is {ours.get(name, 'missing')}, expected {theirs.get(name, 'none')}"
    return None


def _reason(error: Exception) -> str | None:
    """Return the error of the system behind an exception, None if there is none. TensorStore raises such errors as text."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return next((text for text in map(os.strerror, _SYSTEM_ERRORS) if text in str(error)), None)
