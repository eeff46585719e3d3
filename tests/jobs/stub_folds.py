"""Folds of View 2 without their training."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.evaluation.lfw_category import NO_OUTSIDE_DATA
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import write_scores
from lfw_jax.jobs.crossvalidate import crossvalidate
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.jobs.workdir_lock import locked
from lfw_jax.training.history import HistoryRow
from lfw_jax.typed_json import to_json
from tests.evaluation.finished_folders import run_metrics, scored
from tests.jobs.view2_faces import FOLDS, tiny

ACCURACIES = (0.8, 0.7, 0.9)


def metrics_of(fold: int) -> RunMetrics:
    """Metrics whose accuracy is `ACCURACIES`, and 0.1 lower at the threshold of held-out identities."""
    metrics = run_metrics(fold, FOLDS, category=NO_OUTSIDE_DATA)
    test, accuracy = metrics.test, ACCURACIES[fold - 1]
    assert test.held_out_threshold is not None
    changed = dataclasses.replace(
        test,
        thresholds=tuple(dataclasses.replace(one, accuracy=accuracy) for one in test.thresholds),
        held_out_threshold=dataclasses.replace(test.held_out_threshold, accuracy=accuracy - 0.1),
    )
    return dataclasses.replace(metrics, evaluation={"test": changed})


class Folds:
    """Stands in for training and evaluation: writes the files of a finished fold, or ends as told."""

    def __init__(self, ends: dict[int, BaseException | dict[str, Any]] | None = None):
        self.ran: list[int] = []
        self.configs: list[ConfigDict] = []
        self._ends = ends or {}

    def __call__(self, config: ConfigDict, directory: str, *, name: str, train: bool, command: str, deliver) -> None:
        assert (name, train, command) == ("tiny", True, "python launch.py")
        fold, workdir = config.data.fold, Workdir(directory, config)
        assert (config.data.protocol, workdir.path.name) == ("view2", f"fold_{fold:02d}")
        self.ran.append(fold)
        self.configs.append(config)
        with locked(workdir.path, "train"):
            workdir.begin()
            end = self._ends.get(fold)
            if isinstance(end, dict):
                workdir.write_history([HistoryRow(step=3, epoch=0.3, seconds=1.0)])
                deliver(end)
                return
            if isinstance(end, SystemExit):
                workdir.write_history([HistoryRow(step=7, epoch=0.7, seconds=1.0)])
                raise end
            write_fold(workdir.path, fold)
            if end:
                raise end


def write_fold(folder: Path, fold: int) -> None:
    write_scores(folder / "scores.npz", {"test": scored("test", fold)})
    (folder / "metrics.json").write_text(json.dumps(to_json(metrics_of(fold))))
    rows = [HistoryRow(step=5, epoch=0.5, loss=1.0), HistoryRow(step=10, epoch=1.0, seconds=1.0)]
    (folder / "history.jsonl").write_text("".join(json.dumps(to_json(row)) + "\n" for row in rows))


def call(faces: Path, workdir: Path, run: Folds, *, delivered: list | None = None, **flags: Any) -> list[Any]:
    """Cross-validate, and return what was delivered."""
    changes = flags.pop("changes", {})
    config = tiny(faces, **{"data.fold": 0, "data.protocol": "view1"} | changes)
    results: list[Any] = [] if delivered is None else delivered
    request = Request(
        "crossvalidate",
        config,
        "tiny",
        workdir=str(workdir),
        command="python launch.py",
        deliver=results.append,
        **flags,
    )
    crossvalidate(request, run=run)
    return results
