"""The diagnosis of a run: its evidence from the data, the training and the evaluated split."""

import numpy as np

from lfw_jax.evaluation.diagnosis.diagnose import Measured, diagnose
from lfw_jax.evaluation.diagnosis.evidence import DataFacts, TrainingRecord
from lfw_jax.evaluation.diagnosis.results import DiagnosisResult
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.faces.geometry import aligned_faces
from lfw_jax.inference.image_attributes import image_attributes
from lfw_jax.jobs.run_data import RunData

_ALIGNED_SOURCES = ("rec", "bin", "synthetic")  # sets of aligned faces; synthetic faces have no landmarks to align


def diagnosis_of(data: RunData, training: TrainingRecord, split: EvaluatedSplit) -> DiagnosisResult:
    """Return the diagnosis of an evaluated run.

    Args:
      data: its data.
      training: the course of its training.
      split: the results on the split.
    """
    test = data.split.test
    decoded = data.decoded(test)
    attributes, unavailable = image_attributes(decoded.images, decoded.pixels, data.config.data.margin)
    measured = Measured(attributes, test.indices(), unavailable)
    return diagnose(split, measured, training, _data(data))


def _data(data: RunData) -> DataFacts:
    split, config = data.split, data.config.data
    known = (
        config.align
        or config.source in _ALIGNED_SOURCES
        or aligned_faces(split.training.where(np.arange(1))) is not None
    )
    development = split.development.identities() if split.development not in split.external else frozenset()
    return DataFacts(
        aligned=bool(known),
        leaking=dict(data.evaluation_plan.leaking),
        development_trains=not development.isdisjoint(split.training.names),
    )
