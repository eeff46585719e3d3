"""Reliability of probabilities: bins of stated probability, and the expected calibration error."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.pair_arrays import validated
from lfw_jax.evaluation.thresholds import wilson_interval

BINS = 10
"""Number of bins, of equally many pairs."""


@dataclasses.dataclass(frozen=True)
class ReliabilityBin:
    """The pairs of one bin.

    Attributes:
      pairs: number of pairs.
      mean_probability: mean of their stated probabilities.
      same_share: share of them that show one identity.
      interval: 95 % interval of that share (Wilson), as if pairs were independent.
    """

    pairs: int
    mean_probability: float
    same_share: float
    interval: tuple[float, float]


def reliability_bins(
    probabilities: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"], bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Return bins of equally many pairs, by rising probability.

    Equal probabilities are never divided between bins, so bins may differ in size, and there may be fewer of them.

    Args:
      probabilities: stated probability of each pair that it shows one identity, at the prior of these pairs.
      same: true where both images show one identity.
      bins: number of bins.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, a probability outside [0, 1], or no bin.
    """
    probabilities, same = validated(probabilities, same)
    if bins < 1 or probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError(
            f"found {bins} bins and values from {probabilities.min()} to {probabilities.max()}; expected at least one "
            "bin, and probabilities in [0, 1]"
        )
    ordered = np.sort(probabilities)
    starts = ordered[[len(ordered) * place // bins for place in range(1, bins)]]  # first value of each later bin
    index = np.searchsorted(np.unique(starts), probabilities, side="right")
    return tuple(_bin(probabilities[index == place], same[index == place]) for place in np.unique(index))


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Return the mean difference between stated probability and share of same pairs over bins.

    Bins are weighted by their pairs. The error depends on the number of bins, and is not 0 even for perfect probabilities,
    because shares of few pairs vary. Source: Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015.

    Args:
      bins: the bins, at least one.
    """
    pairs = sum(one.pairs for one in bins)
    return sum(one.pairs * abs(one.same_share - one.mean_probability) for one in bins) / pairs


def _bin(probabilities: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> ReliabilityBin:
    return ReliabilityBin(
        pairs=len(same),
        mean_probability=float(probabilities.mean()),
        same_share=float(same.mean()),
        interval=wilson_interval(int(same.sum()), len(same)),
    )
