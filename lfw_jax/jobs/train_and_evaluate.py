"""Train a configuration, or take a trained one, and judge it."""

import dataclasses
import time

import numpy as np
from ml_collections import ConfigDict

from lfw_jax.data.pair_list import PairList
from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import ScoredPairs, write_scores
from lfw_jax.evaluation.verification import VerificationResult, verify, verify_folds, with_held_out_threshold
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.experiment import Experiment, build_experiment
from lfw_jax.jobs.first_batch import first_batch_sheet
from lfw_jax.jobs.results import Run, write_results
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.report.progress import Progress
from lfw_jax.report.tensorboard import TensorBoard
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.loop import train as take_steps
from lfw_jax.training.state import State

_FOLDS = 10


def train(request: Request) -> None:
    """`--mode=train`: train, or resume, and evaluate at the end."""
    run(request.config, str(request.folder), name=request.name, train=True, command=request.command)


def evaluate(request: Request) -> None:
    """`--mode=evaluate`: judge what the work directory has learned."""
    run(request.config, str(request.folder), name=request.name, train=False, command=request.command)


def run(config: ConfigDict, directory: str, *, name: str, train: bool, command: str) -> None:
    """Train (or resume) where asked, then evaluate the configured checkpoint and write metrics and report.

    Args:
      config: the configuration.
      directory: the work directory.
      name: what reports call the configuration.
      train: whether to train before the evaluation.
      command: the command line, for the report.

    Raises:
      UserError: whatever in the configuration, the data or the work directory cannot work.
    """
    workdir = Workdir(directory, config)
    if not train and not workdir.checkpoints.is_dir():
        raise UserError(f"--workdir: found no checkpoints in {directory}; train there first with --mode=train.")
    experiment = build_experiment(config, workdir.path, to_train=train)
    for note in (experiment.sampler.describe(), f"objective: {experiment.objective.describe}", *experiment.split.notes):
        print(note)
    if skipped := experiment.split.source.skipped:
        files = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
        print(f"{files} skipped as no readable images, the first: {skipped[0].path}: {skipped[0].reason}")
    with Checkpoints(workdir.checkpoints) as checkpoints:
        if train and not _train(experiment, workdir, checkpoints):
            return
        kind = config.evaluation.checkpoint
        state = checkpoints.restore(kind, experiment.state)
    result, raw_pixels, scores = judge(experiment, state)
    details = Run(name, command, workdir, experiment, kind, int(state.step))
    sets, set_scores = judge_sets(experiment, state)
    write_scores(workdir.path / "scores.npz", scores | set_scores)
    write_results(details, result, raw_pixels, sets)


def _train(experiment: Experiment, workdir: Workdir, checkpoints: Checkpoints) -> bool:
    """Train from the last checkpoint, or from the start; whether training came to its end."""
    if not workdir.begun:
        experiment.evaluation_plan.write(workdir.path)
    workdir.begin()
    state, config = experiment.state, experiment.config
    if checkpoints.step("last") is not None:
        state = checkpoints.restore("last", state)
        print(f"resuming at step {int(state.step)} of {experiment.intervals.total}")
    start = int(state.step)
    history = workdir.history(start)
    best = max((row["validation_auc"] for row in history if "validation_auc" in row), default=-1.0)
    validation = experiment.pixels(experiment.split.validation)
    size, epoch_length = config.sampler.batch_size, experiment.sampler.steps_per_epoch
    began = time.monotonic() - max((row.get("seconds", 0.0) for row in history), default=0.0)
    with (
        TensorBoard(workdir.events, purge_step=start + 1 if start else None) as board,
        Progress(experiment.intervals.total, batch_size=size, start_step=start) as progress,
    ):
        if start == 0:
            board.image(0, "train/network_input", first_batch_sheet(experiment))

        def log(step: int, values: dict[str, float]) -> None:
            rate = float(experiment.schedule(step - 1))
            progress.update(step, loss=values["train/loss"], epoch=step / epoch_length)
            speed = progress.images_per_second
            extra = {"train/learning_rate": rate} | ({"train/images_per_second": speed} if speed else {})
            board.scalars(step, values | extra)
            row = {"step": step, "epoch": step / epoch_length, "loss": values["train/loss"], "learning_rate": rate}
            history.append(row | ({"images_per_second": speed} if speed else {}))

        def evaluate(state: State) -> None:
            nonlocal best
            step = int(state.step)
            result = _validate(experiment, state, validation)
            assert result.folds is not None
            scores = {"validation_accuracy": result.folds.mean, "validation_auc": result.auc}
            seconds = time.monotonic() - began
            history.append({"step": step, "epoch": step / epoch_length, "seconds": seconds, **scores})
            board.scalars(step, {f"validation/{key.removeprefix('validation_')}": v for key, v in scores.items()})
            board.histogram(step, "validation/positive_distances", result.distances[result.same])
            board.histogram(step, "validation/negative_distances", result.distances[~result.same])
            progress.note(
                f"epoch {step / epoch_length:.1f}: held-out people: accuracy {result.folds.mean:.1%}, AUC {result.auc:.3f}"
            )
            checkpoints.save("last", state)
            if result.auc > best:
                best = result.auc
                checkpoints.save("best", state)
            workdir.write_history(history)

        if start < experiment.intervals.total:
            state = take_steps(
                state,
                experiment.step,
                experiment.batches(start),
                intervals=experiment.intervals,
                devices=experiment.devices,
                log=log,
                evaluate=evaluate,
            )
    done, total = int(state.step), experiment.intervals.total
    if done < total:
        print(
            f"paused at step {done} of {total} after {config.training.max_minutes:g} minutes. The same command resumes; with "
            "--mode=evaluate it judges what there is."
        )
    return done == total


