"""A run of a network: trained step by step, and perhaps with a backend on its embeddings."""

import dataclasses

import numpy as np

from lfw_jax.evaluation.verification import VerificationResult, verify_folds
from lfw_jax.inference.backend_embedder import BackendEmbedder
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.scoring import score
from lfw_jax.jobs.call import Call, Paused, check_data, print_split
from lfw_jax.jobs.config_changes import FILE, recorded_changes
from lfw_jax.jobs.evaluation import evaluate_and_write
from lfw_jax.jobs.experiment import Experiment, build_experiment
from lfw_jax.jobs.network_backend import with_backend
from lfw_jax.jobs.results import Run
from lfw_jax.jobs.saved_model import saved_system
from lfw_jax.jobs.system import trained_network
from lfw_jax.jobs.training_run import train_to_the_end, training_of
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.models import variable_shapes
from lfw_jax.report.terminal_text import print_lines, print_notes
from lfw_jax.training.build import Training
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.state import State
from lfw_jax.typed_json import to_json

_FOLDS = 10


def run(call: Call) -> None:
    """Train the network if asked for, then evaluate the configured checkpoint and write the results.

    Args:
      call: the request.

    Raises:
      UserError: If the configuration, the data or the work directory are invalid. An evaluation set that fails is reported
        after all other results are written.
    """
    config, workdir = call.config, call.workdir
    # Damaged records are reported now, and not after the evaluation.
    workdir.history(0)
    recorded_changes(workdir.path / FILE)
    experiment = build_experiment(config, workdir.path)
    training = training_of(experiment) if call.train else None
    print_notes_of(experiment)
    check_data(experiment, workdir)
    with Checkpoints(workdir.checkpoints) as checkpoints:
        if training and not _train(experiment, training, workdir, checkpoints):
            step = checkpoints.step("last") or 0
            return call.deliver(to_json(Paused(True, str(workdir.path), step, training.intervals.total)))
        embedder, kind, step = _restored(experiment, checkpoints)
    representation = with_backend(experiment, embedder, workdir.path, step=step)
    data = call.evaluated(experiment)
    run_of = Run(call.name, call.command, workdir, data, trained_network(experiment, workdir), kind, step)
    system = saved_system(data, representation)
    evaluate_and_write(run_of, data.embedded_by(representation), call.deliver, system=system)
    return None


def load(experiment: Experiment, workdir: Workdir) -> Embedder | BackendEmbedder:
    """Return the trained network of a work directory, with its backend.

    Args:
      experiment: the experiment that was trained there.
      workdir: the work directory.

    Raises:
      UserError: there is no checkpoint, or it cannot be read.
    """
    with Checkpoints(workdir.checkpoints) as checkpoints:
        embedder, _, step = _restored(experiment, checkpoints)
    return with_backend(experiment, embedder, workdir.path, step=step)


def print_notes_of(experiment: Experiment) -> None:
    """Print the sampler, the objective, and what was excluded from the data.

    Args:
      experiment: the experiment.
    """
    print_notes(experiment.sampler.describe())
    print_notes(f"objective: {experiment.objective.describe}")
    print_split(experiment.split)


def _restored(experiment: Experiment, checkpoints: Checkpoints) -> tuple[Embedder, str, int]:
    """Return the embedder of the evaluated checkpoint, its kind and its step."""
    config = experiment.config
    shapes = variable_shapes(experiment.network, config.data.side)
    variables, kind, damage = checkpoints.restore_evaluated(config.evaluation.checkpoint, shapes)
    if damage:
        print_lines(damage)
    step = checkpoints.step(kind)
    assert step is not None
    return experiment.embedder(variables), kind, step


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
