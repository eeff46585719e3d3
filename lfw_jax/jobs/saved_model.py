"""The model directory of a run: its card and arrays from what was trained and evaluated."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.calibrate import fitting_role
from lfw_jax.evaluation.calibration.decision import SavedCalibration
from lfw_jax.evaluation.calibration.operating_curve import operating_curve
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.inference.model.alignment import alignment_arrays, alignment_card
from lfw_jax.inference.model.card import SCHEMA, DistanceHistogram, ModelCard, SystemCard, TestCard, TrainingCard
from lfw_jax.inference.model.directory import MODEL, SavedModel, read_model, write_model
from lfw_jax.inference.model.stored_systems import Arrays, member_arrays, single_arrays
from lfw_jax.inference.model.systems import Single
from lfw_jax.jobs.run_data import RunData
from lfw_jax.report.formatting import percent
from lfw_jax.report.terminal_text import print_lines

_BINS = 40
_LFW_TERMS = (
    "Trained on Labeled Faces in the Wild, which is for research. Its authors ask that results on it not be used to judge "
    "fitness for commercial use."
)
_UNKNOWN_TERMS = "The terms of the training data are not recorded here. State them before you pass the model on."
_CONSENT = "It must not decide about people without their consent, nor without a human who checks the decision."


@dataclasses.dataclass(frozen=True, eq=False)
class SavedSystem:
    """A system that maps images to embeddings, as a model directory holds it.

    Attributes:
      card: its description.
      arrays: its parameters by name.
    """

    card: SystemCard
    arrays: Arrays


def saved_system(data: RunData, representation: Single) -> SavedSystem:
    """Return a network or descriptors as a model directory holds them.

    Args:
      data: the data of the run.
      representation: what embeds its images.

    Raises:
      UserError: the settings of the alignment are damaged.
    """
    config = data.config
    card = SystemCard(
        model=json.loads(json.dumps(config.model.to_dict())),  # tuples become lists, as in the file
        flip=representation.flip,
        shift=representation.shift,
        batch_size=config.evaluation.batch_size,
        geometry=data.data.geometry,
        alignment=alignment_card(data.split.source, data.alignment),
        backend="" if config.backend.name == "none" else config.backend.name,
    )
    return SavedSystem(card, single_arrays(representation) | alignment_arrays(data.alignment))


def saved_members(
    config: ConfigDict, folders: Mapping[str, Path], weights: Mapping[str, float], *, flip: bool, shift: int
) -> SavedSystem:
    """Return a fused system as a model directory holds it, from the model directories of its members.

    Args:
      config: the configuration of the whole.
      folders: the work directory of each member.
      weights: the weight of each member's cosine.
      flip: true if all members add the mirror image.
      shift: largest offset of the shifted crops of a member.

    Raises:
      UserError: a member has no model directory that can be read.
    """
    try:
        members = {name: read_model(folder / MODEL) for name, folder in folders.items()}
    except UserError as error:
        raise UserError(
            f"{error} Evaluate the whole with --mode=evaluate, which writes that of each member."
        ) from error
    card = SystemCard(
        model=json.loads(json.dumps(config.model.to_dict())),
        flip=flip,
        shift=shift,
        batch_size=config.evaluation.batch_size,
        members={name: member.card.system for name, member in members.items()},
        weights=weights,
    )
    return SavedSystem(card, member_arrays({name: member.arrays for name, member in members.items()}))


def write_model_of(
    folder: Path,
    system: SavedSystem,
    data: RunData,
    split: EvaluatedSplit,
    metrics: RunMetrics,
    calibration: SavedCalibration,
    objective: str,
) -> None:
    """Write the model directory of an evaluated run, and print its path.

    Args:
      folder: the work directory.
      system: what maps images to embeddings.
      data: the data of the run.
      split: the evaluated split.
      metrics: the content of metrics.json.
      calibration: the content of calibration.json.
      objective: what was fitted, in words.

    Raises:
      UserError: the directory cannot be written.
    """
    training, test = _training_card(data, metrics, objective), _test_card(metrics)
    card = ModelCard(
        schema=SCHEMA,
        name=metrics.config,
        system=system.card,
        calibration=calibration,
        curve=operating_curve(split, fitting_role(split), seed=data.config.seed),
        histogram=histogram_of(split.scores["test"]),
        training=training,
        test=test,
        licence=_LFW_TERMS if metrics.category else _UNKNOWN_TERMS,
        limits=_limits(training, test),
        seed=metrics.seed,
        command=metrics.command,
        versions=dict(metrics.environment),
    )
    write_model(folder / MODEL, SavedModel(card, system.arrays))
    print_lines(f"model: {folder / MODEL}")


def histogram_of(pairs: ScoredPairs) -> DistanceHistogram:
    """Return the distances of pairs in bins of equal width, from 0 to the largest.

    Args:
      pairs: the pairs.
    """
    edges = np.linspace(0.0, max(float(pairs.distances.max()), 1e-6), _BINS + 1)
    same, different = (np.histogram(pairs.distances[pairs.same == wanted], edges)[0] for wanted in (True, False))
    return DistanceHistogram(tuple(edges.tolist()), tuple(same.tolist()), tuple(different.tolist()))


def _training_card(data: RunData, metrics: RunMetrics, objective: str) -> TrainingCard:
    split, config = data.split, data.config
    held_out = split.validation.keys()
    return TrainingCard(
        source=config.data.source,
        protocol=config.data.protocol,
        identities=len(split.training.names),
        images=len(split.training),
        held_out_identities=len({name for name, _ in held_out}),
        excluded_identities=len(split.excluded),
        category=metrics.category or "",
        objective=objective,
        minutes=round(metrics.training_seconds / 60, 1),
    )


def _test_card(metrics: RunMetrics) -> TestCard:
    test: ListResult = metrics.test
    found = test.held_out_threshold
    if found is None and test.folds is not None:
        mean, error = test.folds.mean, test.folds.standard_error
        interval = (mean - 1.96 * error, min(1.0, mean + 1.96 * error))
        return TestCard(test.name, test.pairs, mean, interval, "the other folds", test.auc)
    found = found or test.by_rule("accuracy")
    interval = (
        (found.intervals.accuracy.low, found.intervals.accuracy.high) if found.intervals else found.accuracy_interval
    )
    return TestCard(test.name, test.pairs, found.accuracy, interval, found.chosen_on, test.auc)


def _limits(training: TrainingCard, test: TestCard) -> tuple[str, ...]:
    low, high = (percent(end) for end in test.interval)
    return (
        f"It learned from {training.images:,} images of {training.identities:,} identities; faces unlike these may be compared "
        "worse.",
        f"It decides {percent(test.accuracy)} (95 % interval {low} to {high}) of the {test.pairs:,} pairs of {test.list} "
        f"correctly, at the threshold of {test.chosen_on}. Other photos, cameras and groups of people have other error rates.",
        _CONSENT,
    )
