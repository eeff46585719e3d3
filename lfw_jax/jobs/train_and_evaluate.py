"""Train a configuration, or take a trained one, and evaluate it."""

import numpy as np
from ml_collections import ConfigDict

from lfw_jax.data.pair_list import PairList
from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import ScoredPairs, write_scores
from lfw_jax.evaluation.verification import VerificationResult, verify, verify_folds, with_held_out_threshold
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.scoring import score, score_raw_pixels
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.experiment import Experiment, build_experiment
from lfw_jax.jobs.results import Run, write_results
from lfw_jax.jobs.training_run import train_to_the_end, training_of
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.models import variable_shapes
from lfw_jax.training.build import Training
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.state import State

_FOLDS = 10


def train(request: Request) -> None:
    """Train, or resume, and evaluate at the end: `--mode=train`.

    Args:
      request: the flags.
    """
    run(request.config, str(request.folder), name=request.name, train=True, command=request.command)


def evaluate(request: Request) -> None:
    """Evaluate what the work directory has learned: `--mode=evaluate`.

    Args:
      request: the flags.
    """
    run(request.config, str(request.folder), name=request.name, train=False, command=request.command)


def run(config: ConfigDict, directory: str, *, name: str, train: bool, command: str) -> None:
    """Train (or resume) where asked, then evaluate the configured checkpoint and write metrics and report.

    Args:
      config: the configuration.
      directory: the work directory.
      name: the name of the configuration in reports.
      train: true to train before the evaluation. An evaluation alone builds no optimiser and no state.
      command: the command line, for the report.

    Raises:
      UserError: anything in the configuration, the data or the work directory that cannot work.
    """
    workdir = Workdir(directory, config)
    if not train and not workdir.checkpoints.is_dir():
        raise UserError(f"--workdir: found no checkpoints in {directory}; train there first with --mode=train.")
    experiment = build_experiment(config, workdir.path)
    training = training_of(experiment) if train else None
    _print_notes(experiment)
    with Checkpoints(workdir.checkpoints) as checkpoints:
        if training and not _train(experiment, training, workdir, checkpoints):
            return
        kind = config.evaluation.checkpoint
        variables = checkpoints.restore_variables(kind, variable_shapes(experiment.network, config.data.side))
        step = checkpoints.step(kind)
        assert step is not None
    embedder = experiment.embedder(variables)
    result, raw_pixels, scores = judge(experiment, embedder)
    sets, set_scores = judge_sets(experiment, embedder)
    write_scores(workdir.path / "scores.npz", scores | set_scores)
    write_results(Run(name, command, workdir, experiment, kind, step), result, raw_pixels, sets)


def _print_notes(experiment: Experiment) -> None:
    """Print what is sampled and minimised, and what was excluded from the data."""
    for note in (experiment.sampler.describe(), f"objective: {experiment.objective.describe}", *experiment.split.notes):
        print(note)
    if skipped := experiment.split.source.skipped:
        files = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
        print(f"{files} skipped as no readable images, the first: {skipped[0].path}: {skipped[0].reason}")


def _train(experiment: Experiment, training: Training, workdir: Workdir, checkpoints: Checkpoints) -> bool:
    """Train, validating on the held-out identities. Returns false if training paused before its end."""
    embedder = experiment.embedder(training.state.variables()).without_shifts()

    def validate(state: State) -> VerificationResult:
        return _validate(experiment, embedder.with_variables(state.variables()))

    return train_to_the_end(experiment, training, workdir, checkpoints, validate)


def _validate(experiment: Experiment, embedder: Embedder) -> VerificationResult:
    """Evaluate the held-out pairs in ten random folds, each at the threshold of the other nine."""
    pairs = experiment.split.validation
    scored = score(embedder, pairs, experiment.pixels(pairs))
    folds = np.random.default_rng(experiment.config.seed).permutation(len(pairs)) % _FOLDS
    return verify_folds(scored.distances, pairs.same, folds, name=pairs.name)


def judge(
    experiment: Experiment, embedder: Embedder
) -> tuple[VerificationResult, VerificationResult, dict[str, ScoredPairs]]:
    """Evaluate the test pairs by thresholds of the development pairs, or of the other folds.

    Where the development pairs are not those of the held-out identities, the threshold of the latter is evaluated, too.

    Args:
      experiment: the lists.
      embedder: the trained network.

    Returns:
      The results of the embeddings and of the raw pixels, and the scored pairs by their role: "test", and where there are
      such pairs "development" and "held_out".
    """
    split, geometry = experiment.split, experiment.data.geometry
    lists = [split.test] if split.by_folds else [split.development, split.test]
    learned = [score(embedder, pairs, experiment.pixels(pairs)) for pairs in lists]
    raw = [score_raw_pixels(geometry, pairs, experiment.pixels(pairs)) for pairs in lists]
    result = _verify(lists, [scored.distances for scored in learned])
    scores = {"test": learned[-1]} | ({} if split.by_folds else {"development": learned[0]})
    if split.validation is not split.development:
        held_out = score(embedder, split.validation, experiment.pixels(split.validation))
        result = with_held_out_threshold(result, held_out.distances, held_out.same, name=held_out.name)
        scores["held_out"] = held_out
    return result, _verify(lists, [scored.distances for scored in raw]), scores


def judge_sets(experiment: Experiment, embedder: Embedder) -> tuple[list[VerificationResult], dict[str, ScoredPairs]]:
    """Evaluate each evaluation set by thresholds of its development pairs or of its folds.

    Args:
      experiment: the sets.
      embedder: the trained network.

    Returns:
      The results, and the scored pairs of each set by their role "sets/<name>".
    """
    results, scores = [], {}
    for item in experiment.evaluation_plan.sets:
        lists = [item.with_folds()] if item.development is None else [item.development, item.pairs]
        scored = [score(embedder, pairs, experiment.pixels(pairs, of=item)) for pairs in lists]
        results.append(_verify(lists, [part.distances for part in scored]))
        scores[f"sets/{item.name}"] = scored[-1]
    return results, scores


def _verify(lists: list[PairList], distances: list[np.ndarray]) -> VerificationResult:
    """Evaluate the last list by thresholds chosen on the first; a single list by its folds."""
    test, of_test = lists[-1], distances[-1]
    if len(lists) == 1:
        assert test.folds is not None
        return verify_folds(of_test, test.same, test.folds, name=test.name)
    development, of_development = lists[0], distances[0]
    return verify(
        of_test,
        test.same,
        name=test.name,
        development_distances=of_development,
        development_same=development.same,
        development_name=development.name,
    )
