"""Finished runs: their results, and the check that several runs are the folds of one experiment."""

import dataclasses
import glob
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lfw_jax.errors import UserError
from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.run_metrics import SCHEMA, RunMetrics
from lfw_jax.typed_json import read_json

_REMEDY = "Evaluate that run again with --mode=evaluate."

Config = dict[str, Any]
"""The content of a `config.json`: nested dictionaries, whose keys are not checked."""


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """An evaluated run.

    Attributes:
      folder: its work directory.
      config: its configuration.
      metrics: its `metrics.json`.
    """

    folder: Path
    config: Config
    metrics: RunMetrics

    @property
    def fold(self) -> int:
        """The evaluated fold of View 2, from 1; 0 for a run of another protocol."""
        return self.metrics.protocol.fold or 0

    @property
    def test(self) -> ListResult:
        """The metrics on the test list."""
        return self.metrics.test

    @property
    def settings(self) -> str:
        """The settings of the evaluation in words; all folds of one experiment must share them."""
        augmentation = self.metrics.views
        return f"checkpoint {self.metrics.checkpoint}, flip {augmentation.flip}, shift {augmentation.shift}"


def find_folders(pattern: str) -> list[Path]:
    """Return the folders that a pattern matches, without duplicates.

    Args:
      pattern: one or more glob patterns, separated by commas, such as `runs/*`. Matches of one pattern are sorted.

    Raises:
      UserError: no folder matches.
    """
    found = [Path(name) for part in pattern.split(",") for name in sorted(glob.glob(os.path.expanduser(part.strip())))]
    folders = [folder for folder in dict.fromkeys(found) if folder.is_dir()]
    if not folders:
        raise UserError(
            f"--input: found no folder that matches {pattern}; expected work directories of finished runs, such as 'runs/*'."
        )
    return folders


def read_finished_run(folder: Path) -> FinishedRun:
    """Read `metrics.json` and `config.json` of a work directory.

    Args:
      folder: the work directory.

    Raises:
      UserError: one of the files is missing, unreadable or of another layout.
    """
    for name in ("metrics.json", "config.json"):
        if not (folder / name).is_file():
            raise UserError(f"{folder}: found no {name}; expected a finished run. Train it to its end first.")
    metrics = read_json(folder / "metrics.json", RunMetrics, schema=SCHEMA, remedy=_REMEDY)
    if len(metrics.evaluation) != 1 or metrics.evaluation.keys() != metrics.raw_pixels.keys():
        raise UserError(
            f"{folder / 'metrics.json'}: found results of {len(metrics.evaluation)} lists at key evaluation and of "
            f"{len(metrics.raw_pixels)} at key raw_pixels, expected one list, the same at both. {_REMEDY}"
        )
    return FinishedRun(folder, _read_config(folder / "config.json"), metrics)


def read_view2_folds(
    folders: Sequence[Path], differing_keys: Callable[[Config, Config], list[str]]
) -> tuple[FinishedRun, ...]:
    """Read one finished run per fold of View 2, and return them in the order of the folds.

    Args:
      folders: the work directories, in any order.
      differing_keys: a function from two configurations to the keys in which they differ as experiments.

    Raises:
      UserError: a run of another protocol; a fold that is missing or given twice; runs of different configurations or with
        different settings of the evaluation.
    """
    by_fold: dict[int, FinishedRun] = {}
    for run in map(read_finished_run, folders):
        _check_protocol(run)
        if run.fold in by_fold:
            raise UserError(
                f"--input: {by_fold[run.fold].folder} and {run.folder} are both fold {run.fold}; expected each fold once. "
                "Leave one out."
            )
        by_fold[run.fold] = run
    runs = tuple(by_fold[fold] for fold in sorted(by_fold))
    if missing := missing_folds(runs):
        raise UserError(
            f"--input: found no run of fold {', '.join(map(str, missing))}; expected all {len(runs) + len(missing)} folds. "
            "Train and evaluate the missing folds."
        )
    check_same_experiment(runs, differing_keys, flag="--input")
    return runs


def missing_folds(runs: Sequence[FinishedRun]) -> tuple[int, ...]:
    """Return the folds of View 2 that no run evaluates.

    Args:
      runs: runs of folds of View 2.
    """
    count = max(run.metrics.protocol.folds or 0 for run in runs)
    return tuple(sorted(set(range(1, count + 1)) - {run.fold for run in runs}))


def check_same_experiment(
    runs: Sequence[FinishedRun], differing_keys: Callable[[Config, Config], list[str]], *, flag: str
) -> None:
    """Check that runs are folds of one experiment.

    Args:
      runs: runs of folds of View 2.
      differing_keys: a function from two configurations to the keys in which they differ as experiments.
      flag: the flag that names the runs, for messages.

    Raises:
      UserError: the configurations, the settings of the evaluation, the categories or the numbers of folds differ.
    """
    for run in runs[1:]:
        _check_same(runs[0], run, differing_keys, flag)


def _read_config(path: Path) -> Config:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("expected an object")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON of a configuration ({error}). {_REMEDY}") from error
    return config


def _check_protocol(run: FinishedRun) -> None:
    protocol = run.metrics.protocol
    if protocol.name != "view2" or not run.fold:
        raise UserError(
            f"{run.folder}: found a run of protocol {protocol.name}, fold {run.fold}; expected one fold of view2, trained with "
            "--config.data.protocol=view2 --config.data.fold=1 and so on."
        )


def _check_same(
    first: FinishedRun, run: FinishedRun, differing_keys: Callable[[Config, Config], list[str]], flag: str
) -> None:
    if differing := [key for key in differing_keys(first.config, run.config) if key != "config.data.fold"]:
        raise UserError(
            f"{flag}: {first.folder} and {run.folder} differ in {', '.join(differing[:5])}; expected folds of one "
            "configuration. Train all folds with the same configuration."
        )
    if run.settings != first.settings:
        raise UserError(
            f"{flag}: {first.folder} was evaluated with {first.settings}, {run.folder} with {run.settings}; expected the same "
            "settings for all folds. Evaluate them again with --mode=evaluate and the same settings."
        )
    one, other = first.metrics.category, run.metrics.category
    if one != other and None not in (one, other):
        raise UserError(
            f"{flag}: {first.folder} is of LFW's category '{one}', {run.folder} of '{other}'; "
            "expected one category. Some folds were trained on aligned images, others not: train all on the same images."
        )
    if run.metrics.protocol.folds != first.metrics.protocol.folds:
        raise UserError(
            f"{flag}: {first.folder} is one of {first.metrics.protocol.folds} folds, {run.folder} one of "
            f"{run.metrics.protocol.folds}; expected folds of one list. Train all folds with the same pairs.txt."
        )
