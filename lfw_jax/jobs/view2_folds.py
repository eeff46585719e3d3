"""The folds of View 2 below one work directory: their configurations, and which of them are finished."""

import re
import sys
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.data.protocols.folds import count_folds
from lfw_jax.data.sources import read_source
from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import FinishedRun, read_finished_run
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.jobs.completion import evaluated_early
from lfw_jax.jobs.view2_files import FILES
from lfw_jax.jobs.workdir import Workdir, is_foreign
from lfw_jax.training.history import read_history

_FOLD = re.compile(r"fold_(\d{2,})")
_SYNTHETIC = "synthetic"  # where the source of that name writes beside the work directories of the folds


def fold_folder(folder: Path, fold: int) -> Path:
    """Return the work directory of a fold, such as `fold_04`.

    Args:
      folder: the folder of all folds.
      fold: the fold, from 1.
    """
    return folder / f"fold_{fold:02d}"


def fold_config(config: ConfigDict, fold: int) -> ConfigDict:
    """Return the configuration of a fold: the given one, with protocol and fold set.

    Args:
      config: the configuration of all folds.
      fold: the fold, from 1.
    """
    found = config.copy_and_resolve_references()
    found.data.protocol, found.data.fold = "view2", fold
    return found


def check_folder(folder: Path) -> None:
    """Check that a folder is new or holds folds of View 2 only.

    Args:
      folder: the value of `--workdir`.

    Raises:
      UserError: it is a file, the work directory of one training, or holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--workdir: {folder} is a file; expected a folder, or a name that is not taken.")
    if (folder / "config.json").is_file():
        raise UserError(
            f"--workdir: {folder} is the work directory of one training; --mode=crossvalidate needs a folder of its own for the "
            "trainings of all folds. Choose another."
        )
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    others = [path.name for path in entries if is_foreign(path) and not _of_folds(path.name)]
    if others:
        raise UserError(
            f"--workdir: {folder} holds more than folds of View 2: found {others[0]!r}"
            f"{f' and {len(others) - 1} more' if others[1:] else ''}. Choose another."
        )


def _of_folds(name: str) -> bool:
    return bool(_FOLD.fullmatch(name)) or name in (*FILES, _SYNTHETIC)


def finished_folds(folder: Path, config: ConfigDict) -> dict[int, FinishedRun]:
    """Return the finished folds of a configuration, in order.

    A fold is finished if its `config.json`, `metrics.json` and `scores.npz` are there, wherever it was computed; checkpoints
    are not needed.

    Args:
      folder: the folder of all folds.
      config: the configuration of all folds.

    Raises:
      UserError: a fold belongs to another configuration or has other settings of the evaluation, or one of its files cannot be
        read.
    """
    numbers = [int(match[1]) for path in folder.glob("fold_*") if (match := _FOLD.fullmatch(path.name))]
    runs = {fold: finished_fold(fold_folder(folder, fold), config, fold) for fold in sorted(numbers)}
    return {fold: run for fold, run in runs.items() if run}


def finished_fold(folder: Path, config: ConfigDict, fold: int) -> FinishedRun | None:
    """Return the run of one fold, None if it is not finished.

    Args:
      folder: its work directory.
      config: the configuration of all folds.
      fold: the fold, from 1.

    Raises:
      UserError: as `finished_folds`.
    """
    workdir = Workdir(folder, fold_config(config, fold))  # refuses a folder of another configuration
    if not (folder / "metrics.json").is_file():
        return None
    run = read_finished_run(folder)
    if run.fold != fold:
        raise UserError(
            f"{folder}: found metrics.json of protocol {run.metrics.protocol.name}, fold {run.fold}; expected fold {fold} of "
            "view2. Name the folder after its fold."
        )
    rows = workdir.history(sys.maxsize)
    if rows and evaluated_early(run, rows[-1], config):
        return None
    _check_scores(folder)
    _check_settings(run, config)
    return run


def _check_scores(folder: Path) -> None:
    path = folder / "scores.npz"
    remedy = "Copy it there, or remove metrics.json to have the fold evaluated again."
    if not path.is_file():
        raise UserError(f"{path}: not found beside metrics.json; a finished fold has both. {remedy}")
    try:
        found = read_scores(path)
    except UserError as error:
        raise UserError(f"{error} {remedy}") from error
    if "test" not in found:
        raise UserError(f"{path}: found no scores of the test pairs. {remedy}")


def _check_settings(run: FinishedRun, config: ConfigDict) -> None:
    """Check that a fold was evaluated as the configuration says.

    Its `config.json` is that of the training, its `metrics.json` that of its latest evaluation: one of them has to agree.
    """
    wanted = {key: config.evaluation[key] for key in ("checkpoint", "flip", "shift")}
    text = "checkpoint {checkpoint}, flip {flip}, shift {shift}".format(**wanted)
    before: dict[str, Any] = run.config.get("evaluation", {})
    if run.settings != text and any(before.get(key) != value for key, value in wanted.items()):
        raise UserError(
            f"{run.folder}: was evaluated with {run.settings}, --config.evaluation has {text}; expected the same settings for "
            f"all folds. Give the former settings, or evaluate the fold again: --mode=evaluate --workdir={run.folder} "
            f"--config.data.protocol=view2 --config.data.fold={run.fold}."
        )


def number_of_folds(folder: Path, config: ConfigDict, finished: dict[int, FinishedRun]) -> int:
    """Return the number of folds, from the lists of the data, or without them if all folds are finished.

    Args:
      folder: the folder of all folds.
      config: the configuration of all folds.
      finished: the finished folds.

    Raises:
      UserError: the data or their lists are not available or not those of View 2, or the finished folds are those of other lists.
    """
    counts = {run.metrics.protocol.folds or 0 for run in finished.values()}
    if len(counts) == 1 and finished.keys() >= set(range(1, max(counts) + 1)):
        return max(counts)
    images, data_dir = read_source(config.data, folder / _SYNTHETIC)
    count = count_folds(images, config.data, data_dir)
    if others := counts - {count}:
        raise UserError(
            f"--workdir: {folder} has results of {others.pop()} folds, pairs.txt has {count}. Use the list that they were "
            "evaluated on, or choose another --workdir."
        )
    return count


def chosen_folds(text: str, count: int) -> list[int]:
    """Return the folds that `--folds` names, in order.

    Args:
      text: numbers and ranges separated by commas, such as "1,3" or "1-5,9"; "" for all folds.
      count: the number of folds.

    Raises:
      UserError: the text is something else, or names a fold that does not exist.
    """
    if not text:
        return list(range(1, count + 1))
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= count:
            raise UserError(
                f"--folds is '{text}'; expected folds from 1 to {count}, such as 1,2,3 or 1-3, or nothing for all of them."
            )
        found.update(range(first, last + 1))
    return sorted(found)


def last_step(folder: Path) -> int | None:
    """Return the last recorded step of a fold's training; None if there is none yet.

    Args:
      folder: the work directory of the fold.
    """
    path = folder / "history.jsonl"
    rows = read_history(path) if path.is_file() else ()
    return rows[-1].step if rows else None
