"""Decisions of "same or different" by the calibration that is saved beside a checkpoint."""

import dataclasses
import json
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.calibrate import FittedCalibrations
from lfw_jax.evaluation.calibration.likelihood_ratio import LogisticCalibration, probability
from lfw_jax.evaluation.calibration.results import CalibrationResult, EvaluatedThreshold, OperatingPoint
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.typed_json import read_json, to_json

CALIBRATION = "calibration.json"
"""Name of the file in a work directory."""

SCHEMA = 1
"""Version of the layout of `calibration.json`."""

_REMEDY = "Evaluate again with --mode=evaluate, which writes it."


@dataclasses.dataclass(frozen=True)
class SavedCalibration:
    """The content of `calibration.json`: everything that a decision needs besides the network.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      checkpoint: the calibrated checkpoint, "best" or "last".
      step: step of that checkpoint.
      views: the test-time augmentation of the calibrated distances. Other distances need another calibration.
      fitted: the calibrations.
      result: their quality, what they were fitted on, and the thresholds.
    """

    schema: int
    checkpoint: str
    step: int
    views: Views
    fitted: FittedCalibrations
    result: CalibrationResult


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The evidence of two images.

    Attributes:
      distance: Euclidean distance of the two embeddings of length 1, from 0 to 2.
      log_likelihood_ratio: natural logarithm of the likelihood of that distance for one identity over that for two.
      probability: probability of one identity, which is taken as equally likely as two before the images are seen unless
        another prior is given.
    """

    distance: float
    log_likelihood_ratio: float
    probability: float


@dataclasses.dataclass(frozen=True)
class Decision:
    """The answer for one pair.

    Attributes:
      same: true if the distance is below the threshold.
      distance: Euclidean distance of the two embeddings of length 1.
      log_likelihood_ratio: natural logarithm of the likelihood of the distance for one identity over that for two.
      probability: probability of one identity at the prior.
      prior: probability of one identity before the images are seen.
      threshold: the threshold.
      target_rate: the false match rate that the threshold was chosen for.
      false_match_rate: the false match rate at the threshold among the test images.
      false_match_rate_interval: its 95 % interval.
    """

    same: bool
    distance: float
    log_likelihood_ratio: float
    probability: float
    prior: float
    threshold: float
    target_rate: float
    false_match_rate: float
    false_match_rate_interval: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class VerificationRule:
    """The rule of decisions: the threshold of the target false match rate, and the logistic calibration.

    Attributes:
      saved: the calibration.
      threshold: the threshold.
    """

    saved: SavedCalibration
    threshold: EvaluatedThreshold

    @classmethod
    def of(cls, saved: SavedCalibration, source: str) -> Self:
        """Return the rule of a calibration.

        Args:
          saved: the calibration.
          source: its file, for messages.

        Raises:
          UserError: it has no threshold for the target false match rate.
        """
        result = saved.result
        if (threshold := result.threshold()) is None:
            raise UserError(
                f"{source}: found no threshold for the false match rate {result.target_rate:g}: {result.comparisons:,} "
                f"comparisons of {result.fitted_on} support rates of {result.smallest_rate:.2g} and above. Evaluate again with "
                "--mode=evaluate and a higher --config.evaluation.false_match_rate."
            )
        return cls(saved, threshold)

    def decide(self, distances: Float[np.ndarray, "pairs"], prior: float = 0.5) -> tuple[Decision, ...]:
        """Return the answer for each distance.

        Args:
          distances: distances of pairs, measured as those of the calibration.
          prior: probability of one identity before the images are seen.

        Raises:
          ValueError: a distance that is not finite, or a prior outside (0, 1).
        """
        return decisions(self.saved.fitted.logistic, distances, self.threshold.point, prior)


def comparisons(
    calibration: LogisticCalibration, distances: Float[np.ndarray, "pairs"], prior: float = 0.5
) -> list[Comparison]:
    """Return the evidence of each distance.

    Args:
      calibration: the calibration of such distances.
      distances: distances of pairs.
      prior: probability of one identity before the images are seen.

    Raises:
      ValueError: a distance that is not finite, or a prior outside (0, 1).
    """
    distances = np.asarray(distances, np.float64)
    if distances.ndim != 1 or not np.isfinite(distances).all():
        raise ValueError(f"expected finite distances [pairs], found {distances}")
    ratios = calibration.log_likelihood_ratio(distances)
    rows = zip(distances.tolist(), ratios.tolist(), probability(ratios, prior).tolist(), strict=True)
    return [Comparison(*row) for row in rows]


def decisions(
    calibration: LogisticCalibration, distances: Float[np.ndarray, "pairs"], point: OperatingPoint, prior: float = 0.5
) -> tuple[Decision, ...]:
    """Return the answer for each distance.

    Args:
      calibration: the calibration of such distances.
      distances: distances of pairs.
      point: the threshold, and the error rates to expect at it.
      prior: probability of one identity before the images are seen.

    Raises:
      ValueError: a distance that is not finite, or a prior outside (0, 1).
    """
    return tuple(
        Decision(
            same=one.distance < point.threshold,
            **vars(one),
            prior=prior,
            threshold=point.threshold,
            target_rate=point.target_rate,
            false_match_rate=point.false_match_rate,
            false_match_rate_interval=point.false_match_rate_interval,
        )
        for one in comparisons(calibration, distances, prior)
    )


def write_calibration(path: Path, saved: SavedCalibration) -> None:
    """Write a `calibration.json` atomically, replacing an older one.

    Args:
      path: the file.
      saved: its content.

    Raises:
      UserError: the file cannot be written.
    """
    with written_atomically(path, replace=True) as (unfinished,):
        unfinished.write_text(json.dumps(to_json(saved), indent=2) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> SavedCalibration:
    """Read a `calibration.json`.

    Args:
      path: the file.

    Raises:
      UserError: no such file, not JSON, another schema version or other keys, or maps that are not decreasing.
    """
    if not path.is_file():
        raise UserError(f"{path}: found no such file; expected the calibration of a checkpoint. {_REMEDY}")
    saved = read_json(path, SavedCalibration, schema=SCHEMA, remedy=_REMEDY)
    logistic, isotonic = saved.fitted.logistic, saved.fitted.isotonic
    knots, ratios = np.asarray(isotonic.distances), np.asarray(isotonic.log_likelihood_ratios)
    numbers = [
        logistic.slope,
        logistic.offset,
        *knots,
        *ratios,
        *(one.chosen.threshold for one in saved.result.thresholds),
    ]
    fits = len(knots) == len(ratios) > 0 and (np.diff(knots) > 0).all() and (np.diff(ratios) <= 0).all()
    if not (np.isfinite(numbers).all() and fits and logistic.slope <= 0):
        raise UserError(
            f"{path}: found calibrations that are not finite or that rise with the distance; expected decreasing maps. {_REMEDY}"
        )
    return saved
