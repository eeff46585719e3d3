"""Calibration of an evaluated checkpoint, to be saved beside it."""

import dataclasses

from lfw_jax.evaluation.calibration.calibrate import evaluate_calibration, fit, fitting_role
from lfw_jax.evaluation.calibration.decision import SCHEMA, SavedCalibration
from lfw_jax.evaluation.calibration.normalise import evaluate_normalisation
from lfw_jax.evaluation.calibration.results import ScoreNormalisationResult
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.inference.cohort import embed_cohort
from lfw_jax.inference.run_embedder import RunEmbedder
from lfw_jax.jobs.run_data import RunData


def calibrated(
    run_data: RunData, embedder: RunEmbedder, split: EvaluatedSplit, *, checkpoint: str, step: int
) -> tuple[EvaluatedSplit, SavedCalibration]:
    """Return the split with its calibration and score normalisation, and what is to be saved.

    Args:
      run_data: The training images, for the cohort, and the options.
      embedder: What embeds the images.
      split: Its evaluation.
      checkpoint: The evaluated checkpoint, "best" or "last".
      step: The step of that checkpoint.

    Raises:
      UserError: If an image of the cohort cannot be read.
    """
    config = run_data.config
    fitted = fit(split.scores[fitting_role(split)])
    result = evaluate_calibration(split, fitted, target_rate=config.evaluation.false_match_rate, seed=config.seed)
    views = Views(flip=embedder.flip, shift=embedder.shift)
    saved = SavedCalibration(SCHEMA, checkpoint, step, views, fitted, result)
    normalisation = _normalisation(run_data, embedder, split)
    return dataclasses.replace(split, calibration=result, score_normalisation=normalisation), saved


def _normalisation(run_data: RunData, embedder: RunEmbedder, split: EvaluatedSplit) -> ScoreNormalisationResult | None:
    training, config = run_data.split.training, run_data.config
    if not config.evaluation.cohort or len(training.names) < 2:
        return None
    cohort = embed_cohort(embedder, training, identities=config.evaluation.cohort, seed=config.seed)
    return evaluate_normalisation(split, cohort, seed=config.seed)
