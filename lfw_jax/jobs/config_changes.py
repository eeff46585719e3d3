"""Changes of the configuration with which a training resumes (`config.training.resume_with_changes`)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.errors import UserError
from lfw_jax.training.optimizer import depends_on_length

FILE = "config_changes.jsonl"
"""Name of the file in a work directory that records the changes."""

SWITCH = "config.training.resume_with_changes"
CHANGEABLE = ("config.optimizer.learning_rate", "config.training.epochs")

Changes = Mapping[str, tuple[Any, Any]]
"""Changed keys with their groups, each with its old and its new value."""


def check_changes(changes: Changes, config: ConfigDict, *, step: int, steps_per_epoch: int) -> None:
    """Check that training can go on with changed values.

    The learning rate of steps that are already taken may not depend on the length of the training if that is what changes.

    Args:
      changes: the changes; only keys of `CHANGEABLE`.
      config: the configuration with the changes.
      step: the number of steps taken.
      steps_per_epoch: steps per epoch.

    Raises:
      UserError: training is complete, would become shorter, or its schedule has begun to decay.
    """
    if not changes:
        return
    epochs = config.training.epochs
    before, after = changes.get("config.training.epochs", (epochs, epochs))
    if after < before:
        raise UserError(
            f"--config.training.epochs is {after:g}, was {before:g}; a training can only become longer on resuming. Choose "
            "another --workdir, or stop it with --config.training.max_minutes."
        )
    if after != before and depends_on_length(config.optimizer, step=step, steps_per_epoch=steps_per_epoch):
        raise UserError(
            f"--config.training.epochs is {after:g}, was {before:g}; after {step / steps_per_epoch:.4g} epochs the "
            f"{config.optimizer.decay} decay of the learning rate has begun, which depends on the length. Keep "
            f"{before:g} epochs, or choose another --workdir."
        )
    if step >= round(epochs * steps_per_epoch):
        raise UserError(
            f"{', '.join(sorted(changes))} changed, but training is complete at step {step}. Give the configuration that it was "
            "trained with, or choose another --workdir."
        )


def record_changes(path: Path, changes: Changes, *, step: int) -> None:
    """Append changes to `config_changes.jsonl`, atomically.

    Each is a line with the keys `step`, `key`, `old` and `new`.

    Args:
      path: the file; created if missing.
      changes: the changes.
      step: the number of steps taken before them.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for key, (old, new) in sorted(changes.items()):
        line = json.dumps({"step": step, "key": key, "old": old, "new": new})
        if line not in lines[-len(changes) :]:  # recorded by a run that was killed before it updated config.json
            lines.append(line)
    with replaced_atomically(path) as unfinished:
        unfinished.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def recorded_changes(path: Path) -> tuple[str, ...]:
    """Return the changes that a file of `record_changes` records, each as a sentence without a full stop.

    Args:
      path: the file; without it nothing changed.

    Raises:
      UserError: a line is not a record of a change.
    """
    if not path.is_file():
        return ()
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return tuple(
            f"resumed at step {row['step']} with {row['key']} {row['new']}, before {row['old']}" for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: cannot be read as changes of the configuration ({error}). Remove the damaged line."
        ) from error
