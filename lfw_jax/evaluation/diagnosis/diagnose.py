"""The diagnosis of a run: figures of its pairs and embeddings, and the sentences they trigger."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.evaluation.diagnosis.conditions import ImageAttribute, conditions
from lfw_jax.evaluation.diagnosis.embedding_space import embedding_space
from lfw_jax.evaluation.diagnosis.evidence import DataFacts, Evidence, TrainingRecord
from lfw_jax.evaluation.diagnosis.identities import identity_difficulty
from lfw_jax.evaluation.diagnosis.label_errors import AGREEING, label_errors
from lfw_jax.evaluation.diagnosis.neighbours import (
    NEIGHBOURS,
    Hubness,
    Neighbours,
    hubness,
    nearest_neighbours,
    own_distances,
)
from lfw_jax.evaluation.diagnosis.results import DiagnosisResult
from lfw_jax.evaluation.diagnosis.sentences import findings, paragraph
from lfw_jax.evaluation.diagnosis.separation import separation
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.intervals.identity_graph import graph_of
from lfw_jax.evaluation.pair_thresholds import pair_thresholds
from lfw_jax.evaluation.roc import roc_auc

MOST_IMAGES = 20_000
"""Number of images up to which all are used; of more, a sample with a fixed seed."""


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """The attributes of the images of the test list.

    Attributes:
      attributes: the attributes by their keys, with a value for each distinct image.
      indices: the indices in these values of the first and of the second image of each pair.
      unavailable: the attributes that could not be measured, each with the reason.
    """

    attributes: Mapping[str, ImageAttribute]
    indices: tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]
    unavailable: tuple[str, ...] = ()


def diagnose(split: EvaluatedSplit, measured: Measured, training: TrainingRecord, data: DataFacts) -> DiagnosisResult:
    """Return the diagnosis of the test pairs of an evaluated split.

    Args:
      split: results, scored pairs and embedded images.
      measured: attributes of the test images.
      training: course of the training.
      data: facts about the data.
    """
    pairs, test = split.result.pairs, split.result.metrics
    accepted = pairs.distances < pair_thresholds(test, pairs)
    images, sampled = _sample(split.images["test"])
    unit, labels = unit_length(images.embeddings), images.labels()
    near, hubs = _neighbourhood(unit, labels)
    development = split.scores.get("development")
    people = identity_difficulty(pairs, accepted)
    evidence = Evidence(
        test=test,
        raw_pixels=split.raw_pixels.metrics,
        separation=separation(pairs.distances, pairs.same),
        development_auc=None if development is None else roc_auc(development.distances, development.same),
        space=(space := embedding_space(images.embeddings, labels)),
        hubness=hubs,
        identities=people,
        conditions=conditions(measured.attributes, measured.indices, accepted, pairs.same, graph_of(pairs)),
        label_errors=(
            errors := label_errors(pairs, images if pairs.named else None, near, test.by_rule("accuracy").threshold)
        ),
        training=training,
        data=dataclasses.replace(data, test_identities=people.identities if people else None),
    )
    triggered = findings(evidence)
    return DiagnosisResult(
        paragraph=paragraph(evidence, triggered),
        findings=triggered,
        separation=evidence.separation,
        space=space,
        hubness=hubs,
        identities=people,
        conditions=evidence.conditions,
        unavailable=measured.unavailable,
        label_errors=errors,
        sampled_images=sampled,
    )


def _sample(images: EmbeddedImages) -> tuple[EmbeddedImages, int | None]:
    if len(images) <= MOST_IMAGES:
        return images, None
    chosen = np.sort(np.random.default_rng(0).choice(len(images), MOST_IMAGES, replace=False))
    fields = {name: getattr(images, name)[chosen] for name in ("embeddings", "identities", "numbers")}
    return dataclasses.replace(images, **fields), MOST_IMAGES


def _neighbourhood(unit: np.ndarray, labels: np.ndarray) -> tuple[Neighbours | None, Hubness | None]:
    """Return the neighbours for label errors, if there are enough, and the hubness, if there are two images."""
    k = min(NEIGHBOURS, len(unit) - 1)
    if k < 1:
        return None, None
    indices, distances = nearest_neighbours(unit, k)
    near = Neighbours(indices, distances, own_distances(unit, labels)) if k >= AGREEING else None
    return near, hubness(indices)
