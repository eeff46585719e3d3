"""The description of the evaluated system: a network, descriptors with a backend, or members."""

import dataclasses
import sys

from lfw_jax.evaluation.diagnosis.evidence import TrainingRecord
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.jobs.experiment import Experiment
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.models import parameter_count
from lfw_jax.training.build import total_steps
from lfw_jax.training.history import curve
from lfw_jax.training.objectives.collapse import collapsed_loss


@dataclasses.dataclass(frozen=True)
class System:
    """The map from the images of a run to embeddings, as its report describes it.

    Attributes:
      objective: description of what was fitted.
      sampling: description of the choice of training images.
      views: the test-time augmentation.
      parameters: number of parameters of the networks; None without a network.
      seconds: duration of the fitting; None for that of the training history.
      training: the course of the training; empty if nothing was trained step by step.
    """

    objective: str
    sampling: str
    views: Views
    parameters: int | None = None
    seconds: float | None = None
    training: TrainingRecord = dataclasses.field(default_factory=TrainingRecord)


def trained_network(experiment: Experiment, workdir: Workdir) -> System:
    """Return the description of a trained network.

    Args:
      experiment: its data, network, sampler and objective.
      workdir: its work directory, for the whole history.
    """
    evaluation = experiment.config.evaluation
    return System(
        objective=experiment.objective.describe,
        sampling=experiment.sampler.describe(),
        views=Views(flip=evaluation.flip, shift=evaluation.shift),
        parameters=parameter_count(experiment.network, experiment.config.data.side),
        training=_training(experiment, workdir),
    )


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
