"""Work directories of finished runs, without the training."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from lfw_jax.evaluation.run_metrics import SCHEMA, Protocol, RunMetrics, Views
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify, with_held_out_threshold
from lfw_jax.typed_json import to_json


def scored(name: str, seed: int = 0, pairs: int = 40) -> ScoredPairs:
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    return ScoredPairs(name, rng.normal(1.0, 0.2, pairs) + 0.3 * ~same, same)


def run_metrics(fold: int, folds: int = 3, **changes: Any) -> RunMetrics:
    test = scored("test", fold)
    result = with_held_out_threshold(verify(test, scored("development", 100)), scored("held out", 200))
    metrics = RunMetrics(
        schema=SCHEMA,
        config="tiny",
        command="python launch.py",
        seed=0,
        checkpoint="best",
        step=1200,
        images_per_second=None,
        training_seconds=1.5,
        protocol=Protocol("view2", fold, folds),
        views=Views(flip=True, shift=0),
        evaluation={"test": result.metrics},
        raw_pixels={"test": verify(scored("test", 300 + fold), scored("development", 400)).metrics},
        sets={},
        leaking={},
        notes=("a note.",),
        environment={"python": "3"},
    )
    return dataclasses.replace(metrics, **changes)


def write_run(folder: Path, metrics: RunMetrics, config: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps(to_json(metrics)))
    (folder / "config.json").write_text(json.dumps(config))
    return folder
