"""`--mode=train` and `--mode=evaluate`: train a configuration, and evaluate a trained network."""

import dataclasses
import traceback

import numpy as np
from ml_collections import ConfigDict

from lfw_jax.data.protocols.data_record import record_of
from lfw_jax.errors import UserError
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import VerificationResult, verify, verify_folds, with_held_out_threshold
from lfw_jax.evaluation.with_intervals import with_intervals
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.scoring import embed_list, score, score_embedded, score_raw_pixels
from lfw_jax.jobs.calibration import calibrated
from lfw_jax.jobs.config_changes import FILE, recorded_changes
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.experiment import Experiment, build_experiment
from lfw_jax.jobs.identification import identify
from lfw_jax.jobs.results import Run, write_results
from lfw_jax.jobs.standard_output import Deliver, ignored
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
    embedder = experiment.embedder(variables)
    split = evaluate_split(experiment, embedder)
    split, calibration = calibrated(experiment, embedder, split, checkpoint=kind, step=step)
    sets, set_scores, failed = evaluate_sets(experiment, embedder)
    identification = identify(experiment, embedder, split.images["test"])
    run_of = Run(name, command, workdir, experiment, kind, step)
    scores = {**split.scores, **set_scores}
    deliver(to_json(write_results(run_of, split, scores, calibration, sets, failed, identification)))
    if failed := {**failed, **identification.failed}:
        raise UserError(
            f"--config.evaluation: {' '.join(f'{name} could not be evaluated: {why}' for name, why in failed.items())} All "
            "other results are written. Correct the set, and evaluate again with --mode=evaluate."
        )


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
    scored = score(embedder, experiment.split.validation, experiment.pixels(experiment.split.validation))
    folds = np.random.default_rng(experiment.config.seed).permutation(len(scored)) % _FOLDS
    return verify_folds(dataclasses.replace(scored, folds=folds))


def evaluate_split(experiment: Experiment, embedder: Embedder) -> EvaluatedSplit:
    """Evaluate the test pairs at thresholds chosen on the development pairs, or on the other folds.

    If the development pairs are not pairs of held-out identities, the test pairs are also evaluated at the threshold of
    the latter.

    Args:
      experiment: The pair lists and their images.
      embedder: The trained network.
    """
    split, geometry = experiment.split, experiment.data.geometry
    lists = {"test": split.test}
    if not split.by_folds:
        lists["development"] = split.development
    if split.validation is not split.development:
        lists["held_out"] = split.validation
    images = {role: embed_list(embedder, pairs, experiment.pixels(pairs)) for role, pairs in lists.items()}
    scores = {role: score_embedded(pairs, images[role]) for role, pairs in lists.items()}
    raw = [
        score_raw_pixels(geometry, pairs, experiment.pixels(pairs))
        for role, pairs in lists.items()
        if role != "held_out"
    ]
    result = _verify(scores["test"], scores.get("development"))
    if "held_out" in scores:
        result = with_held_out_threshold(result, scores["held_out"])
    result = with_intervals(result, development=scores.get("development"), held_out=scores.get("held_out"))
    return EvaluatedSplit(result, _verify(*raw), scores, images)


def evaluate_sets(
    experiment: Experiment, embedder: Embedder
) -> tuple[list[VerificationResult], dict[str, ScoredPairs], dict[str, str]]:
    """Evaluate each evaluation set at thresholds chosen on its development pairs or on its other folds.

    A set that fails costs no other result.

    Args:
      experiment: The evaluation sets and their images.
      embedder: The trained network.

    Returns:
      The results; the scored pairs of each set by their role, "sets/<name>", and "sets_development/<name>" for its own
      development pairs; and the reason for each set that failed, by its name.
    """
    results, scores, failed = [], {}, {}
    for item in experiment.evaluation_plan.sets:
        lists = [item.with_folds()] if item.development is None else [item.pairs, item.development]
        try:
            scored = [score(embedder, pairs, experiment.pixels(pairs, of=item)) for pairs in lists]
            results.append(with_intervals(_verify(*scored), development=scored[1] if len(scored) > 1 else None))
        except UserError as error:
            failed[item.name] = str(error)
        except Exception as error:  # whatever it is, a night of training must not end without its report
            traceback.print_exc()
            failed[item.name] = f"{type(error).__name__}: {error}."
        else:
            roles = (f"sets/{item.name}", f"sets_development/{item.name}")
            scores |= dict(zip(roles, scored, strict=False))  # a set by folds has no development pairs
    return results, scores, failed


def _verify(test: ScoredPairs, development: ScoredPairs | None = None) -> VerificationResult:
    """Evaluate the test pairs at thresholds chosen on the development pairs, or on the other folds if there are none."""
    return verify_folds(test) if development is None else verify(test, development)
