"""The evaluated split: results, scored pairs and embedded images of one network."""

import dataclasses
from collections.abc import Mapping

from lfw_jax.evaluation.calibration.results import CalibrationResult, ScoreNormalisationResult
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import VerificationResult


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluatedSplit:
    """The evaluation of one network on the pair lists of a split.

    Roles are "test", "development" for the pairs on which thresholds are chosen, unless these are the other folds of the test
    list, and "held_out" for pairs of identities held out of training, unless these are the development pairs.

    Attributes:
      result: the result of the embeddings on the test pairs.
      raw_pixels: the result of the raw pixels on the same pairs, as a baseline.
      scores: the scored pairs by their role.
      images: the embedded images of the same lists, by their role.
      calibration: the calibration of the distances; None if it was not made yet.
      score_normalisation: AS-norm on the test pairs; None if it was not made.
    """

    result: VerificationResult
    raw_pixels: VerificationResult
    scores: Mapping[str, ScoredPairs]
    images: Mapping[str, EmbeddedImages]
    calibration: CalibrationResult | None = None
    score_normalisation: ScoreNormalisationResult | None = None
