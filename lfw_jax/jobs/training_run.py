"""Training in a work directory: resumption, logging, validation and checkpoints around the loop."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from lfw_jax.errors import UserError
from lfw_jax.evaluation.verification import VerificationResult
from lfw_jax.jobs.config_changes import check_changes
from lfw_jax.jobs.experiment import Experiment
from lfw_jax.jobs.first_batch import first_batch_sheet
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.report.formatting import percent
from lfw_jax.report.progress import Progress
from lfw_jax.report.tensorboard import TensorBoard
from lfw_jax.report.tensorboard_logs import log_validation
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.training.build import Training, build_training
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.history import HistoryRow
from lfw_jax.training.interruption import Interruption
from lfw_jax.training.loop import DivergenceError, train
from lfw_jax.training.state import State

Validate = Callable[[State], VerificationResult]
"""Evaluates a state on the held-out pairs, by folds."""


def training_of(experiment: Experiment) -> Training:
    """Return the training of an experiment. Nothing is decoded or written yet.

    Args:
      experiment: the data, the sampler and the objective.

    Raises:
      UserError: an unknown optimiser, a value outside its range, or a resident training set that does not fit into memory.
    """
    return build_training(
        experiment.config,
        experiment.split.training,
        experiment.data.geometry,
        sampler=experiment.sampler,
        objective=experiment.objective,
        devices=experiment.devices,
    )


def train_to_the_end(
    experiment: Experiment, training: Training, workdir: Workdir, checkpoints: Checkpoints, validate: Validate
) -> bool:
    """Train from the last checkpoint, or from the first state.

    Args:
      experiment: the data, and the evaluation plan with the identities that it excludes from training.
      training: the parts of the training.
      workdir: the work directory, which receives the configuration.
      checkpoints: the checkpoints of the work directory.
      validate: evaluates a state on the held-out pairs; the state with the best AUC becomes the "best" checkpoint.

    Returns:
      True if training is complete, false if it paused after `config.training.max_minutes`.

    Raises:
      UserError: the work directory cannot be written, an image cannot be decoded, the loss is no longer finite, or the
        configuration has changes with which training cannot resume.
      KeyboardInterrupt: SIGINT was received. The state is saved.
      SystemExit: SIGTERM was received. The state is saved.
    """
    state, total, sampler = training.state, training.intervals.total, experiment.sampler
    if checkpoints.step("last") is not None:
        state, damage = checkpoints.resume(state)
        print_lines(*([damage] if damage else []), f"resuming at step {int(state.step)} of {total}")
    start = int(state.step)
    check_changes(workdir.changes, experiment.config, step=start, steps_per_epoch=sampler.steps_per_epoch)
    if not workdir.begun:
        experiment.write_beginning(workdir.path)
    workdir.begin(step=start)
    experiment.pixels(experiment.split.validation)  # decoded now: a broken image is reported before the first step
    history, best = workdir.history(start), _best_score(workdir, checkpoints, state)
    with (
        Interruption() as interruption,
        TensorBoard(workdir.events, purge_step=start + 1 if start else 0) as board,
        Progress(total, batch_size=sampler.batch_size, start_step=start) as progress,
    ):
        recorder = _Recorder(
            workdir, checkpoints, validate, board, progress, training.schedule, sampler.steps_per_epoch, history, best
        )
        if start == 0:
            board.image(0, "train/network_input", first_batch_sheet(experiment))
        if start < total:
            try:
                state = train(
                    state,
                    training.step,
                    training.feed.batches(start, total),
                    intervals=dataclasses.replace(training.intervals, interrupted=interruption.requested),
                    devices=training.devices,
                    log=recorder.log,
                    evaluate=recorder.evaluate,
                    checkpoint=recorder.checkpoint,
                )
            except DivergenceError as error:
                raise UserError(f"{error} {_after_divergence(workdir, checkpoints)}") from error
        if interruption.requested():
            checkpoints.wait("last")
            progress.note(f"stopped at step {int(state.step)} of {total}, which is saved. The same command resumes it.")
        interruption.end()
    if (done := int(state.step)) < total:
        print_lines(
            f"paused at step {done} of {total} after {experiment.config.training.max_minutes:g} minutes. The same command "
            "resumes it; with --mode=evaluate it evaluates the training so far."
        )
    return done == total


def _best_score(workdir: Workdir, checkpoints: Checkpoints, state: State) -> float:
    """Return the validation AUC of the checkpoint "best", -1 if there is none.

    The history alone does not show that a checkpoint was written. If there is none although the resumed state was validated,
    that state becomes the best one: a work directory of a former version may lack it.
    """
    step = checkpoints.step("best")
    at = int(state.step) if step is None else step
    aucs = [row.validation_auc for row in workdir.history(at) if row.step == at and row.validation_auc is not None]
    score = aucs[-1] if aucs else -1.0
    if step is not None:
        saved = checkpoints.score("best")
        return score if saved is None else saved
    if aucs:
        checkpoints.save("best", state, score=score)
    return score


def _after_divergence(workdir: Workdir, checkpoints: Checkpoints) -> str:
    """Return the ways to go on after the loss became NaN or infinite, by the checkpoints that exist."""
    if checkpoints.step("last") is None:
        exists, effect = "No checkpoint was written yet", "begins again"
    else:
        checkpoints.wait("last")
        exists, effect = f"The checkpoint of step {checkpoints.step('last')} is kept", "resumes there"
    return (
        f"{exists}: with --config.training.resume_with_changes=True and a lower learning rate, --workdir={workdir.path} "
        f"{effect}. The other changes need another --workdir."
    )


@dataclasses.dataclass(eq=False)
class _Recorder:
    """The callbacks of the loop: they log, evaluate and save, and append to the history of the run.

    Attributes:
      workdir: the work directory, which receives the history.
      checkpoints: the checkpoints of the work directory.
      validate: evaluates a state on the held-out pairs.
      board: the TensorBoard events.
      progress: the progress on the terminal.
      schedule: the learning rate of each step.
      steps_per_epoch: steps per epoch.
      history: the rows up to the first step.
      best: the validation AUC of the checkpoint "best", -1 if there is none.
    """

    workdir: Workdir
    checkpoints: Checkpoints
    validate: Validate
    board: TensorBoard
    progress: Progress
    schedule: Callable[[int], Any]
    steps_per_epoch: int
    history: list[HistoryRow]
    best: float

    def __post_init__(self):
        self._began = time.monotonic() - max((row.seconds or 0.0 for row in self.history), default=0.0)
        self._timed_step = -1  # the latest step whose time is in the history

    def log(self, step: int, values: dict[str, float]) -> None:
        """Record the logs of a step."""
        epoch, rate = step / self.steps_per_epoch, float(self.schedule(step - 1))
        self.progress.update(step, loss=values["train/loss"], epoch=epoch)
        speed = self.progress.images_per_second
        extra = {"train/learning_rate": rate} | ({"train/images_per_second": speed} if speed else {})
        self.board.scalars(step, values | extra)
        self.history.append(
            HistoryRow(
                step,
                epoch=epoch,
                loss=values["train/loss"],
                learning_rate=rate,
                images_per_second=speed or None,
                training_accuracy=values.get("train/accuracy"),
                active_anchors=values.get("pairs/active_anchors"),
            )
        )

    def evaluate(self, state: State) -> None:
        """Validate a state, record its metrics, and save it as "best" if its AUC is the highest so far.

        The history shows the validation only after "best" is on disk, and `checkpoint` is called later still. So a run that
        resumes from "last" finds the best checkpoint of all validations before it.
        """
        step, result = int(state.step), self.validate(state)
        metrics = result.metrics
        assert metrics.folds is not None
        accuracy, auc = metrics.folds.mean, metrics.auc
        self._append_time(step, validation_accuracy=accuracy, validation_auc=auc)
        log_validation(self.board, step, result)
        self.progress.note(
            f"epoch {step / self.steps_per_epoch:.1f}: accuracy {percent(accuracy)}, AUC {auc:.3f} on held-out identities"
        )
        if auc > self.best:
            self.checkpoints.save("best", state, score=auc)
            self.checkpoints.wait("best")
            self.best = auc
        self.workdir.write_history(self.history)

    def checkpoint(self, state: State) -> None:
        """Save a state as "last", to resume from, after the history up to it: a resumption drops rows beyond its step."""
        step = int(state.step)
        if self._timed_step != step:  # not evaluated at this step: the training time must survive a resumption
            self._append_time(step)
        self.workdir.write_history(self.history)
        self.checkpoints.save("last", state)

    def _append_time(self, step: int, **metrics: float) -> None:
        seconds = time.monotonic() - self._began
        self.history.append(HistoryRow(step, epoch=step / self.steps_per_epoch, seconds=seconds, **metrics))
        self._timed_step = step
