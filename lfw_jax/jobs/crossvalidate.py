"""`--mode=crossvalidate`: LFW's View 2 with training, one model per fold."""

import contextlib
import ctypes
import dataclasses
import gc
import time
from collections.abc import Callable
from typing import Any

import jax
from ml_collections import ConfigDict

from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import FinishedRun, check_same_experiment
from lfw_jax.jobs.config_changes import SWITCH
from lfw_jax.jobs.config_keys import differing_keys
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.train_and_evaluate import run as train_and_evaluate
from lfw_jax.jobs.view2_files import write_view2
from lfw_jax.jobs.view2_folds import (
    check_folder,
    chosen_folds,
    finished_fold,
    finished_folds,
    fold_config,
    fold_folder,
    last_step,
    number_of_folds,
)
from lfw_jax.jobs.workdir_lock import locked
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.report.view2 import print_fold
from lfw_jax.typed_json import to_json

RunFold = Callable[..., None]
"""Trains and evaluates one fold; has the signature of `train_and_evaluate.run`."""


@dataclasses.dataclass(frozen=True)
class UnfinishedFolds:
    """A cross-validation without a result yet, which `--json` prints in place of `view2.json`.

    Attributes:
      paused: true if a fold was paused or the time was over, false if fewer than two folds were asked for.
      workdir: the folder of all folds.
      finished: the finished folds.
      folds: the number of folds.
      fold: the fold whose training paused; None if none did.
      step: the number of steps of that fold that are taken and saved; None if unknown.
      total_steps: the number of its steps at the end of the training; None if unknown.
    """

    paused: bool
    workdir: str
    finished: tuple[int, ...]
    folds: int
    fold: int | None = None
    step: int | None = None
    total_steps: int | None = None


def crossvalidate(request: Request, *, run: RunFold = train_and_evaluate) -> None:
    """Train and evaluate one model per fold of View 2, and combine their results.

    Each fold has a work directory `fold_01`, `fold_02` … below `--workdir`, which receives `view2.json` and `view2.html`.
    Finished folds are skipped, an unfinished one is resumed.

    Args:
      request: The flags and the configuration.
      run: Trains and evaluates one fold.

    Raises:
      UserError: If the configuration, the data or the work directory are invalid, or the folder holds folds of another
        configuration. An evaluation set that fails is reported after all folds.
    """
    _check_request(request)
    check_folder(request.folder)
    with locked(request.folder, request.mode):
        finished = finished_folds(request.folder, request.config)
        check_same_experiment(list(finished.values()), differing_keys, flag="--workdir")
        count = number_of_folds(request.folder, request.config, finished)
        _Crossvalidation(request, run, count, finished).run_folds(chosen_folds(request.folds, count))


def _check_request(request: Request) -> None:
    config = request.config
    if config.data.fold:
        raise UserError(
            f"--config.data.fold is {config.data.fold}; --mode=crossvalidate sets it for each fold. Leave it out, or choose "
            "folds with --folds."
        )
    if config.data.protocol not in ("view1", "view2"):  # view1 is the default
        raise UserError(
            f"--config.data.protocol is '{config.data.protocol}'; --mode=crossvalidate evaluates by view2, LFW's folds. Choose "
            "a configuration for LFW, such as --config=lfw_cpu."
        )
    if config.data.source == "synthetic":
        raise UserError(
            "--config.data.source is 'synthetic'; --mode=crossvalidate evaluates images of LFW. Name their source, such as "
            "--config.data.source=lfw, or choose a configuration for LFW, such as --config=lfw_cpu."
        )
    if config.training.resume_with_changes:
        raise UserError(
            f"--{SWITCH} is True; all folds of --mode=crossvalidate are trained with one configuration. Leave it out, or choose "
            "another --workdir for the changed configuration."
        )
    for name in ("input", "output"):
        if getattr(request, name):
            raise UserError(
                f"--{name} is given; --mode=crossvalidate reads --config.data and writes to --workdir only."
            )


