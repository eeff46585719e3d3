"""The output of a run: metrics.json, tables on the terminal, TensorBoard, report.html."""

import dataclasses
import json
import os
import platform
import types
from collections.abc import Mapping, Sequence
from importlib import metadata

import jax
import numpy as np

from lfw_jax.evaluation.acquisition import acquisition, thresholds_in_use
from lfw_jax.evaluation.calibration.decision import SavedCalibration
from lfw_jax.evaluation.cross_pairs import all_pairs
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.fusion.results import MembersResult
from lfw_jax.evaluation.lfw_category import category_of
from lfw_jax.evaluation.run_metrics import SCHEMA, Protocol, RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import VerificationResult
from lfw_jax.faces.aligned_by import aligned_by
from lfw_jax.jobs.config_changes import FILE, recorded_changes
from lfw_jax.jobs.config_keys import flat
from lfw_jax.jobs.diagnosis import diagnosis_of
from lfw_jax.jobs.identification import Identification
from lfw_jax.jobs.page_parts import data_summary, label_errors_of, thumbnails_of, worst_errors_of
from lfw_jax.jobs.run_data import RunData
from lfw_jax.jobs.run_files import write_run_files
from lfw_jax.jobs.system import System
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.report.projector import write_projector
from lfw_jax.report.run_page import RunReport, write_run_page
from lfw_jax.report.tables import print_results
from lfw_jax.report.tensorboard import TensorBoard
from lfw_jax.report.tensorboard_logs import EVALUATION, log_results
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.training.history import HistoryRow, median_images_per_second, training_seconds

_PACKAGES = ("jax", "flax", "optax", "numpy")


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """The description of a run in its report, besides the results.

    Attributes:
      name: name of the configuration.
      command: command line that reproduces the run.
      workdir: its work directory.
      data: its data.
      system: the description of what embeds the images.
      checkpoint: the evaluated checkpoint, "best" or "last".
      step: step of that checkpoint.
    """

    name: str
    command: str
    workdir: Workdir
    data: RunData
    system: System
    checkpoint: str
    step: int


def write_results(
    run: Run,
    split: EvaluatedSplit,
    scores: Mapping[str, ScoredPairs],
    calibration: SavedCalibration,
    sets: Sequence[VerificationResult] = (),
    failed: Mapping[str, str] = types.MappingProxyType({}),
    identification: Identification | None = None,
    members: MembersResult | None = None,
) -> RunMetrics:
    """Write the files of an evaluation and its page, log to TensorBoard and print the tables.

    Nothing is written before everything is computed, and metrics.json, scores.npz, embeddings.npz and calibration.json are then
    replaced together, so that they belong to one evaluation.

    Args:
      run: the run.
      split: the results on the split.
      scores: all scored pairs by their role.
      calibration: the content of calibration.json.
      sets: the results of the embeddings on the evaluation sets.
      failed: the reason for each evaluation set that could not be evaluated, by its name.
      identification: the results of identification; None if there are none.
      members: the evaluation of the members of a fused system; None for a single system.

    Returns:
      The content of metrics.json.
    """
    data, config = run.data, str(run.data.config)
    history = run.workdir.history(run.step)
    identification = identification or Identification()
    diagnosis = diagnosis_of(data, run.system.training, split)
    metrics = dataclasses.replace(
        _metrics(run, split, sets, history),
        failed_sets={**failed, **identification.failed},
        identification=identification.test,
        identification_sets=identification.sets,
        diagnosis=diagnosis,
        members=members,
    )
    metrics = _with_error_rates(metrics, data, split)
    write_run_files(run.workdir.path, metrics, scores, split.images, calibration)
    _log(run, metrics, split)
    print_results(metrics)
    report = RunReport(
        metrics=metrics,
        pairs=split.result.pairs,
        errors=worst_errors_of(data, split.result),
        history=history,
        data=data_summary(data, run.system.sampling, metrics.notes),
        objective=run.system.objective,
        config=config,
        thumbnails=thumbnails_of(data, split.result),
        label_errors=label_errors_of(data, split.result.pairs, diagnosis.label_errors),
    )
    path = run.workdir.path / "report.html"
    write_run_page(path, report)
    print_lines(f"report: {path}", f"TensorBoard: tensorboard --logdir {run.workdir.events}")
    return metrics


def _log(run: Run, metrics: RunMetrics, split: EvaluatedSplit) -> None:
    """Log the results to TensorBoard, in place of those of an earlier evaluation."""
    config, events = run.data.config, run.workdir.events
    with TensorBoard(events, part=EVALUATION) as board:
        options = flat(json.loads(config.to_json_best_effort()))
        log_results(board, metrics, split.result.pairs, config=str(config), options=options)
    write_projector(events, split.images["test"], run.data.pixels(run.data.split.test), step=run.step)


def _metrics(
    run: Run,
    split: EvaluatedSplit,
    sets: Sequence[VerificationResult],
    history: Sequence[HistoryRow],
) -> RunMetrics:
    data = run.data
    name = split.result.metrics.name
    return RunMetrics(
        schema=SCHEMA,
        config=run.name,
        command=run.command,
        seed=data.config.seed,
        checkpoint=run.checkpoint,
        step=run.step,
        images_per_second=median_images_per_second(history),
        training_seconds=round(training_seconds(history) if run.system.seconds is None else run.system.seconds, 1),
        protocol=_protocol(data),
        views=run.system.views,
        evaluation={name: split.result.metrics},
        raw_pixels={name: split.raw_pixels.metrics},
        sets={item.metrics.name: item.metrics for item in sets},
        leaking=dict(data.evaluation_plan.leaking),
        notes=(*data.split.notes, *recorded_changes(run.workdir.path / FILE)),
        environment=_environment(data),
        parameters=run.system.parameters,
        calibration=split.calibration,
        score_normalisation=split.score_normalisation,
        category=category_of(data.config, aligned_by=aligned_by(data.split.source)),
    )


def _with_error_rates(metrics: RunMetrics, data: RunData, split: EvaluatedSplit) -> RunMetrics:
    """Add the error rates of all pairs of the test images, and the failures to acquire among them."""
    pairs, test = split.result.pairs, data.split.test
    in_use = thresholds_in_use(split.result.metrics, pairs)
    if (undetected := data.split.images_of(test).undetected) is not None:
        metrics = dataclasses.replace(metrics, acquisition=acquisition(pairs, undetected, in_use))
    if test in data.split.unnamed:
        note = f"{test.name} does not name all identities, so that pairs beyond the listed ones cannot be evaluated."
        return dataclasses.replace(metrics, notes=(*metrics.notes, note))
    means = {label: float(np.mean(threshold)) for label, threshold in in_use.items()}
    return dataclasses.replace(metrics, all_pairs=all_pairs(split.images["test"], means))


def _protocol(data: RunData) -> Protocol:
    name, fold = data.config.data.protocol, data.config.data.fold
    if name != "view2":
        return Protocol(name)
    assert data.split.development.folds is not None
    others = len(np.unique(data.split.development.folds))
    return Protocol(name, fold, others + (fold > 0))


def _environment(data: RunData) -> dict[str, str]:
    device = data.devices[0]
    versions = {name: metadata.version(name) for name in _PACKAGES}
    return {
        "devices": f"{len(data.devices)} × {device.device_kind} ({device.platform})",
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        **versions,
        "backend": jax.default_backend(),
    }
