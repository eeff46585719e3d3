"""The work directory: its configuration, its history and its metrics."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.data.protocols.data_record import RECORD_SCHEMA, DataRecord, changed_parts, changed_sets
from lfw_jax.errors import UserError
from lfw_jax.jobs.config_changes import CHANGEABLE, FILE, SWITCH, Changes, record_changes
from lfw_jax.jobs.config_keys import FORMER_VALUES, differing_keys, flat
from lfw_jax.jobs.workdir_lock import LOCK
from lfw_jax.training.history import HistoryRow, read_history
from lfw_jax.typed_json import read_json, to_json

DATA = "data.json"
"""The record of the data that the run began with."""

INSPECTION = ("inspection.html", "inspection.json", "inspection_duplicates.csv", "inspection_identities.csv")
"""Files of `--mode=inspect`. They belong to no configuration, so a training can start in the same folder."""

_FORMER_INSPECTION = ("inspection_people.csv",)  # former names

# What a training, a fit of backends and a fusion leave.
_TRAINED = ("checkpoints", "backend.npz", "fusion.json")

# Written before config.json, so a run may have ended in between. "kept_out.json" is the former name of the third. Members that
# were trained elsewhere may be copied into the folder before the run begins.
_BEFORE_CONFIG = (
    LOCK, DATA, "excluded_identities.json", "near_duplicates.csv", "alignment_model.npz", "kept_out.json", "members",
)  # fmt: skip

# Files of desktops, shells and schedulers, which say nothing about a run. Hidden files are as harmless.
_BYSTANDERS = ("thumbs.db", "desktop.ini", "lost+found", "log.txt", "stdout.txt", "stderr.txt", "output.txt")
_LOGS = (".log", ".out", ".err")


class Workdir:
    """A folder that belongs to one configuration.

    Args:
      path: The folder; created when first written to.
      config: The configuration of the run.

    Raises:
      UserError: If the folder belongs to a run of another configuration, or is not a work directory.
    """

    def __init__(self, path: str | Path, config: ConfigDict):
        self.path = Path(path)
        self._config = json.loads(config.to_json_best_effort())
        self.changes: Changes = {}
        """Values that differ from those of the run so far, with `config.training.resume_with_changes`."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--workdir: {self.path} is a file; expected a folder, or a name that is not taken.")
        if self._file("config.json").is_file():
            self._compare(self._read_config())
        elif self.path.is_dir() and (
            others := sorted(entry.name for entry in self.path.iterdir() if is_foreign(entry))
        ):
            raise UserError(
                f"--workdir: {self.path} is not empty and has no config.json, so it is not a work directory: found "
                f"{others[0]!r}{f' and {len(others) - 1} more' if others[1:] else ''}. Choose another."
            )

    def _file(self, name: str) -> Path:
        return self.path / name

    def _read_config(self) -> dict[str, Any]:
        path, remedy = self._file("config.json"), "Restore the file from a backup, or choose another --workdir."
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{path}: cannot be read as JSON ({error}). {remedy}") from error
        if not isinstance(found, dict):
            raise UserError(f"{path}: found {json.dumps(found)[:60]}, expected a configuration as an object. {remedy}")
        return found

    def _compare(self, before: dict[str, Any]) -> None:
        old, new = FORMER_VALUES | flat(before), flat(self._config)
        differing = differing_keys(before, self._config)
        if new.get(SWITCH) and all(key in CHANGEABLE for key in differing):
            self.changes = {key: (old.get(key), new.get(key)) for key in differing}
        elif differing:
            shown = "; ".join(f"{key} was {old.get(key)!r}, now {new.get(key)!r}" for key in differing[:5])
            more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
            remedy = "resume it"
            if all(key in CHANGEABLE for key in differing):
                remedy += f", add --{SWITCH}=True to go on with the change"
            elif new.get(SWITCH):
                remedy += f" (only {' and '.join(CHANGEABLE)} can change)"
            raise UserError(
                f"--workdir: {self.path} belongs to another configuration: {shown}{more}. Give the same configuration to "
                f"{remedy}, or another --workdir."
            )

    @property
    def begun(self) -> bool:
        """True if a run has started in this folder."""
        return self._file("config.json").is_file()

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints."""
        return self.path / _TRAINED[0]

    @property
    def events(self) -> Path:
        """Folder of TensorBoard events."""
        return self.path / "tensorboard"

    @property
    def trained(self) -> bool:
        """True if a training, a fit or a fusion has left something that can be evaluated."""
        return any(self._file(name).exists() for name in _TRAINED)

    def begin(self, *, step: int = 0) -> None:
        """Create the folder, write the configuration into it, and record its changes.

        Args:
          step: The step from which training resumes.

        Raises:
          UserError: If the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self.changes:
                record_changes(self._file(FILE), self.changes, step=step)
            self.write_json("config.json", self._config)
        except OSError as error:
            raise UserError(f"--workdir: {self.path} cannot be written ({error}). Choose another.") from error

    def check_data(self, now: DataRecord) -> list[str]:
        """Check that the data are those that the run began with, and record them when it begins.

        Until the first checkpoint nothing depends on the data, so they may change.

        Args:
          now: the record of the present data.

        Returns:
          Notes for the terminal.

        Raises:
          UserError: If the data differ from those of the checkpoints, or the record cannot be read or written.
        """
        notes, path = [], self._file(DATA)
        # A training that has begun has a folder of checkpoints, though there may be none yet.
        trained = any(self.checkpoints.glob("*/[0-9]*")) or any(self._file(name).is_file() for name in _TRAINED[1:])
        if trained and path.is_file():
            before = read_json(
                path,
                DataRecord,
                schema=RECORD_SCHEMA,
                remedy="Restore the file from a backup; without the file, the present data are taken as unchanged.",
            )
            if changes := changed_parts(before, now):
                raise UserError(
                    f"--workdir: {self.path} was trained on other data than those at --config.data.dir. Changed are "
                    f"{'. '.join(changes)}. Restore the data, or choose another --workdir."
                )
            return [
                f"evaluation set {change}. It has changed since training began; its metrics are those of the present one."
                for change in changed_sets(before, now)
            ]
        if trained:
            notes = [f"{self.path} has no record of its data; the present data are taken as unchanged ({DATA})."]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.write_json(DATA, to_json(now))
        except OSError as error:
            raise UserError(f"--workdir: {self.path} cannot be written ({error}). Choose another.") from error
        return notes

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file atomically."""
        with replaced_atomically(self._file(name)) as unfinished:
            unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def history(self, last: int) -> list[HistoryRow]:
        """Return the rows of the history up to a step, for a run that is resumed there.

        Args:
          last: The last step to include.

        Returns:
          The rows in order; none if there is no history yet. A last line that was cut off is dropped.

        Raises:
          UserError: If the file cannot be read, or a row is not JSON or has an unknown key or a value of the wrong type.
        """
        path = self._file("history.jsonl")
        if not path.is_file():
            return []
        return [row for row in read_history(path) if row.step <= last]

    def write_history(self, rows: Iterable[HistoryRow]) -> None:
        """Replace the history atomically. Quantities that a row does not have are not written."""
        with replaced_atomically(self._file("history.jsonl")) as unfinished:
            unfinished.write_text("".join(json.dumps(to_json(row)) + "\n" for row in rows), encoding="utf-8")


def is_foreign(entry: Path) -> bool:
    """Return true for a file or folder that shows that something else than a run is stored beside it."""
    if entry.name in (*INSPECTION, *_FORMER_INSPECTION, *_BEFORE_CONFIG) or entry.name.lower() in _BYSTANDERS:
        return False
    return entry.is_dir() or not (entry.name.startswith(".") or entry.suffix.lower() in _LOGS)
