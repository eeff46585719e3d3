"""Error rates of listed pairs: DET curve, equal error rate, and FNMR at given FMRs."""

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.pair_arrays import counts_by_distance, validated
from lfw_jax.evaluation.rate_results import ErrorRatePoint, ErrorRates
from lfw_jax.evaluation.roc import roc_points

FALSE_MATCH_RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""The false match rates at which the FNMR is reported."""

RULE_OF_THREE = 3
"""Errors that N trials must allow: no error among N trials gives a 95 % upper limit of about 3/N."""

RULE_OF_THIRTY = 30
"""Errors for 90 % confidence that the true rate is within ± 30 % of the observed one, if trials are independent."""


def error_rates(
    distances: Float[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    rates: tuple[float, ...] = FALSE_MATCH_RATES,
) -> ErrorRates:
    """Return the equal error rate of scored pairs, and their FNMR at given FMRs.

    The threshold of a point is the largest one whose FMR is at most the given rate, from the sorted distances of the evaluated
    pairs themselves. A rate that allows less than one false match has a point without threshold, whose note states the reason.

    Args:
      distances: distance of each pair; a pair is accepted below the threshold.
      same: true where both images show one identity.
      rates: the required FMRs, as shares of the different pairs.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    distances, same = validated(distances, same)
    equal, at = equal_error_rate(distances, same)
    ordered_same, ordered_different = np.sort(distances[same]), np.sort(distances[~same])
    points = []
    for rate in rates:
        allowed = allowed_matches(rate, len(ordered_different))
        if not allowed:
            points.append(unmeasured_point(rate, len(ordered_different)))
            continue
        threshold = float(ordered_different[allowed])
        same_below, different_below = (
            int(np.searchsorted(kind, threshold)) for kind in (ordered_same, ordered_different)
        )
        counts = same_below, different_below, len(ordered_same), len(ordered_different)
        points.append(counted_point(rate, threshold, *counts))
    return ErrorRates(len(ordered_same), len(ordered_different), equal, at, tuple(points))


def counted_point(
    rate: float | None, threshold: float, same_below: int, different_below: int, same_pairs: int, different_pairs: int
) -> ErrorRatePoint:
    """Return the point of a threshold from the counts of the pairs below it.

    Args:
      rate: the required FMR; None for a threshold that was given.
      threshold: the threshold.
      same_below: number of same pairs below it.
      different_below: number of different pairs below it.
      same_pairs: number of same pairs.
      different_pairs: number of different pairs.
    """
    return ErrorRatePoint(
        rate=rate,
        threshold=threshold,
        false_matches=different_below,
        false_match_rate=different_below / different_pairs,
        false_non_matches=same_pairs - same_below,
        false_non_match_rate=(same_pairs - same_below) / same_pairs,
        note="" if rate is None else claim_note(rate, different_pairs),
        claimed=rate is None or _claimed(rate, different_pairs),
    )


def unmeasured_point(rate: float, different_pairs: int) -> ErrorRatePoint:
    """Return the point of an FMR that allows no false match.

    Args:
      rate: the required FMR.
      different_pairs: number of different pairs.
    """
    return ErrorRatePoint(rate, note=claim_note(rate, different_pairs), claimed=False)


def allowed_matches(rate: float, different_pairs: int) -> int:
    """Return the number of false matches that an FMR allows, at most all pairs but one.

    Args:
      rate: the required FMR.
      different_pairs: number of different pairs.
    """
    return min(int(rate * different_pairs + 1e-9), different_pairs - 1)  # so that 0.001 · 3000 is 3 despite rounding


def claim_note(rate: float, different_pairs: int) -> str:
    """Return the reason why an FMR cannot be claimed on a number of pairs, or is uncertain; "" for none.

    Sources: the rule of three, Hanley & Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249, 1983; the
    rule of thirty, Doddington et al., "The NIST speaker recognition evaluation", Speech Communication 31, 2000.

    Args:
      rate: the required FMR.
      different_pairs: number of different pairs.
    """
    allowed, limit = allowed_matches(rate, different_pairs), RULE_OF_THREE / different_pairs
    if not _claimed(rate, different_pairs):
        pairs = f"{different_pairs:,} different pairs"
        return f"cannot be claimed: {pairs} support no FMR below {100 * limit:.2g} % (rule of three)"
    if allowed < RULE_OF_THIRTY:
        return f"uncertain: it rests on {allowed} false matches, fewer than {RULE_OF_THIRTY}"
    return ""


def _claimed(rate: float, different_pairs: int) -> bool:
    return rate * different_pairs + 1e-9 >= RULE_OF_THREE


def equal_error_rate(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> tuple[float, float]:
    """Return the equal error rate, and the distance at which FMR and FNMR are equal.

    Between two thresholds, both rates are interpolated linearly, as along the ROC curve.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    values, same_counts, different_counts = counts_by_distance(distances, same)
    return crossing(values, same_counts, different_counts)


def crossing(
    values: Float[np.ndarray, "values"], same_counts: np.ndarray, different_counts: np.ndarray
) -> tuple[float, float]:
    """Return the equal error rate from counts of pairs by distance, and the distance of the crossing.

    Args:
      values: rising distances.
      same_counts: number of same pairs at each.
      different_counts: number of different pairs at each.

    Raises:
      ValueError: pairs of one kind only.
    """
    if not same_counts.any() or not different_counts.any():
        raise ValueError(
            f"expected pairs of both kinds, found {same_counts.sum()} same and {different_counts.sum()} different"
        )
    false_match = np.append(0, np.cumsum(different_counts)) / different_counts.sum()
    false_non_match = 1 - np.append(0, np.cumsum(same_counts)) / same_counts.sum()
    excess = false_match - false_non_match  # rises from -1 to 1
    after = int(np.argmax(excess >= 0))
    weight = excess[after] / (excess[after] - excess[after - 1])
    rate = weight * false_match[after - 1] + (1 - weight) * false_match[after]
    return float(rate), float(values[after - 1])


def det_points(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]
) -> tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"]]:
    """Return the corners of the exact DET curve: FMR, rising, and FNMR, falling.

    Source: Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    false_match, true_match = roc_points(distances, same)
    return false_match, 1 - true_match
