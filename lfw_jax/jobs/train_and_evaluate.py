"""Train a configuration, or take a trained one, and judge it."""

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
    """Ten-fold verification of people who do not train: each tenth is judged by the threshold of the other nine."""
    pairs = experiment.split.validation
    distances = experiment.distances(state, pairs, pixels, quick=True)
    folds = np.random.default_rng(experiment.config.seed).permutation(len(pairs)) % _FOLDS
    return verify_folds(distances, pairs.same, folds, name=pairs.name)


def judge(
    experiment: Experiment, state: State
) -> tuple[VerificationResult, VerificationResult, dict[str, ScoredPairs]]:
    """Evaluate the test pairs by thresholds of the development pairs, or of the other folds.

    Where the development pairs are not those of the held-out identities, the threshold of the latter is evaluated, too.

    Returns:
      The results of the embeddings and of the raw pixels, and the scored pairs by their role: "test", and where there are
      such pairs "development" and "held_out".
    """
    split = experiment.split
    lists = [split.test] if split.by_folds else [split.development, split.test]
    pixels = [experiment.pixels(pairs) for pairs in lists]
    learned = [experiment.distances(state, pairs, shown) for pairs, shown in zip(lists, pixels, strict=True)]
    raw = [experiment.pixel_distances(pairs, shown) for pairs, shown in zip(lists, pixels, strict=True)]
    result = _verify(lists, learned)
    scores = {
        role: _scored(pairs, distances)
        for role, pairs, distances in zip(("test", "development"), lists[::-1], learned[::-1], strict=False)
    }
    if split.validation is not split.development:
        held_out = split.validation
        distances = experiment.distances(state, held_out, experiment.pixels(held_out))
        result = with_held_out_threshold(result, distances, held_out.same, name=held_out.name)
        scores["held_out"] = _scored(held_out, distances)
    return result, _verify(lists, raw), scores


def judge_sets(experiment: Experiment, state: State) -> tuple[list[VerificationResult], dict[str, ScoredPairs]]:
    """Evaluate each evaluation set by thresholds of its development pairs or of its folds; results and scored pairs."""
    results, scores = [], {}
    for item in experiment.evaluation_plan.sets:
        lists = [item.with_folds()] if item.development is None else [item.development, item.pairs]
        distances = [experiment.distances(state, pairs, experiment.pixels(pairs, of=item)) for pairs in lists]
        results.append(_verify(lists, distances))
        scores[f"sets/{item.name}"] = _scored(lists[-1], distances[-1])
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


def _verify(lists: list[PairList], distances: list[np.ndarray]) -> VerificationResult:
    """Judge the last list by thresholds chosen on the first; a list alone by its folds."""
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
