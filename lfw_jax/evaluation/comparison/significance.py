"""Significance of paired differences: McNemar's test, p-values of a bootstrap, Holm's correction."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

_EQUAL = 1e-12  # differences of shares that rounding alone makes


def mcnemar(
    run_correct: Bool[np.ndarray, "pairs"], reference_correct: Bool[np.ndarray, "pairs"]
) -> tuple[int, int, float]:
    """Return the discordant counts of two classifiers and the two-sided p-value of McNemar's exact test.

    Under the null hypothesis, a pair that only one of them classifies correctly is equally likely to be either one's: the count
    is binomial with probability 1/2. The test treats pairs as independent. Source: McNemar, "Note on the sampling error of the
    difference between correlated proportions or percentages", Psychometrika 12, 1947.

    Args:
      run_correct: true where the run classifies the pair correctly.
      reference_correct: true where the reference does.

    Returns:
      The number of pairs that only the run classifies correctly, the number that only the reference does, and the p-value; 1 if
      they agree on every pair.
    """
    from scipy.stats import binomtest

    only_run = int(np.sum(run_correct & ~reference_correct))
    only_reference = int(np.sum(~run_correct & reference_correct))
    discordant = only_run + only_reference
    p_value = float(binomtest(only_run, discordant, 0.5).pvalue) if discordant else 1.0
    return only_run, only_reference, p_value


def bootstrap_p_value(differences: Float[np.ndarray, "resamples"]) -> float:
    """Return the two-sided p-value of the hypothesis that a difference is zero.

    It inverts the percentile interval: twice the share of resamples on the rarer side of zero. Zeros count on both sides, and
    one is added to counts and resamples, so that the p-value is never 0. Resamples that all agree, as those of two identities
    do, say nothing of the variation, and the p-value is 1. Source: Davison & Hinkley, "Bootstrap Methods and
    their Application", Cambridge, 1997, sections 4.2 and 5.

    Args:
      differences: the difference in each resample.

    Raises:
      ValueError: no resample.
    """
    if not len(differences):
        raise ValueError("expected at least one resample, found none")
    if np.ptp(differences) < _EQUAL:
        return 1.0
    rarer = min(int(np.sum(differences <= 0)), int(np.sum(differences >= 0)))
    return min(1.0, 2 * (rarer + 1) / (len(differences) + 1))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values corrected for many comparisons by Holm's step-down method, in the same order.

    Rejecting where the corrected value is at most α keeps the probability of any false rejection at α or below, whatever the
    dependence between the comparisons. Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6, 1979.

    Args:
      p_values: the p-value of each comparison.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)) if len(values) else values
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(stepped, 1.0)
    return tuple(map(float, corrected))
