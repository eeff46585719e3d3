"""The files of an evaluation for programs, which belong together."""

import json
from collections.abc import Mapping
from pathlib import Path

from lfw_jax.atomic_files import written_atomically
from lfw_jax.evaluation.calibration.decision import CALIBRATION, SavedCalibration, write_calibration
from lfw_jax.evaluation.embeddings import EmbeddedImages, write_embeddings
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs, write_scores
from lfw_jax.typed_json import to_json


def write_run_files(
    folder: Path,
    metrics: RunMetrics,
    scores: Mapping[str, ScoredPairs],
    images: Mapping[str, EmbeddedImages],
    calibration: SavedCalibration,
) -> None:
    """Write metrics.json, scores.npz, embeddings.npz and calibration.json together.

    Args:
      folder: The work directory.
      metrics: The content of metrics.json.
      scores: All scored pairs by their role.
      images: The embedded images by their role.
      calibration: The content of calibration.json.

    Raises:
      UserError: If a file cannot be written; all earlier ones stay.
    """
    names = ("scores.npz", "embeddings.npz", CALIBRATION, "metrics.json")
    with written_atomically(*(folder / name for name in names), replace=True) as unfinished:
        write_scores(unfinished[0], scores)
        write_embeddings(unfinished[1], images)
        write_calibration(unfinished[2], calibration)
        unfinished[3].write_text(json.dumps(to_json(metrics), indent=2) + "\n", encoding="utf-8")
