"""`--mode=compare`: several finished runs on the same pairs, as one table and one page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.compare import RESAMPLES, compare
from lfw_jax.evaluation.comparison.compared_runs import (
    EvaluatedRun,
    TrainingEnd,
    comparison_metrics,
    read_evaluated_runs,
)
from lfw_jax.evaluation.diagnosis.evidence import last
from lfw_jax.evaluation.finished_runs import find_folders
from lfw_jax.jobs.config_keys import differing_keys
from lfw_jax.jobs.dispatch import Request
from lfw_jax.report.comparison.page import write_comparison_page
from lfw_jax.report.comparison.tables import print_comparison
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.training.history import HistoryRow, curve, read_history
from lfw_jax.typed_json import to_json

DEFAULT_OUTPUT = "runs/compare"
_SEED = 0


def compare_runs(request: Request) -> None:
    """Compare the finished runs among the folders `--input`.

    It writes `compare.json` and `compare.html` to the folder `--output`, atomically. Folders that are not finished runs are
    skipped and named.

    Args:
      request: The flags; `--input` is a glob pattern such as `runs/*`, or several separated by commas. The order of the
        patterns is that of the runs.

    Raises:
      UserError: If `--output` is a file, no folder is a finished run, a run has no scores, or the runs were evaluated on
        different pairs.
    """
    if not request.input:
        raise UserError("--mode=compare needs --input, a pattern of work directories such as 'runs/*'.")
    output = Path(request.output or DEFAULT_OUTPUT)
    if output.is_file():
        raise UserError(f"--output: {output} is a file; expected a folder, or a name that is not taken.")
    folders = [folder for folder in find_folders(request.input) if folder.resolve() != output.resolve()]
    runs, skipped = read_evaluated_runs(folders)
    histories = {run.name: _history(run.finished.folder, run.finished.metrics.step) for run in runs}
    comparison = compare({run.name: run.decisions for run in runs}, seed=_SEED)
    metrics = comparison_metrics(
        runs,
        comparison,
        settings(runs),
        {name: training_end(rows) for name, rows in histories.items()},
        command=request.command,
        resamples=RESAMPLES,
        seed=_SEED,
        skipped=skipped,
    )
    with written_atomically(output / "compare.json", output / "compare.html", replace=True) as (metrics_file, page):
        metrics_file.write_text(json.dumps(to_json(metrics), indent=2) + "\n", encoding="utf-8")
        pairs = {run.name: run.decisions.pairs for run in runs}
        results = {run.name: run.finished.metrics for run in runs}
        write_comparison_page(page, metrics, pairs, histories, results)
    request.deliver(to_json(metrics))
    print_comparison(metrics)
    print_lines(f"report: {output / 'compare.html'}")


def settings(runs: Sequence[EvaluatedRun]) -> dict[str, dict[str, str]]:
    """Return, by run, the values of the keys in which the configurations of the runs differ.

    Args:
      runs: the runs; a key that a run does not have is absent from its values.
    """
    first = runs[0].finished.config
    keys = sorted({key for run in runs[1:] for key in differing_keys(first, run.finished.config)})
    found = {}
    for run in runs:
        values = {key: _value(run.finished.config, key.split(".")[1:]) for key in keys}
        found[run.name] = {
            key: json.dumps(value, ensure_ascii=False).strip('"') for key, value in values.items() if value is not None
        }
    return found


def training_end(history: Sequence[HistoryRow]) -> TrainingEnd:
    """Return the loss and the accuracy at the end of a training.

    Args:
      history: the rows up to the evaluated checkpoint.
    """
    return TrainingEnd(last(curve(history, "loss")), last(curve(history, "training_accuracy")))


def _value(config: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(config, dict) or key not in config:
            return None
        config = config[key]
    return config


def _history(folder: Path, step: int) -> Sequence[HistoryRow]:
    path = folder / "history.jsonl"
    return [row for row in read_history(path) if row.step <= step] if path.is_file() else []
