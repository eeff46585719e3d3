"""Work directories of runs on the same pairs, with scores and history, without the training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lfw_jax.evaluation.run_metrics import Protocol
from lfw_jax.evaluation.scores import ScoredPairs, write_scores
from lfw_jax.evaluation.verification import verify, verify_folds, with_held_out_threshold
from lfw_jax.training.history import HistoryRow
from lfw_jax.typed_json import to_json
from tests.evaluation.finished_folders import run_metrics, write_run


def scored_pairs(
    name: str, *, seed: int, gap: float = 0.4, pairs: int = 300, people: int = 40, folds: int = 0, layout: int = 0
) -> ScoredPairs:
    """Pairs whose identities depend on `layout` and whose distances depend on `seed` and `gap`."""
    rng = np.random.default_rng(layout)
    same = np.arange(pairs) % 2 == 0
    first = rng.integers(0, people, pairs)
    second = np.where(same, first, (first + rng.integers(1, people, pairs)) % people)
    identities = np.char.add("person", np.stack([first, second], axis=1).astype(str))
    images = np.stack([np.ones(pairs), np.where(same, 2, 1)], axis=1)
    distances = np.random.default_rng(seed).normal(1.0, 0.2, pairs) + gap * ~same
    return ScoredPairs(name, distances, same, identities, images, np.arange(pairs) * folds // pairs if folds else None)


def write_compared_run(
    folder: Path,
    *,
    seed: int,
    gap: float = 0.4,
    config: Mapping[str, Any] | None = None,
    layout: int = 0,
    pairs: int = 300,
    folds: int = 0,
    accuracy: float | None = None,
    config_name: str = "tiny",
    **changes: Any,
) -> Path:
    """Write a finished run by the writers of the project."""
    test = scored_pairs("pairsDevTest", seed=seed, gap=gap, layout=layout, pairs=pairs, folds=folds)
    lists = {"test": test}
    if folds:
        result = verify_folds(test)
    else:
        lists["development"] = scored_pairs("pairsDevTrain", seed=seed + 1000, gap=gap, layout=layout + 1)
        lists["held_out"] = scored_pairs("held-out identities", seed=seed + 2000, gap=gap, layout=layout + 2)
        result = with_held_out_threshold(verify(test, lists["development"]), lists["held_out"])
    evaluation = {"pairsDevTest": result.metrics}
    values = {
        "protocol": Protocol("view1"),
        "parameters": 123_456,
        "images_per_second": 250.0,
        "config": config_name,
    } | changes
    metrics = run_metrics(1, evaluation=evaluation, raw_pixels=evaluation, **values)
    write_run(folder, metrics, dict(config or {"loss": {"name": "cosface", "margin": 0.25}}))
    write_scores(folder / "scores.npz", lists)
    rows = [HistoryRow(step, epoch=step / 10, loss=5.0 / step, training_accuracy=accuracy) for step in range(1, 21)]
    rows.append(HistoryRow(20, epoch=2.0, seconds=1.5, validation_accuracy=0.8, validation_auc=0.9))
    (folder / "history.jsonl").write_text("".join(json.dumps(to_json(row)) + "\n" for row in rows))
    return folder
