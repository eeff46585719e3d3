"""Calibration of an evaluated split: fitted on held-out identities, evaluated on the test pairs."""

import dataclasses

from lfw_jax.evaluation.calibration.cllr import cllr, min_cllr
from lfw_jax.evaluation.calibration.impostors import ImpostorComparisons, impostors_of
from lfw_jax.evaluation.calibration.likelihood_ratio import (
    Calibration,
    IsotonicCalibration,
    LogisticCalibration,
    fit_isotonic,
    fit_logistic,
    probability,
)
from lfw_jax.evaluation.calibration.operating_threshold import (
    operating_threshold,
    rates_at,
    smallest_supported_rate,
)
from lfw_jax.evaluation.calibration.reliability import expected_calibration_error, reliability_bins
from lfw_jax.evaluation.calibration.results import CalibratedMetrics, CalibrationResult, EvaluatedThreshold
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.scores import ScoredPairs

RATES = (0.1, 0.01, 0.001, 0.0001)
"""False match rates of the table of thresholds, as far as the comparisons support them."""


@dataclasses.dataclass(frozen=True)
class FittedCalibrations:
    """The calibrations of one network.

    Attributes:
      logistic: the affine map.
      isotonic: the monotone map.
    """

    logistic: LogisticCalibration
    isotonic: IsotonicCalibration


def fitting_role(split: EvaluatedSplit) -> str:
    """Return the role of the pairs that calibrations are fitted on.

    Their identities are neither trained on nor tested. Every split has such pairs, even one that is evaluated by folds. They are
    its development pairs unless it has others.
    """
    return "held_out" if "held_out" in split.scores else "development"


def fit(pairs: ScoredPairs) -> FittedCalibrations:
    """Fit the calibrations on pairs."""
    return FittedCalibrations(fit_logistic(pairs.distances, pairs.same), fit_isotonic(pairs.distances, pairs.same))


def evaluate_calibration(
    split: EvaluatedSplit, fitted: FittedCalibrations, *, target_rate: float, seed: int
) -> CalibrationResult:
    """Return the quality of calibrations on the test pairs, and thresholds for false match rates.

    Thresholds are chosen on all comparisons of different identities among the images of the fit, and evaluated on all those among
    the test images. A list that names no identities, such as a `.bin` file, has its listed different pairs instead.

    Args:
      split: the evaluated split.
      fitted: the calibrations, fitted on the pairs of `fitting_role(split)`.
      target_rate: a false match rate besides `RATES`.
      seed: seed of the bootstrap, and of the sample of images if there are many.
    """
    role = fitting_role(split)
    fitted_pairs, test = split.scores[role], split.scores["test"]
    impostors = impostors_of(fitted_pairs, split.images[role], seed=seed)
    test_impostors = impostors_of(test, split.images["test"], seed=seed)
    least = smallest_supported_rate(len(impostors))
    rates = sorted({rate for rate in (*RATES, target_rate) if rate >= least}, reverse=True)
    return CalibrationResult(
        fitted_on=fitted_pairs.name,
        fitted_pairs=len(fitted_pairs),
        fitted_same_pairs=int(fitted_pairs.same.sum()),
        comparisons=len(impostors),
        identities=impostors.identities,
        smallest_rate=least,
        evaluated_on=test.name,
        test_comparisons=len(test_impostors),
        prior=float(test.same.mean()),
        min_cllr=min_cllr(test.distances, test.same),
        methods=tuple(
            calibrated_metrics(method, calibration, test)
            for method, calibration in (("logistic", fitted.logistic), ("isotonic", fitted.isotonic))
        ),
        target_rate=target_rate,
        thresholds=tuple(_threshold(impostors, test_impostors, test, rate, seed=seed) for rate in rates),
    )


def calibrated_metrics(method: str, calibration: Calibration, test: ScoredPairs) -> CalibratedMetrics:
    """Return the quality of a calibration on test pairs.

    Args:
      method: its name.
      calibration: the calibration, fitted on other pairs.
      test: the test pairs. Probabilities are stated at their own share of same pairs.
    """
    ratios = calibration.log_likelihood_ratio(test.distances)
    bins = reliability_bins(probability(ratios, float(test.same.mean())), test.same)
    return CalibratedMetrics(method, cllr(ratios, test.same), expected_calibration_error(bins), bins)


def _threshold(
    impostors: ImpostorComparisons, test_impostors: ImpostorComparisons, test: ScoredPairs, rate: float, *, seed: int
) -> EvaluatedThreshold:
    chosen = operating_threshold(impostors, rate, seed=seed)
    return EvaluatedThreshold(chosen, *rates_at(chosen.threshold, test_impostors, test))