def _validate(experiment: Experiment, state: State, pixels: np.ndarray) -> VerificationResult:
    """Return the ten-fold verification of held-out identities: each tenth at the threshold of the other nine."""
    pairs = experiment.split.validation
    distances = experiment.distances(state, pairs, pixels, quick=True)
    folds = np.random.default_rng(experiment.config.seed).permutation(len(pairs)) % _FOLDS
    return verify_folds(dataclasses.replace(_scored(pairs, distances), folds=folds))


def judge(
    experiment: Experiment, state: State
) -> tuple[VerificationResult, VerificationResult, dict[str, ScoredPairs]]:
    """Evaluate the test pairs at thresholds chosen on the development pairs, or on the other folds.

    If the development pairs are not those of the held-out identities, the threshold of the latter is evaluated, too.

    Args:
      experiment: the parts of the experiment.
      state: the state to evaluate.

    Returns:
      The results of the embeddings and of the raw pixels, and the scored pairs by their role: "test", and where there are
      such pairs "development" and "held_out".
    """
    split = experiment.split
    lists = [split.test] if split.by_folds else [split.test, split.development]
    pixels = [experiment.pixels(pairs) for pairs in lists]
    learned, raw = [], []
    for pairs, shown in zip(lists, pixels, strict=True):
        learned.append(_scored(pairs, experiment.distances(state, pairs, shown)))
        raw.append(_scored(pairs, experiment.pixel_distances(pairs, shown)))
    result = _verify(*learned)
    scores: dict[str, ScoredPairs] = dict(zip(("test", "development"), learned, strict=False))
    if split.validation is not split.development:
        held_out = split.validation
        distances = experiment.distances(state, held_out, experiment.pixels(held_out))
        scores["held_out"] = _scored(held_out, distances)
        result = with_held_out_threshold(result, scores["held_out"])
    return result, _verify(*raw), scores


def judge_sets(experiment: Experiment, state: State) -> tuple[list[VerificationResult], dict[str, ScoredPairs]]:
    """Evaluate each evaluation set at thresholds chosen on its development pairs or on its other folds.

    Args:
      experiment: the parts of the experiment.
      state: the state to evaluate.

    Returns:
      The results, and the scored pairs by their role, "sets/" and the name of the set.
    """
    results, scores = [], {}
    for item in experiment.evaluation_plan.sets:
        lists = [item.with_folds()] if item.development is None else [item.pairs, item.development]
        scored = [
            _scored(pairs, experiment.distances(state, pairs, experiment.pixels(pairs, of=item))) for pairs in lists
        ]
        results.append(_verify(*scored))
        scores[f"sets/{item.name}"] = scored[0]
    return results, scores


def _scored(pairs: PairList, distances: np.ndarray) -> ScoredPairs:
    return ScoredPairs(
        name=pairs.name,
        distances=distances,
        same=pairs.same,
        identities=np.array([(a, b) for (a, _), (b, _) in zip(pairs.first, pairs.second, strict=True)], np.str_),
        images=np.array([(a, b) for (_, a), (_, b) in zip(pairs.first, pairs.second, strict=True)], np.int64),
        folds=pairs.folds,
    )


def _verify(test: ScoredPairs, development: ScoredPairs | None = None) -> VerificationResult:
    """Evaluate the test pairs at thresholds chosen on the development pairs, or without any on the other folds."""
    return verify_folds(test) if development is None else verify(test, development)
