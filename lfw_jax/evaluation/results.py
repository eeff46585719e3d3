"""Typed results of an evaluation. Their fields, in order, are the keys of `metrics.json`."""

import dataclasses

from lfw_jax.evaluation.intervals.interval import Interval
from lfw_jax.evaluation.rate_results import ErrorRates
from lfw_jax.typed_json import JSON_KEY


@dataclasses.dataclass(frozen=True)
class ThresholdIntervals:
    """95 % intervals of the metrics at one threshold, for pairs that share identities.

    Attributes:
      accuracy: interval of the accuracy.
      false_accept_rate: interval of the share of the different pairs that are accepted (FMR).
      false_reject_rate: interval of the share of the same pairs that are rejected (FNMR).
      threshold: interval of the threshold itself, over samples of the identities that it is chosen on.
    """

    accuracy: Interval
    false_accept_rate: Interval
    false_reject_rate: Interval
    threshold: Interval


@dataclasses.dataclass(frozen=True)
class ThresholdResult:
    """The metrics of the evaluated pairs at one threshold.

    Attributes:
      rule: the metric that the threshold maximises on the pairs it was chosen on: "accuracy" or "f1".
      threshold: distances below it are accepted as one identity.
      chosen_on: name of the pairs it was chosen on.
      accuracy: share of the pairs that are classified correctly.
      accuracy_interval: 95 % interval of the accuracy (Wilson), as if pairs were independent: too narrow if identities occur
        in several pairs.
      f1: harmonic mean of precision and recall.
      precision: share of the accepted pairs that show one identity.
      recall: share of the same pairs that are accepted.
      false_accept_rate: share of the different pairs that are accepted (FMR).
      false_reject_rate: share of the same pairs that are rejected (FNMR).
      intervals: intervals that respect the dependence of pairs; None if they were not computed, as during training.
    """

    rule: str
    threshold: float
    chosen_on: str
    accuracy: float
    accuracy_interval: tuple[float, float]
    f1: float
    precision: float
    recall: float
    false_accept_rate: float
    false_reject_rate: float
    intervals: ThresholdIntervals | None = None

    @property
    def accuracy_bounds(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy, for dependent pairs if it was computed."""
        return self.intervals.accuracy.ends if self.intervals else self.accuracy_interval


@dataclasses.dataclass(frozen=True)
class FoldsResult:
    """Cross-validation: each fold evaluated at the threshold chosen on all other folds.

    Attributes:
      rule: the metric that the thresholds maximise on the pairs they were chosen on.
      accuracies: accuracy of each fold.
      thresholds: threshold at which each fold was evaluated.
      mean: mean of the accuracies.
      standard_error: standard error of that mean, std(ddof=1) / sqrt(folds), as LFW requires.
      population_std: std(ddof=0) of the accuracies, which InsightFace and facenet print after "±".
      mean_interval: 95 % interval of the mean, over samples of the identities, each with thresholds of its own; None if it was
        not computed.
    """

    rule: str
    accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]
    mean: float
    standard_error: float
    population_std: float
    mean_interval: Interval | None = None


@dataclasses.dataclass(frozen=True)
class InsightFaceResult:
    """The accuracy by InsightFace's protocol.

    Attributes:
      mean: mean accuracy of its ten folds.
      population_std: std(ddof=0) of their accuracies, which InsightFace prints after "±".
    """

    mean: float
    population_std: float


@dataclasses.dataclass(frozen=True)
class TrueAcceptRate:
    """TAR@FAR: one point of the ROC curve.

    Attributes:
      false_accept_rate: the given limit of the false accept rate.
      true_accept_rate: share of the same pairs that are accepted.
      threshold: distances below it are accepted.
    """

    false_accept_rate: float
    true_accept_rate: float
    threshold: float


@dataclasses.dataclass(frozen=True)
class ListResult:
    """All metrics of one list of pairs.

    Attributes:
      name: name of the list.
      pairs: number of pairs.
      same_pairs: number of pairs that show one identity.
      auc: area under the ROC curve.
      positive_distance_mean: mean distance of the same pairs.
      negative_distance_mean: mean distance of the different pairs.
      thresholds: one result per rule.
      held_out_threshold: the result of the threshold with the best accuracy on pairs of identities held out of training;
        None if there is none.
      folds: cross-validation; None for a list without folds.
      insightface: the accuracy by InsightFace's protocol; None for a list without folds or of fewer than ten pairs.
      true_accept_rates: TAR@FAR, one point per false accept rate that can be measured on the number of pairs.
      auc_interval: 95 % interval of the AUC, over samples of the identities; None if it was not computed.
      error_rates: the equal error rate, and the FNMR at given FMRs; None in results of earlier versions.
      notes: remarks on the list, such as pairs that it names twice.
    """

    name: str = dataclasses.field(metadata={JSON_KEY: "list"})
    pairs: int
    same_pairs: int
    auc: float
    positive_distance_mean: float
    negative_distance_mean: float
    thresholds: tuple[ThresholdResult, ...]
    held_out_threshold: ThresholdResult | None
    folds: FoldsResult | None
    insightface: InsightFaceResult | None
    true_accept_rates: tuple[TrueAcceptRate, ...]
    auc_interval: Interval | None = None
    error_rates: ErrorRates | None = None
    notes: tuple[str, ...] = ()

    def by_rule(self, rule: str) -> ThresholdResult:
        """Return the result of the threshold that was chosen by a rule.

        Args:
          rule: "accuracy" or "f1".

        Raises:
          KeyError: no threshold was chosen by that rule.
        """
        for result in self.thresholds:
            if result.rule == rule:
                return result
        raise KeyError(f"{self.name}: no threshold by the rule {rule}")

    def true_accept_rate(self, false_accept_rate: float) -> float | None:
        """Return the true accept rate at one of the measured false accept rates.

        Args:
          false_accept_rate: one of `operating_points.FALSE_ACCEPT_RATES`.

        Returns:
          The true accept rate; None if there are too few pairs to measure it.
        """
        return next(
            (p.true_accept_rate for p in self.true_accept_rates if p.false_accept_rate == false_accept_rate), None
        )
