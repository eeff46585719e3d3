"""Wilson's score interval of a share, and its correction for an estimated variance."""

import math
import statistics

_NORMAL_FROM = 1e6  # degrees of freedom from which Student's distribution is normal to six digits


def wilson_of_share(share: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share. The number of trials need not be whole.

    It stays within [0, 1] and keeps its confidence near the ends, where mean ± 2 standard errors does not. Source:
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Args:
      share: share of the trials that succeeded.
      trials: number of independent trials.
      confidence: probability that the interval covers the true share.

    Raises:
      ValueError: a share outside [0, 1], no trial, or a confidence outside (0, 1).
    """
    if not 0 <= share <= 1 or not trials > 0 or not 0 < confidence < 1:
        raise ValueError(
            f"found a share of {share} of {trials} trials at confidence {confidence}; expected 0 <= share <= 1"
        )
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At shares 0 and 1 the ends are exactly 0 and 1, which rounding would miss.
    return 0.0 if share == 0 else max(0.0, centre - half), 1.0 if share == 1 else min(1.0, centre + half)


def normal_over_student(confidence: float, degrees_of_freedom: float) -> float:
    """Return the ratio of the quantile of the normal distribution to that of Student's distribution.

    Args:
      confidence: probability between the quantile and its negative.
      degrees_of_freedom: of Student's distribution; infinite for a ratio of 1.
    """
    if degrees_of_freedom > _NORMAL_FROM:
        return 1.0
    from scipy.special import stdtrit  # SciPy takes a tenth of a second to import, and training does not need it

    upper = (1 + confidence) / 2
    return statistics.NormalDist().inv_cdf(upper) / float(stdtrit(max(degrees_of_freedom, 1.0), upper))
