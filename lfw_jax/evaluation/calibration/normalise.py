"""Score normalisation of an evaluated split: metrics of the test pairs before and after."""

import numpy as np

from lfw_jax.backends.score_normalisation import NEAREST
from lfw_jax.evaluation.calibration.calibrate import RATES, fitting_role
from lfw_jax.evaluation.calibration.impostors import ImpostorComparisons, impostors_of
from lfw_jax.evaluation.calibration.operating_threshold import smallest_supported_rate
from lfw_jax.evaluation.calibration.results import RateAtRate, ScoreMetrics, ScoreNormalisationResult
from lfw_jax.evaluation.calibration.score_norm import mean_cohort, normalised_measure, normalised_pairs
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.error_rates import allowed_matches, equal_error_rate
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.thresholds import best_accuracy, verification_scores


def evaluate_normalisation(
    split: EvaluatedSplit, cohort_images: EmbeddedImages, *, seed: int
) -> ScoreNormalisationResult:
    """Return the metrics of the test pairs with and without AS-norm.

    Args:
      split: the evaluated split.
      cohort_images: embedded images of training identities.
      seed: seed of the sample of test images if there are many.

    Raises:
      UserError: images of fewer than two identities in the cohort.
    """
    cohort, role = mean_cohort(cohort_images), fitting_role(split)
    test_images, other_images = split.images["test"], split.images[role]
    measure = normalised_measure(test_images, cohort)
    after = normalised_pairs(split.scores["test"], test_images, measure)
    other = normalised_pairs(split.scores[role], other_images, normalised_measure(other_images, cohort))
    plain = impostors_of(split.scores["test"], test_images, seed=seed)
    return ScoreNormalisationResult(
        cohort_identities=len(cohort),
        cohort_images=len(cohort_images),
        nearest=min(NEAREST, len(cohort)),
        chosen_on=split.scores[role].name,
        evaluated_on=split.scores["test"].name,
        before=_metrics(split.scores["test"], split.scores[role], plain),
        after=_metrics(after, other, impostors_of(after, test_images, measure, seed=seed)),
    )


def _metrics(test: ScoredPairs, other: ScoredPairs, impostors: ImpostorComparisons) -> ScoreMetrics:
    threshold, near = best_accuracy(other.distances, other.same), test.distances[test.same]
    least = smallest_supported_rate(len(impostors))
    thresholds = {rate: impostors.distances[allowed_matches(rate, len(impostors))] for rate in RATES if rate >= least}
    return ScoreMetrics(
        accuracy=verification_scores(test.distances, test.same, threshold).accuracy,
        equal_error_rate=equal_error_rate(test.distances, test.same)[0],
        rates=tuple(RateAtRate(rate, float(np.mean(near >= limit))) for rate, limit in thresholds.items()),
    )
