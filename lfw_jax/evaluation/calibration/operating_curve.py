"""Thresholds for many false match rates, and the error rates to expect at each."""

import math

from lfw_jax.evaluation.calibration.impostors import impostors_of
from lfw_jax.evaluation.calibration.operating_threshold import rates_at, smallest_supported_rate
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.evaluation.error_rates import allowed_matches
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit

LARGEST_RATE = 0.5
_STEPS_OF_A_DECADE = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


def target_rates(smallest: float) -> tuple[float, ...]:
    """Return six false match rates per decade from `LARGEST_RATE` down to a smallest one.

    Args:
      smallest: the smallest rate, in (0, `LARGEST_RATE`).

    Raises:
      ValueError: the smallest rate is outside its range.

    Example:
      >>> target_rates(0.04)
      (0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.04)
    """
    if not 0 < smallest < LARGEST_RATE:
        raise ValueError(f"expected a rate above 0 and below {LARGEST_RATE:g}, found {smallest}")
    decades = range(math.floor(math.log10(smallest)), 0)
    rates = {float(f"{step:g}e{decade}") for decade in decades for step in _STEPS_OF_A_DECADE}
    return (*sorted((rate for rate in rates if smallest < rate <= LARGEST_RATE), reverse=True), smallest)


def operating_curve(split: EvaluatedSplit, role: str, *, seed: int) -> tuple[OperatingPoint, ...]:
    """Return thresholds by falling false match rate, with the error rates of the test images.

    Args:
      split: the evaluated split.
      role: role of the pairs on whose images thresholds are chosen, such as `calibrate.fitting_role(split)`.
      seed: seed of the sample of images if there are many.
    """
    chosen_on = impostors_of(split.scores[role], split.images[role], seed=seed)
    test = split.scores["test"]
    test_impostors = impostors_of(test, split.images["test"], seed=seed)
    least = smallest_supported_rate(len(chosen_on))
    points = []
    for rate in target_rates(least) if least < LARGEST_RATE else ():
        threshold = float(chosen_on.distances[allowed_matches(rate, len(chosen_on))])
        points.append(OperatingPoint(rate, threshold, *rates_at(threshold, test_impostors, test)))
    return tuple(points)