class _Crossvalidation:
    """The folds of one call.

    Args:
      request: the flags and the configuration.
      run: trains and evaluates one fold.
      count: the number of folds.
      finished: the finished folds.
    """

    def __init__(self, request: Request, run: RunFold, count: int, finished: dict[int, FinishedRun]):
        self._request, self._run, self._count, self._finished = request, run, count, finished
        self._deadline = time.monotonic() + 60 * request.minutes if request.minutes else float("inf")

    @property
    def _progress(self) -> str:
        return f"{len(self._finished)} of {self._count} folds are finished"

    def run_folds(self, folds: list[int]) -> None:
        """Run the folds that are not finished, one after the other, and report the results so far after each.

        Args:
          folds: the folds, from 1.

        Raises:
          UserError: as `crossvalidate`.
        """
        if done := [fold for fold in folds if fold in self._finished]:
            print_lines(f"finished already: fold {', '.join(map(str, done))} of {self._count}")
        todo, failed = [fold for fold in folds if fold not in self._finished], list[str]()
        for fold in todo:
            if time.monotonic() >= self._deadline:
                print_lines(f"{self._progress} after {self._request.minutes:g} minutes; the same command continues.")
                self._deliver(UnfinishedFolds(True, *self._state()))
                break
            failed += self._run_fold(fold)
            if fold not in self._finished:
                break
            print_fold(self._finished[fold])
            self._report()
        if not todo:
            self._report()
        if failed:
            raise UserError(" ".join(failed))

    def _run_fold(self, fold: int) -> list[str]:
        """Run a fold until it is finished or pauses. Return the errors in spite of which it is finished."""
        folder, results, failed = fold_folder(self._request.folder, fold), list[Any](), list[str]()
        print_lines(f"fold {fold} of {self._count}: {folder}")
        try:
            self._run(
                self._config(fold),
                str(folder),
                name=self._request.name,
                train=True,
                command=self._request.command,
                deliver=results.append,
            )
        except UserError as error:  # an evaluation set that fails costs no other result
            if not self._note_finished(fold):
                raise
            failed.append(f"fold {fold}: {error}")
        except (KeyboardInterrupt, SystemExit):
            step = last_step(folder)
            at = "" if step is None else f" at step {step}"
            print_lines(f"fold {fold} of {self._count} stopped{at}; {self._progress}; the same command continues.")
            raise
        if not self._note_finished(fold):
            self._pause(fold, results[-1] if results else {})
        _free_memory()
        return failed

    def _config(self, fold: int) -> ConfigDict:
        """Return the configuration of a fold, whose training pauses when the time of all folds is over."""
        config = fold_config(self._request.config, fold)
        if self._request.minutes:
            rest = max((self._deadline - time.monotonic()) / 60, 1e-3)
            config.training.max_minutes = min(config.training.max_minutes or rest, rest)
        return config

    def _note_finished(self, fold: int) -> bool:
        folder = fold_folder(self._request.folder, fold)
        if run := finished_fold(folder, self._request.config, fold):
            self._finished = dict(sorted({**self._finished, fold: run}.items()))
        return run is not None

    def _pause(self, fold: int, paused: dict[str, Any]) -> None:
        step, total = paused.get("step"), paused.get("total_steps")
        at = "" if step is None else f" at step {step} of {total}"
        print_lines(f"fold {fold} of {self._count} paused{at}; {self._progress}; the same command continues.")
        self._deliver(UnfinishedFolds(True, *self._state(), fold, step, total))

    def _state(self) -> tuple[str, tuple[int, ...], int]:
        return str(self._request.folder), tuple(self._finished), self._count

    def _report(self) -> None:
        """Write and print the results over the finished folds. A standard error needs two."""
        runs = list(self._finished.values())
        check_same_experiment(runs, differing_keys, flag="--workdir")
        if len(runs) < 2:
            self._deliver(UnfinishedFolds(False, *self._state()))
        else:
            self._request.deliver(write_view2(runs, self._request.folder, command=self._request.command))

    def _deliver(self, state: UnfinishedFolds) -> None:
        self._request.deliver(to_json(state))


def _free_memory() -> None:
    """Return the memory of a fold to the system: programs for its number of identities, and freed images that glibc keeps."""
    jax.clear_caches()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
