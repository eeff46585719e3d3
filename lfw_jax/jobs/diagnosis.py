"""The diagnosis of a run: its evidence from the experiment, the history and the evaluated split."""

import sys

import numpy as np

from lfw_jax.evaluation.diagnosis.diagnose import Measured, diagnose
from lfw_jax.evaluation.diagnosis.evidence import DataFacts, TrainingRecord
from lfw_jax.evaluation.diagnosis.results import DiagnosisResult
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.faces.geometry import aligned_faces
from lfw_jax.inference.image_attributes import image_attributes
from lfw_jax.jobs.experiment import Experiment
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.training.build import total_steps
from lfw_jax.training.history import curve
from lfw_jax.training.objectives.collapse import collapsed_loss

_ALIGNED_SOURCES = ("rec", "bin", "synthetic")  # sets of aligned faces; synthetic faces have no landmarks to align


def diagnosis_of(experiment: Experiment, workdir: Workdir, split: EvaluatedSplit) -> DiagnosisResult:
    """Return the diagnosis of an evaluated run.

    Args:
      experiment: its data, sampler and objective.
      workdir: its work directory, for the whole history.
      split: the results on the split.
    """
    test = experiment.split.test
    images = experiment.split.images_of(test).of_keys(test.keys())
    attributes, unavailable = image_attributes(images, experiment.pixels(test), experiment.config.data.margin)
    measured = Measured(attributes, test.indices(), unavailable)
    return diagnose(split, measured, _training(experiment, workdir), _data(experiment))


def _training(experiment: Experiment, workdir: Workdir) -> TrainingRecord:
    history = workdir.history(sys.maxsize)  # also what follows the best checkpoint
    labels = experiment.split.training.labels[experiment.sampler.indices(0)]
    return TrainingRecord(
        steps=max((row.step for row in history), default=0),
        total_steps=total_steps(experiment.config, experiment.sampler.steps_per_epoch),
        losses=curve(history, "loss"),
        learning_rates=curve(history, "learning_rate"),
        validation_aucs=curve(history, "validation_auc"),
        training_accuracies=curve(history, "training_accuracy"),
        active_anchors=curve(history, "active_anchors"),
        collapsed_loss=collapsed_loss(experiment.objective, labels, experiment.config.model.embedding_dim),
    )


def _data(experiment: Experiment) -> DataFacts:
    split, config = experiment.split, experiment.config.data
    known = (
        config.align
        or config.source in _ALIGNED_SOURCES
        or aligned_faces(split.training.where(np.arange(1))) is not None
    )
    development = split.development.identities() if split.development not in split.external else frozenset()
    return DataFacts(
        aligned=bool(known),
        leaking=dict(experiment.evaluation_plan.leaking),
        development_trains=not development.isdisjoint(split.training.names),
    )
