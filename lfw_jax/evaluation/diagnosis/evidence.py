"""Evidence: the figures of a run on which the sentences of its diagnosis depend."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

from lfw_jax.evaluation.diagnosis.conditions import Condition
from lfw_jax.evaluation.diagnosis.embedding_space import EmbeddingSpace
from lfw_jax.evaluation.diagnosis.identities import IdentityDifficulty
from lfw_jax.evaluation.diagnosis.label_errors import LabelErrors
from lfw_jax.evaluation.diagnosis.neighbours import Hubness
from lfw_jax.evaluation.diagnosis.separation import Separation
from lfw_jax.evaluation.results import ListResult

FEWEST_LOGS = 8
"""Number of logged values from which the course of a quantity is interpreted."""

Curve = Sequence[tuple[int, float]]
"""Steps and values of a logged quantity, in order."""


@dataclasses.dataclass(frozen=True)
class TrainingRecord:
    """The course of a training.

    Attributes:
      steps: number of steps taken.
      total_steps: number of steps of the configuration; 0 if unknown.
      losses: training loss.
      learning_rates: learning rate.
      validation_aucs: area under the ROC curve of the validation pairs.
      training_accuracies: share of a training batch that is nearest to the prototype of its identity; empty without prototypes.
      active_anchors: share of the anchors of a batch for which the miner selects a pair; empty without a miner.
      collapsed_loss: loss of a network whose embeddings are all equal; None for a loss with prototypes.
    """

    steps: int = 0
    total_steps: int = 0
    losses: Curve = ()
    learning_rates: Curve = ()
    validation_aucs: Curve = ()
    training_accuracies: Curve = ()
    active_anchors: Curve = ()
    collapsed_loss: float | None = None


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """Facts about the data of a run.

    Attributes:
      aligned: true if the faces are known to be aligned, false if they are known not to be, None if unknown.
      leaking: for each evaluation set, the number of its identities in the training set.
      development_trains: true if identities of the development pairs are used for training.
      test_identities: number of identities of the test pairs; None if unknown.
    """

    aligned: bool | None = None
    leaking: Mapping[str, int] = dataclasses.field(default_factory=dict)
    development_trains: bool = False
    test_identities: int | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """All figures on which the sentences of a diagnosis depend.

    Attributes:
      test: metrics of the test pairs.
      raw_pixels: metrics of the raw pixels on the same pairs.
      separation: separation of the distances of the test pairs.
      development_auc: area under the ROC curve of the development pairs; None without such pairs.
      space: distribution of the embeddings; None without embeddings.
      hubness: hubness of the embeddings; None with too few of them.
      identities: difficulty by identity; None if identities are unknown.
      conditions: accuracy against image attributes, by their keys.
      label_errors: likely label errors; None if they were not searched for.
      training: course of the training.
      data: facts about the data.
    """

    test: ListResult
    raw_pixels: ListResult
    separation: Separation
    development_auc: float | None = None
    space: EmbeddingSpace | None = None
    hubness: Hubness | None = None
    identities: IdentityDifficulty | None = None
    conditions: Mapping[str, Condition] = dataclasses.field(default_factory=dict)
    label_errors: LabelErrors | None = None
    training: TrainingRecord = dataclasses.field(default_factory=TrainingRecord)
    data: DataFacts = dataclasses.field(default_factory=DataFacts)


def ends(curve: Curve, parts: int = 4) -> tuple[float, float] | None:
    """Return the medians of the first and of the last part of a curve; None if it is too short.

    It needs `FEWEST_LOGS` values.

    Args:
      curve: the logged quantity.
      parts: the number of equal parts of the curve.
    """
    if len(curve) < FEWEST_LOGS:
        return None
    values, size = [value for _, value in curve], len(curve) // parts
    return statistics.median(values[:size]), statistics.median(values[-size:])


def last(curve: Curve) -> float | None:
    """Return the median of the last quarter of a curve; None with fewer than `FEWEST_LOGS` values."""
    found = ends(curve)
    return None if found is None else found[1]
