"""Training in a work directory: resumption, logging, validation and checkpoints around the loop."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from lfw_jax.evaluation.verification import VerificationResult
from lfw_jax.jobs.experiment import Experiment
from lfw_jax.jobs.first_batch import first_batch_sheet
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.report.formatting import percent
from lfw_jax.report.progress import Progress
from lfw_jax.report.tensorboard import TensorBoard
from lfw_jax.training.build import Training, build_training
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.history import HistoryRow
from lfw_jax.training.loop import train
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
      UserError: the work directory cannot be written, an image cannot be decoded, or the loss is no longer finite.
    """
    if not workdir.begun:
        experiment.evaluation_plan.write(workdir.path)
    workdir.begin()
    state, total = training.state, training.intervals.total
    if checkpoints.step("last") is not None:
        state, damage = checkpoints.resume(state)
        if damage:
            print(damage)
        print(f"resuming at step {int(state.step)} of {total}")
    experiment.pixels(experiment.split.validation)  # decoded now: a broken image is reported before the first step
    start = int(state.step)
    history, sampler = workdir.history(start), experiment.sampler
    with (
        TensorBoard(workdir.events, purge_step=start + 1 if start else None) as board,
        Progress(total, batch_size=sampler.batch_size, start_step=start) as progress,
    ):
        recorder = _Recorder(
            workdir, checkpoints, validate, board, progress, training.schedule, sampler.steps_per_epoch, history
        )
        if start == 0:
            board.image(0, "train/network_input", first_batch_sheet(experiment))
        if start < total:
            state = train(
                state,
                training.step,
                training.feed.batches(start, total),
                intervals=training.intervals,
                devices=training.devices,
                log=recorder.log,
                evaluate=recorder.evaluate,
                checkpoint=recorder.checkpoint,
            )
    if (done := int(state.step)) < total:
        print(
            f"paused at step {done} of {total} after {experiment.config.training.max_minutes:g} minutes. The same command "
            "resumes it; with --mode=evaluate it evaluates the training so far."
        )
    return done == total


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
    """

    workdir: Workdir
    checkpoints: Checkpoints
    validate: Validate
    board: TensorBoard
    progress: Progress
    schedule: Callable[[int], Any]
    steps_per_epoch: int
    history: list[HistoryRow]

    def __post_init__(self):
        self._best = max((row.validation_auc for row in self.history if row.validation_auc is not None), default=-1.0)
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
                step, epoch=epoch, loss=values["train/loss"], learning_rate=rate, images_per_second=speed or None
            )
        )

    def evaluate(self, state: State) -> None:
        """Validate a state, record its metrics, and save it as "best" if its AUC is the highest so far."""
        step, result = int(state.step), self.validate(state)
        metrics, pairs = result.metrics, result.pairs
        assert metrics.folds is not None
        accuracy, auc = metrics.folds.mean, metrics.auc
        self._append_time(step, validation_accuracy=accuracy, validation_auc=auc)
        self.board.scalars(step, {"validation/accuracy": accuracy, "validation/auc": auc})
        self.board.histogram(step, "validation/positive_distances", pairs.distances[pairs.same])
        self.board.histogram(step, "validation/negative_distances", pairs.distances[~pairs.same])
        self.progress.note(
            f"epoch {step / self.steps_per_epoch:.1f}: accuracy {percent(accuracy)}, AUC {auc:.3f} on held-out identities"
        )
        if auc > self._best:
            self._best = auc
            self.checkpoints.save("best", state)
        self.workdir.write_history(self.history)

    def checkpoint(self, state: State) -> None:
        """Save a state as "last", to resume from, with the history up to it."""
        step = int(state.step)
        self.checkpoints.save("last", state)
        if self._timed_step != step:  # not evaluated at this step: the training time must survive a resumption
            self._append_time(step)
        self.workdir.write_history(self.history)

    def _append_time(self, step: int, **metrics: float) -> None:
        seconds = time.monotonic() - self._began
        self.history.append(HistoryRow(step, epoch=step / self.steps_per_epoch, seconds=seconds, **metrics))
        self._timed_step = step
