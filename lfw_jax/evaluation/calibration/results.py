"""Typed results of calibration and score normalisation: keys of `metrics.json`."""

import dataclasses

from lfw_jax.evaluation.calibration.operating_threshold import OperatingThreshold
from lfw_jax.evaluation.calibration.reliability import ReliabilityBin


@dataclasses.dataclass(frozen=True)
class CalibratedMetrics:
    """The quality of one calibration on the test pairs.

    Attributes:
      method: "logistic" or "isotonic".
      cllr: cost of the log-likelihood ratios, in bits: 0 is perfect, 1 is no evidence.
      expected_calibration_error: mean distance between stated probability and share of same pairs over the bins.
      bins: the bins, of equally many pairs.
    """

    method: str
    cllr: float
    expected_calibration_error: float
    bins: tuple[ReliabilityBin, ...]


@dataclasses.dataclass(frozen=True)
class EvaluatedThreshold:
    """A threshold for a target false match rate, and the rates at it on the test images.

    Attributes:
      chosen: the threshold, and its intervals on the comparisons it was chosen on.
      false_match_rate: share of the comparisons of different test identities that are accepted (FMR).
      false_match_rate_interval: 95 % interval of that rate: Wilson's, for comparisons that share identities.
      false_non_match_rate: share of the same test pairs that are rejected (FNMR).
      false_non_match_rate_interval: 95 % interval of that rate: Wilson's, for pairs that share identities.
    """

    chosen: OperatingThreshold
    false_match_rate: float
    false_match_rate_interval: tuple[float, float]
    false_non_match_rate: float
    false_non_match_rate_interval: tuple[float, float]

    @property
    def point(self) -> "OperatingPoint":
        """The threshold and the rates on the test images."""
        return OperatingPoint(
            self.chosen.target_rate,
            self.chosen.threshold,
            self.false_match_rate,
            self.false_match_rate_interval,
            self.false_non_match_rate,
            self.false_non_match_rate_interval,
        )


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
    """A threshold for a target false match rate, and the rates at it on the test images.

    Attributes:
      target_rate: the false match rate that the threshold was chosen for, on comparisons of held-out identities.
      threshold: distances below it are accepted.
      false_match_rate: share of the comparisons of different test identities that are accepted (FMR).
      false_match_rate_interval: 95 % interval of that rate: Wilson's, for comparisons that share identities.
      false_non_match_rate: share of the same test pairs that are rejected (FNMR).
      false_non_match_rate_interval: 95 % interval of that rate: Wilson's, for pairs that share identities.
    """

    target_rate: float
    threshold: float
    false_match_rate: float
    false_match_rate_interval: tuple[float, float]
    false_non_match_rate: float
    false_non_match_rate_interval: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class CalibrationResult:
    """The calibration of distances, fitted on pairs of held-out identities and evaluated on test pairs.

    Attributes:
      fitted_on: name of the pairs of the fit.
      fitted_pairs: their number.
      fitted_same_pairs: number of them that show one identity.
      comparisons: number of comparisons of different identities that thresholds are chosen on.
      identities: number of identities in these comparisons.
      smallest_rate: smallest false match rate that they support, by the rule of three.
      evaluated_on: name of the test pairs.
      test_comparisons: number of comparisons of different identities among the test images.
      prior: share of same pairs among the test pairs, at which probabilities are compared with shares.
      min_cllr: least Cllr of any decreasing map of the distances of the test pairs, in bits.
      methods: the quality of each calibration.
      target_rate: the false match rate of `config.evaluation.false_match_rate`.
      thresholds: thresholds by falling rate, for those rates that the comparisons support.
    """

    fitted_on: str
    fitted_pairs: int
    fitted_same_pairs: int
    comparisons: int
    identities: int
    smallest_rate: float
    evaluated_on: str
    test_comparisons: int
    prior: float
    min_cllr: float
    methods: tuple[CalibratedMetrics, ...]
    target_rate: float
    thresholds: tuple[EvaluatedThreshold, ...]

    def threshold(self, rate: float | None = None) -> EvaluatedThreshold | None:
        """Return the threshold for a false match rate, None if it is not supported or was not asked for.

        Args:
          rate: the rate; by default `target_rate`.
        """
        wanted = self.target_rate if rate is None else rate
        return next((one for one in self.thresholds if one.chosen.target_rate == wanted), None)


@dataclasses.dataclass(frozen=True)
class RateAtRate:
    """FNMR at FMR: one point of the curve of the test images.

    Attributes:
      false_match_rate: limit of the false match rate.
      false_non_match_rate: share of the same pairs that are rejected.
    """

    false_match_rate: float
    false_non_match_rate: float


@dataclasses.dataclass(frozen=True)
class ScoreMetrics:
    """Metrics of the test pairs under one kind of score.

    Attributes:
      accuracy: accuracy at the threshold with the best accuracy on the held-out pairs.
      equal_error_rate: error rate at which false matches and false non-matches are equally frequent.
      rates: FNMR at FMR, the latter among all comparisons of different test identities.
    """

    accuracy: float
    equal_error_rate: float
    rates: tuple[RateAtRate, ...]


@dataclasses.dataclass(frozen=True)
class ScoreNormalisationResult:
    """AS-norm on the test pairs.

    Attributes:
      cohort_identities: number of identities in the cohort, all of them training identities.
      cohort_images: number of their images.
      nearest: number of cohort identities that standardise the scores of an image.
      chosen_on: name of the pairs that thresholds are chosen on.
      evaluated_on: name of the test pairs.
      before: metrics of the plain distances.
      after: metrics of the normalised scores.
    """

    cohort_identities: int
    cohort_images: int
    nearest: int
    chosen_on: str
    evaluated_on: str
    before: ScoreMetrics
    after: ScoreMetrics
