"""The threshold for a target false match rate, with its interval, and the rates to expect at it."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.impostors import ImpostorComparisons
from lfw_jax.evaluation.error_rates import RULE_OF_THREE, allowed_matches
from lfw_jax.evaluation.intervals.identity_graph import graph_of
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.scores import ScoredPairs

RESAMPLES = 400
_SLACK = 4  # the quantile of a resample lies among this multiple of the accepted comparisons, almost always


@dataclasses.dataclass(frozen=True)
class OperatingThreshold:
    """A threshold for a target false match rate.

    Attributes:
      target_rate: the target false match rate (FMR): the share of comparisons of different identities that are accepted.
      threshold: distances below it are accepted.
      threshold_interval: 95 % interval of the threshold, by a bootstrap over identities.
      false_match_rate: the false match rate at the threshold among the comparisons it was chosen on.
      false_match_rate_interval: 95 % interval of that rate, by the same bootstrap.
    """

    target_rate: float
    threshold: float
    threshold_interval: tuple[float, float]
    false_match_rate: float
    false_match_rate_interval: tuple[float, float]


def smallest_supported_rate(comparisons: int) -> float:
    """Return the smallest false match rate that a number of comparisons supports, by the rule of three.

    The rule assumes independent comparisons. Those of few identities support less.

    Args:
      comparisons: number of comparisons of different identities.
    """
    return RULE_OF_THREE / comparisons


def operating_threshold(
    impostors: ImpostorComparisons, rate: float, *, seed: int = 0, resamples: int = RESAMPLES
) -> OperatingThreshold:
    """Return the largest threshold whose false match rate is at most the target. Exact.

    The intervals come from the vertex bootstrap: identities are sampled with replacement, and a comparison counts the product of
    the multiplicities of its two identities, because comparisons that share an identity are dependent. Source: Fogliato, Patil &
    Perona, "Confidence intervals for error rates in 1:1 matching tasks", IJCV 2024, arXiv:2306.01198.

    Args:
      impostors: the comparisons to choose the threshold on.
      rate: the target false match rate.
      seed: seed of the bootstrap.
      resamples: number of resamples.

    Raises:
      ValueError: a rate outside (0, 1).
      UserError: the comparisons do not support the rate.
    """
    if not 0 < rate < 1:
        raise ValueError(f"found the false match rate {rate}; expected a number above 0 and below 1")
    count = len(impostors)
    if rate < (least := smallest_supported_rate(count)) * (1 - 1e-9):
        raise UserError(
            f"false match rate {rate:g}: found {count:,} comparisons of {impostors.identities:,} identities, which support "
            f"rates of {least:.2g} and above (rule of three). Evaluate more identities, or ask for a higher rate."
        )
    threshold = float(impostors.distances[allowed_matches(rate, count)])
    accepted = int(np.searchsorted(impostors.distances, threshold))
    thresholds, rates = _resampled(impostors, rate, accepted, seed=seed, resamples=resamples)
    return OperatingThreshold(
        target_rate=rate,
        threshold=threshold,
        threshold_interval=_percentiles(thresholds),
        false_match_rate=accepted / count,
        false_match_rate_interval=_percentiles(rates),
    )


def match_rate(impostors: ImpostorComparisons, threshold: float) -> tuple[float, tuple[float, float]]:
    """Return the false match rate at a threshold, and its 95 % interval.

    The interval is Wilson's with the effective number of comparisons, which `rate_interval` estimates from the errors that share
    an identity. The bootstrap of `operating_threshold` says nothing of a rate without false matches, and the rule of three is
    far too optimistic there: half a million comparisons of a few hundred identities are not independent.

    Args:
      impostors: the comparisons to measure the rate on.
      threshold: distances below it are accepted.
    """
    accepted = impostors.distances < threshold
    return float(accepted.mean()), rate_interval(accepted, impostors.graph).ends


def rates_at(
    threshold: float, impostors: ImpostorComparisons, test: ScoredPairs
) -> tuple[float, tuple[float, float], float, tuple[float, float]]:
    """Return the error rates of test images at a threshold: FMR, FNMR, each with its 95 % interval.

    Args:
      threshold: distances below it are accepted.
      impostors: the comparisons of different test identities.
      test: the test pairs, of which the same pairs count.
    """
    rejected = test.distances[test.same] >= threshold
    interval = rate_interval(rejected, graph_of(test).subset(test.same)).ends
    return (*match_rate(impostors, threshold), float(rejected.mean()), interval)


def _resampled(
    impostors: ImpostorComparisons, rate: float, accepted: int, *, seed: int, resamples: int
) -> tuple[Float[np.ndarray, "resamples"], Float[np.ndarray, "resamples"]]:
    """Return the threshold for the rate, and the rate at the chosen threshold, in each resample."""
    weights = _multiplicities(impostors, seed=seed, resamples=resamples)
    totals = _totals(impostors, weights)
    limits = rate * totals + 1e-9
    considered = min(len(impostors), _SLACK * accepted + 1000)
    first, second = impostors.first[:considered], impostors.second[:considered]
    thresholds, rates = np.empty(resamples), np.empty(resamples)
    for resample, counts in enumerate(weights):
        matched = np.cumsum(counts[first] * counts[second])
        place = int(np.searchsorted(matched, limits[resample], side="right"))
        thresholds[resample] = impostors.distances[min(place, considered - 1)]
        rates[resample] = (matched[accepted - 1] if accepted else 0.0) / totals[resample]
    return thresholds, rates


def _multiplicities(
    impostors: ImpostorComparisons, *, seed: int, resamples: int
) -> Float[np.ndarray, "resamples identities"]:
    """Return the multiplicity of each identity in each resample; resamples without a comparison are replaced."""
    rng, identities = np.random.default_rng(seed), impostors.identities
    shares = np.full(identities, 1 / identities)
    weights = rng.multinomial(identities, shares, size=resamples).astype(np.float64)
    while len(empty := np.flatnonzero(_totals(impostors, weights) == 0)):
        weights[empty] = rng.multinomial(identities, shares, size=len(empty))
    return weights


def _totals(
    impostors: ImpostorComparisons, weights: Float[np.ndarray, "resamples identities"]
) -> Float[np.ndarray, "resamples"]:
    """Return the number of comparisons in each resample."""
    codes, counts = np.unique(impostors.first * impostors.identities + impostors.second, return_counts=True)
    first, second = np.divmod(codes, impostors.identities)
    return np.stack([np.dot(row[first] * row[second], counts) for row in weights])


def _percentiles(values: Float[np.ndarray, "resamples"] | Int[np.ndarray, "resamples"]) -> tuple[float, float]:
    low, high = np.percentile(values, (2.5, 97.5), method="inverted_cdf")
    return float(low), float(high)
