"""The runs of a comparison, read from their work directories, and the content of `compare.json`."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.compare import ACCURACY, AUC, EER, HELD_OUT, Comparison, Decisions, decisions
from lfw_jax.evaluation.comparison.results import SCHEMA, ComparedRun, ComparisonMetrics, Estimate
from lfw_jax.evaluation.diagnosis.separation import separation
from lfw_jax.evaluation.finished_runs import FinishedRun, read_finished_run
from lfw_jax.evaluation.operating_points import true_accept_rates
from lfw_jax.evaluation.scores import ScoredPairs, read_scores


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluatedRun:
    """A finished run with its decisions about the test pairs.

    Attributes:
      name: its name in tables.
      finished: its results and its configuration.
      decisions: its test pairs and its decisions about them.
      development: the pairs on which its protocol chooses the threshold; None for a list with folds.
    """

    name: str
    finished: FinishedRun
    decisions: Decisions
    development: ScoredPairs | None = None


@dataclasses.dataclass(frozen=True)
class TrainingEnd:
    """The end of a training, up to the evaluated checkpoint.

    Attributes:
      loss: median of the last quarter of the logged losses; None with too few.
      accuracy: the same of the training accuracy; None for a loss without prototypes.
    """

    loss: float | None = None
    accuracy: float | None = None


def read_evaluated_runs(folders: Sequence[Path]) -> tuple[tuple[EvaluatedRun, ...], dict[str, str]]:
    """Read the finished runs among folders.

    Args:
      folders: work directories, and other folders that a pattern such as `runs/*` matches.

    Returns:
      The runs in the order given, and the reason for each folder that is not a finished run.

    Raises:
      UserError: no folder is a finished run, or a finished run lacks its scores or has damaged files.
    """
    skipped = {str(folder): _unfinished(folder) for folder in folders if not (folder / "metrics.json").is_file()}
    finished = [folder for folder in folders if str(folder) not in skipped]
    if not finished:
        raise UserError(
            f"--input: found no finished run; expected folders with a metrics.json. {' '.join(_sentences(skipped))}"
        )
    counts = Counter(folder.name for folder in finished)
    runs = tuple(_read(folder, folder.name if counts[folder.name] == 1 else str(folder)) for folder in finished)
    return runs, skipped


def comparison_metrics(
    runs: Sequence[EvaluatedRun],
    comparison: Comparison,
    settings: Mapping[str, Mapping[str, str]],
    ends: Mapping[str, TrainingEnd],
    **others: Any,
) -> ComparisonMetrics:
    """Return the content of `compare.json`.

    Args:
      runs: the runs, in order.
      comparison: their comparison.
      settings: by run, the values of the keys of the configuration in which the runs differ.
      ends: the end of the training by the name of the run.
      **others: the fields `command`, `resamples`, `seed` and `skipped`.
    """
    pairs = runs[0].decisions.pairs
    return ComparisonMetrics(
        schema=SCHEMA,
        list=pairs.name,
        pairs=len(pairs),
        same_pairs=int(pairs.same.sum()),
        resampled="identities" if comparison.graph.known else "pairs",
        units=comparison.graph.vertices,
        runs=tuple(
            _compared(run, comparison.estimates[run.name], settings[run.name], ends.get(run.name, TrainingEnd()))
            for run in runs
        ),
        differences=comparison.differences,
        **others,
    )


def _compared(
    run: EvaluatedRun, estimates: Mapping[str, Estimate], settings: Mapping[str, str], end: TrainingEnd
) -> ComparedRun:
    metrics, pairs = run.finished.metrics, run.decisions.pairs
    separated = separation(pairs.distances, pairs.same)
    protocol, views = run.finished.test.by_rule("accuracy"), metrics.views
    return ComparedRun(
        name=run.name,
        folder=str(run.finished.folder),
        config=metrics.config,
        seed=metrics.seed,
        checkpoint=metrics.checkpoint,
        step=metrics.step,
        views=f"flip {views.flip}, shift {views.shift}",
        threshold=protocol.threshold,
        chosen_on=protocol.chosen_on,
        accuracy=estimates[ACCURACY],
        accuracy_at_held_out_threshold=estimates.get(HELD_OUT),
        auc=estimates[AUC],
        equal_error_rate=estimates[EER],
        true_accept_rates=true_accept_rates(pairs.distances, pairs.same),
        training_minutes=metrics.training_seconds / 60,
        parameters=metrics.parameters,
        images_per_second=metrics.images_per_second,
        settings=settings,
        f1=run.finished.test.by_rule("f1").f1,
        d_prime=separated.d_prime,
        overlap=separated.overlap,
        effective_rank=metrics.diagnosis.space.effective_rank if metrics.diagnosis else None,
        training_loss=end.loss,
        training_accuracy=end.accuracy,
        development_accuracy=_accuracy(run.development, protocol.threshold) if run.development else None,
    )


def _accuracy(pairs: ScoredPairs, threshold: float) -> float:
    return float(np.mean((pairs.distances < threshold) == pairs.same))


def _read(folder: Path, name: str) -> EvaluatedRun:
    finished, path = read_finished_run(folder), folder / "scores.npz"
    remedy = f"Evaluate it again: --mode=evaluate --config={finished.metrics.config} --workdir={folder}"
    if not path.is_file():
        raise UserError(f"{folder}: found no scores.npz, expected the scores of its evaluation. {remedy}")
    lists = read_scores(path)
    if "test" not in lists:
        raise UserError(f"{path}: found the lists {', '.join(lists) or 'none'}, expected one named test. {remedy}")
    try:
        return EvaluatedRun(name, finished, decisions(lists["test"], finished.test), lists.get("development"))
    except ValueError as error:
        raise UserError(f"{path}: does not belong to metrics.json: {error}. {remedy}") from error


def _unfinished(folder: Path) -> str:
    if (folder / "config.json").is_file():
        return f"has not been evaluated; --mode=train --workdir={folder} finishes it"
    return "is not the work directory of a run"


def _sentences(skipped: Mapping[str, str]) -> list[str]:
    return [f"{folder} {reason}." for folder, reason in skipped.items()]
