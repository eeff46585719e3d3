"""The content of `compare.json`: several runs on the same pairs, and the differences between them."""

import dataclasses
from collections.abc import Mapping

from lfw_jax.evaluation.results import TrueAcceptRate

SCHEMA = 1
"""Version of the layout of `compare.json`, by the rules of `run_metrics.SCHEMA`."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A metric with its interval.

    Attributes:
      value: the metric on the evaluated pairs.
      interval: its 95 % interval, from percentiles of the bootstrap.
    """

    value: float
    interval: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class ComparedRun:
    """One run of a comparison.

    Attributes:
      name: its name in tables: the name of its work directory, or the whole path if two directories have one name.
      folder: its work directory.
      config: name of its configuration.
      seed: seed of its configuration.
      checkpoint: the evaluated checkpoint, "best" or "last".
      step: step of that checkpoint.
      views: its test-time augmentation in words.
      threshold: threshold of its protocol: the best on its development pairs, or the mean over the folds.
      chosen_on: name of the pairs on which the threshold was chosen.
      accuracy: accuracy at the threshold of its protocol; each fold at its own threshold if the list has folds.
      accuracy_at_held_out_threshold: accuracy at the best threshold of identities held out of training; None if there is none.
      auc: area under the ROC curve.
      equal_error_rate: the rate at which FMR and FNMR are equal.
      true_accept_rates: TAR@FAR, one point per false accept rate that can be measured on the number of pairs.
      training_minutes: duration of the training.
      parameters: number of parameters of the network; None if the run was evaluated before they were counted.
      images_per_second: median training throughput; None if it was not measured.
      settings: the keys of the configuration in which the compared runs differ, with the value of this run as text.
      f1: F1 at the threshold with the best F1 on the pairs on which the protocol chooses thresholds.
      d_prime: d′, the difference of the mean distances of same and of different pairs in units of their pooled standard
        deviation; None if neither kind varies.
      overlap: overlap of the histograms of same and of different pairs, as densities.
      effective_rank: number of dimensions that the embeddings of the test images use; None in runs evaluated before it was
        measured.
      training_loss: median of the last quarter of the logged training losses, up to the evaluated checkpoint; None with fewer
        than eight.
      training_accuracy: the same of the share of a training batch that is nearest to the prototype of its identity; None for a
        loss without prototypes.
      development_accuracy: accuracy on the development pairs at the threshold with the best accuracy on them; in View 1, most
        of their identities are trained on. None for a list with folds.
    """

    name: str
    folder: str
    config: str
    seed: int
    checkpoint: str
    step: int
    views: str
    threshold: float
    chosen_on: str
    accuracy: Estimate
    accuracy_at_held_out_threshold: Estimate | None
    auc: Estimate
    equal_error_rate: Estimate
    true_accept_rates: tuple[TrueAcceptRate, ...]
    training_minutes: float
    parameters: int | None
    images_per_second: float | None
    settings: Mapping[str, str]
    f1: float | None = None
    d_prime: float | None = None
    overlap: float | None = None
    effective_rank: float | None = None
    training_loss: float | None = None
    training_accuracy: float | None = None
    development_accuracy: float | None = None

    def true_accept_rate(self, false_accept_rate: float) -> float | None:
        """Return TAR@FAR at one of the measured false accept rates; None if there are too few pairs.

        Args:
          false_accept_rate: one of `operating_points.FALSE_ACCEPT_RATES`.
        """
        rates = {point.false_accept_rate: point.true_accept_rate for point in self.true_accept_rates}
        return rates.get(false_accept_rate)


@dataclasses.dataclass(frozen=True)
class McNemar:
    """McNemar's exact test of two accuracies, as if pairs were independent.

    Attributes:
      only_run: number of pairs that only the run classifies correctly.
      only_reference: number of pairs that only the reference classifies correctly.
      p_value: two-sided p-value.
      adjusted_p_value: p-value with Holm's correction for the comparisons of the same measure.
    """

    only_run: int
    only_reference: int
    p_value: float
    adjusted_p_value: float


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The difference of one metric between two runs on the same pairs.

    Attributes:
      run: name of the run.
      reference: name of the run that it is compared with.
      measure: "accuracy", "accuracy at the held-out threshold" or "auc".
      difference: the metric of the run minus that of the reference.
      interval: its 95 % interval, from the same resamples for both runs.
      p_value: two-sided p-value of the bootstrap.
      adjusted_p_value: p-value with Holm's correction for the comparisons of the same measure.
      mcnemar: McNemar's test beside it; None for the AUC, which has no decisions.
    """

    run: str
    reference: str
    measure: str
    difference: float
    interval: tuple[float, float]
    p_value: float
    adjusted_p_value: float
    mcnemar: McNemar | None = None


@dataclasses.dataclass(frozen=True)
class ComparisonMetrics:
    """A comparison of runs. The fields, in order, are the keys of `compare.json`.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      command: command line that reproduces the comparison.
      list: name of the list of pairs, the same for all runs.
      pairs: number of pairs.
      same_pairs: number of pairs that show one identity.
      resampled: the unit of the bootstrap: "identities", or "pairs" for a list without identities.
      units: number of these units.
      resamples: number of resamples.
      seed: seed of the resamples.
      runs: the runs, in the order given.
      differences: the differences between the runs, by measure.
      skipped: the reason for each folder that was skipped.
    """

    schema: int
    command: str
    list: str
    pairs: int
    same_pairs: int
    resampled: str
    units: int
    resamples: int
    seed: int
    runs: tuple[ComparedRun, ...]
    differences: tuple[PairedDifference, ...]
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)
