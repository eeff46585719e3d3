"""Typed results of error rates: operating points, equal error rates, all pairs, failures to acquire.

FMR and FNMR are rates of comparisons (ISO/IEC 19795-1); the field also writes FAR and FRR for them. FAR and FRR proper are rates
of transactions and include failures to acquire.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ErrorRatePoint:
    """The error rates at one threshold.

    Attributes:
      rate: the required FMR; None for a threshold that was given.
      threshold: distances below it are accepted; None if the rate cannot be measured.
      false_matches: number of different pairs that are accepted.
      false_match_rate: their share of the different pairs (FMR).
      false_non_matches: number of same pairs that are rejected.
      false_non_match_rate: their share of the same pairs (FNMR).
      note: the reason why the rate cannot be claimed, or is uncertain; "" for none.
      claimed: false if the number of pairs does not support a claim about the required FMR (rule of three).
      exact: false if the threshold is a bin edge of a histogram and the counts are those of whole bins.
      label: the origin of a given threshold; "" for none.
    """

    rate: float | None
    threshold: float | None = None
    false_matches: int | None = None
    false_match_rate: float | None = None
    false_non_matches: int | None = None
    false_non_match_rate: float | None = None
    note: str = ""
    claimed: bool = True
    exact: bool = True
    label: str = ""


@dataclasses.dataclass(frozen=True)
class ErrorRates:
    """The error rates of one set of pairs.

    Attributes:
      same_pairs: number of pairs that show one identity.
      different_pairs: number of pairs that show two.
      equal_error_rate: EER, the rate at which FMR and FNMR are equal.
      equal_error_threshold: the distance at which they are.
      points: one point per required FMR, also for those that cannot be measured.
    """

    same_pairs: int
    different_pairs: int
    equal_error_rate: float
    equal_error_threshold: float
    points: tuple[ErrorRatePoint, ...]


@dataclasses.dataclass(frozen=True)
class AllPairsResult:
    """The error rates of all pairs of the images of a list.

    Attributes:
      images: number of images.
      identities: number of identities.
      rates: the error rates at required FMRs.
      chosen: the error rates at the thresholds of the run, each with its origin as label.
      auc: area under the ROC curve, to the resolution of the histogram.
      curve: points (FMR, FNMR) of the DET curve, to the resolution of the histogram, FMR rising.
    """

    images: int
    identities: int
    rates: ErrorRates
    chosen: tuple[ErrorRatePoint, ...]
    auc: float
    curve: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class AcquisitionRates:
    """The error rates of one threshold with and without images in which no face was detected.

    Attributes:
      label: the origin of the threshold.
      threshold: distances below it are accepted.
      false_match_rate: FMR over all pairs, centre crops included.
      false_non_match_rate: FNMR over all pairs, centre crops included.
      false_accept_rate: FAR: accepted share of the different pairs if a pair with a failure to acquire is rejected.
      false_reject_rate: FRR: rejected share of the same pairs if a pair with a failure to acquire is rejected.
    """

    label: str
    threshold: float
    false_match_rate: float
    false_non_match_rate: float
    false_accept_rate: float
    false_reject_rate: float


@dataclasses.dataclass(frozen=True)
class AcquisitionResult:
    """The failures to acquire (FTA) among the test images: images in which no face was detected.

    Attributes:
      images: number of test images.
      undetected: number of them without a detected face; their crop is the centre of the image.
      same_pairs: number of same pairs with such an image.
      different_pairs: number of different pairs with such an image.
      rates: the error rates by threshold.
    """

    images: int
    undetected: int
    same_pairs: int
    different_pairs: int
    rates: tuple[AcquisitionRates, ...]
