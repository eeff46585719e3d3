"""The typed result of a diagnosis, which `metrics.json` stores."""

import dataclasses
from collections.abc import Mapping

from lfw_jax.evaluation.diagnosis.conditions import Condition
from lfw_jax.evaluation.diagnosis.embedding_space import EmbeddingSpace
from lfw_jax.evaluation.diagnosis.identities import IdentityDifficulty
from lfw_jax.evaluation.diagnosis.label_errors import LabelErrors
from lfw_jax.evaluation.diagnosis.neighbours import Hubness
from lfw_jax.evaluation.diagnosis.rule import Finding
from lfw_jax.evaluation.diagnosis.separation import Separation


@dataclasses.dataclass(frozen=True)
class DiagnosisResult:
    """The reasons behind the metrics of the test pairs.

    Attributes:
      paragraph: what the figures mean and what to try next.
      findings: the triggered rules, the most severe first.
      separation: separation of the two distributions of distances.
      space: distribution of the embeddings.
      hubness: hubness of the embeddings; None with fewer than two images.
      identities: difficulty by identity; None if the identities are unknown.
      conditions: accuracy against image attributes, by their keys.
      unavailable: the attributes that could not be measured, each with the reason.
      label_errors: likely label errors.
      sampled_images: number of images of a sample that stands for all embeddings; None if all were used.
    """

    paragraph: str
    findings: tuple[Finding, ...]
    separation: Separation
    space: EmbeddingSpace
    hubness: Hubness | None
    identities: IdentityDifficulty | None
    conditions: Mapping[str, Condition]
    unavailable: tuple[str, ...]
    label_errors: LabelErrors
    sampled_images: int | None = None
