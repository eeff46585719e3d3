"""Decisions in words."""

from pathlib import Path

from lfw_jax.evaluation.calibration.decision import Decision
from lfw_jax.evaluation.calibration.results import EvaluatedThreshold
from lfw_jax.report.calibration_section import rate_interval, rate_text
from lfw_jax.report.formatting import number, percent

_CERTAIN = 0.999  # a probability is not stated more precisely


def decision_lines(pair: tuple[Path, Path], decision: Decision) -> list[str]:
    """Return the decision for a pair of images in words, for the terminal.

    Args:
      pair: the files of the two images.
      decision: the decision.
    """
    answer, side = ("the same identity", "below") if decision.same else ("different identities", "not below")
    return [
        f"{pair[0]} and {pair[1]}: {answer}",
        f"  distance {number(decision.distance)}, {side} the threshold {number(decision.threshold)}",
        f"  probability of one identity {probability_text(decision.probability)} at a prior of {percent(decision.prior)}",
        f"  log-likelihood ratio {decision.log_likelihood_ratio:+.2f}",
    ]


def threshold_lines(one: EvaluatedThreshold) -> list[str]:
    """Return the error rates to expect of a threshold in words, for the terminal.

    Args:
      one: the threshold.
    """
    rate, bounds = one.false_match_rate, rate_interval(one.false_match_rate_interval)
    expected = f"1 false match in {1 / rate:,.0f} comparisons" if rate else "no false match among the comparisons"
    return [
        f"The threshold was chosen for a false match rate (FMR) of {rate_text(one.chosen.target_rate)}.",
        f"On test images it has {expected} of different",
        f"identities (FMR {rate_text(rate)}, 95 % interval {bounds}),",
        f"and rejects {percent(one.false_non_match_rate)} of the pairs of one identity.",
    ]


def probability_text(value: float) -> str:
    """Return a probability in per cent, not more precisely than a calibration knows it.

    Args:
      value: the probability.
    """
    if value > _CERTAIN:
        return f"above {percent(_CERTAIN)}"
    return f"below {percent(1 - _CERTAIN)}" if value < 1 - _CERTAIN else percent(value)
