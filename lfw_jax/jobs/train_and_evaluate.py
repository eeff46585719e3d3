"""`--mode=train` and `--mode=evaluate`: train a configuration, and evaluate a trained network."""

import dataclasses

import numpy as np
from ml_collections import ConfigDict

from lfw_jax.data.protocols.data_record import record_of
from lfw_jax.errors import UserError
from lfw_jax.evaluation.verification import VerificationResult, verify_folds
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.scoring import score
from lfw_jax.jobs.config_changes import FILE, recorded_changes
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.evaluation import evaluate_and_write
from lfw_jax.jobs.experiment import Experiment, build_experiment
from lfw_jax.jobs.results import Run
from lfw_jax.jobs.standard_output import Deliver, ignored
from lfw_jax.jobs.system import trained_network
from lfw_jax.jobs.training_run import train_to_the_end, training_of
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.jobs.workdir_lock import locked
from lfw_jax.models import variable_shapes
from lfw_jax.report.terminal_text import print_lines, print_notes
from lfw_jax.training.build import Training
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.state import State
from lfw_jax.typed_json import to_json

_FOLDS = 10


@dataclasses.dataclass(frozen=True)
class Paused:
    """A training that paused before its end, which `--json` prints in place of metrics.

    Attributes:
      paused: true.
      workdir: its work directory.
      step: number of steps taken and saved.
      total_steps: number of steps at the end of the training.
    """

    paused: bool
    workdir: str
    step: int
    total_steps: int


def train(request: Request) -> None:
    """Train, or resume, and evaluate at the end: `--mode=train`.

    Args:
      request: The flags and the configuration.

    Raises:
      UserError: As `run`.
    """
    run(
        request.config,
        str(request.folder),
        name=request.name,
        train=True,
        command=request.command,
        deliver=request.deliver,
    )


def evaluate(request: Request) -> None:
    """Evaluate the trained network of a work directory: `--mode=evaluate`.

    Args:
      request: The flags and the configuration.

    Raises:
      UserError: As `run`.
    """
    run(
        request.config,
        str(request.folder),
        name=request.name,
        train=False,
        command=request.command,
        deliver=request.deliver,
    )


def run(
    config: ConfigDict, directory: str, *, name: str, train: bool, command: str, deliver: Deliver = ignored
) -> None:
    """Train or resume if requested, then evaluate the configured checkpoint and write the results.

    Args:
      config: The configuration.
      directory: The work directory.
      name: The name of the configuration in reports.
      train: True to train before the evaluation. An evaluation alone builds no optimiser and no training state.
      command: The command line, for the report.
      deliver: Takes the result: the content of metrics.json, or, if training paused, that of `Paused`.

    Raises:
      UserError: If the configuration, the data or the work directory are invalid. An evaluation set that fails is reported
        after all other results are written.
    """
    workdir = Workdir(directory, config)
    if not train and not workdir.checkpoints.is_dir():
        raise UserError(f"--workdir: found no checkpoints in {directory}; train there first with --mode=train.")
    if not train and workdir.changes:
        raise UserError(
            f"{', '.join(sorted(workdir.changes))} changed, which only --mode=train can do. Give the configuration that "
            f"{directory} was trained with."
        )
    with locked(workdir.path, "train" if train else "evaluate"):
        _run(config, workdir, name=name, train=train, command=command, deliver=deliver)


def _run(config: ConfigDict, workdir: Workdir, *, name: str, train: bool, command: str, deliver: Deliver) -> None:
    """Do as `run`, in a work directory that no other process uses."""
    # Damaged records are reported now, and not after the evaluation.
    workdir.history(0)
    recorded_changes(workdir.path / FILE)
    experiment = build_experiment(config, workdir.path)
    training = training_of(experiment) if train else None
    _print_notes(experiment)
    plan = experiment.evaluation_plan
    for note in workdir.check_data(record_of(experiment.split, plan.sets, plan.identification)):
        print_notes(note)
    with Checkpoints(workdir.checkpoints) as checkpoints:
        if training and not _train(experiment, training, workdir, checkpoints):
            deliver(to_json(Paused(True, str(workdir.path), checkpoints.step("last") or 0, training.intervals.total)))
            return
        shapes = variable_shapes(experiment.network, config.data.side)
        variables, kind, damage = checkpoints.restore_evaluated(config.evaluation.checkpoint, shapes)
        if damage:
            print_lines(damage)
        step = checkpoints.step(kind)
        assert step is not None
    run_of = Run(name, command, workdir, experiment, trained_network(experiment, workdir), kind, step)
    evaluate_and_write(run_of, experiment.embedder(variables), deliver)


def _print_notes(experiment: Experiment) -> None:
    """Print the sampler, the objective, and what was excluded from the data."""
    for note in (experiment.sampler.describe(), f"objective: {experiment.objective.describe}", *experiment.split.notes):
        print_notes(note)
    if skipped := experiment.split.source.skipped:
        files = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
        print_notes(f"{files} skipped as not readable, the first: {skipped[0].path}: {skipped[0].reason}")


def _train(experiment: Experiment, training: Training, workdir: Workdir, checkpoints: Checkpoints) -> bool:
    """Train, with validation on held-out identities. Return false if training paused before its end."""
    embedder = experiment.embedder(training.state.variables()).without_shifts()

    def validate(state: State) -> VerificationResult:
        return _validate(experiment, embedder.with_variables(state.variables()))

    return train_to_the_end(experiment, training, workdir, checkpoints, validate)


def _validate(experiment: Experiment, embedder: Embedder) -> VerificationResult:
    """Evaluate the held-out pairs in ten random folds, each at the threshold of the other nine."""
    scored = score(embedder, experiment.split.validation, experiment.decoded(experiment.split.validation))
    folds = np.random.default_rng(experiment.config.seed).permutation(len(scored)) % _FOLDS
    return verify_folds(dataclasses.replace(scored, folds=folds))
