"""Runs that are kept in the repository: without names and paths, and still complete enough to be compared and counted."""

import dataclasses
import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from benchmarks.series.runs import Run, is_finished
from configs import base
from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.results import SCHEMA, ComparisonMetrics
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.jobs.compare import compare_runs
from lfw_jax.jobs.dispatch import Request
from lfw_jax.typed_json import read_json
from tests.evaluation.compared_folders import write_compared_run

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "results" / "keep_runs.py"))
CONFIG = {"training": {"epochs": 2.0}, "data": {"dir": "/home/me/lfw", "lists_dir": "/home/me/lists", "align_dir": ""}}


def kept(tmp_path: Path, seed: int) -> tuple[Path, Path]:
    folder = tmp_path / "runs" / f"run{seed}"
    folder.parent.mkdir(exist_ok=True)
    command = (
        f"launch.py --config=tiny --workdir={folder} --config.data.dir=/home/me/lfw --config.training.max_minutes=3.1"
    )
    write_compared_run(folder, seed=seed, config=CONFIG, command=command)
    output = tmp_path / "kept" / f"run{seed}"
    SCRIPT["keep"](folder, output)
    return folder, output


def test_a_kept_run_has_no_names_and_no_paths(tmp_path: Path):
    folder, output = kept(tmp_path, 0)
    original, scores = read_scores(folder / "scores.npz"), read_scores(output / "scores.npz")
    for role, pairs in original.items():
        np.testing.assert_array_equal(scores[role].distances, pairs.distances)
        found, names = scores[role].identities, pairs.identities
        assert found is not None
        assert names is not None
        assert all(number.isdecimal() for number in found.ravel())
        np.testing.assert_array_equal(found[:, :1] == found.ravel(), names[:, :1] == names.ravel())
    text = "".join((output / name).read_text() for name in ("config.json", "metrics.json", "history.jsonl"))
    assert "/home" not in text
    assert "person" not in text
    assert str(tmp_path) not in text
    command = json.loads((output / "metrics.json").read_text())["command"]
    assert command == "launch.py --config=tiny --config.data.dir=LFW"


def test_a_run_with_another_path_is_refused_and_nothing_is_written(tmp_path: Path):
    folder, output = tmp_path / "run", tmp_path / "kept"
    write_compared_run(folder, seed=0, config=CONFIG | {"evaluation": {"sets": ["/home/me/pairs.csv"]}})
    with pytest.raises(UserError, match=r"config\.json: found the path /home/me/pairs\.csv"):
        SCRIPT["keep"](folder, output)
    assert not output.exists()


def compared(folder: Path) -> ComparisonMetrics:
    output = folder / "compare"
    compare_runs(
        Request("compare", base.get_config(), "tiny", input=f"{folder}/run*", output=str(output), command="launch.py")
    )
    return read_json(output / "compare.json", ComparisonMetrics, schema=SCHEMA, remedy="")


def test_a_kept_run_counts_as_finished_and_is_compared_like_the_original(tmp_path: Path):
    for seed in (0, 1):
        _, output = kept(tmp_path, seed)
        assert is_finished(Run("tiny", output))
    of_runs, of_copies = compared(tmp_path / "runs"), compared(tmp_path / "kept")
    assert of_copies.runs == tuple(
        dataclasses.replace(run, folder=str(tmp_path / "kept" / run.name)) for run in of_runs.runs
    )
    assert (of_copies.resampled, of_copies.units) == ("identities", of_runs.units)
    assert of_copies.differences == of_runs.differences
