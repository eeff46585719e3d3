"""The page about the files of a run describes the dataclasses as they are, and its examples work."""

import dataclasses
import json
import re
import runpy
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lfw_jax.evaluation.diagnosis.label_errors import SuspectPair
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.jobs import evaluation
from lfw_jax.typed_json import from_json, to_json
from tests.evaluation.compared_folders import scored_pairs, write_compared_run

FOLDER = Path(__file__).parents[2] / "docs" / "evaluation"
PAGE = (FOLDER / "metrics_json.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def describe() -> dict[str, Any]:
    return runpy.run_path(str(FOLDER / "describe_files.py"))


def test_the_page_has_every_key_as_the_dataclasses_describe_it(describe: dict[str, Any]):
    assert describe["page"](PAGE) == PAGE, "run `python docs/evaluation/describe_files.py`"


def readable(kind: Any) -> bool:
    """Return true if `typed_json` can read every value that a field of this type may hold."""
    if dataclasses.is_dataclass(kind):
        return all(readable(hint) for hint in typing.get_type_hints(kind).values())
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return all(isinstance(value, str) for value in arguments)
    if arguments:
        return all(argument in (Ellipsis, type(None)) or readable(argument) for argument in arguments)
    return kind in (str, bool, int, float)


def test_every_file_of_a_run_can_be_read_again(describe: dict[str, Any]):
    assert {name: readable(kind) for name, kind in describe["FILES"].items()} == dict.fromkeys(describe["FILES"], True)


def test_a_suspected_label_error_is_read_again():
    suspect = SuspectPair(3, "same", 1.5, 0.02)
    assert from_json(SuspectPair, json.loads(json.dumps(to_json(suspect))), source="x", remedy="") == suspect


def test_types_are_described_as_json(describe: dict[str, Any]):
    in_words = describe["in_words"]
    assert in_words(tuple[float, float]) == "list of 2: number"
    assert in_words(tuple[str, ...] | None) == "list of text or null"
    assert describe["unit_of"]("training_seconds", float) == "s"
    assert describe["unit_of"]("accuracies", tuple[float, ...]) == "share"
    assert describe["unit_of"]("step", int) == ""


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL), ids=["numpy", "package"])
def test_the_examples_give_the_metrics_again(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_compared_run(tmp_path / "run", seed=0)
    monkeypatch.chdir(folder)
    assert len(list(filter(None, example.splitlines()))) <= 6
    found: dict[str, Any] = {}
    exec(example, found)
    stated = json.loads((folder / "metrics.json").read_text())["evaluation"]["pairsDevTest"]
    auc, accuracy = (
        (found["auc"], found["accuracy"])
        if "auc" in found
        else (found["metrics"].auc, found["metrics"].by_rule("accuracy").accuracy)
    )
    assert auc == pytest.approx(stated["auc"])
    assert accuracy == pytest.approx(stated["thresholds"][0]["accuracy"])


def test_the_arrays_of_a_run_are_those_of_the_page(tmp_path: Path):
    lists = read_scores(write_compared_run(tmp_path / "run", seed=0, folds=5) / "scores.npz")
    for role in lists:
        assert f"| `{role}` |" in PAGE
    for field in vars(lists["test"]):
        assert f"| `{field}` |" in PAGE


def test_the_development_pairs_of_a_set_are_kept_too(monkeypatch: pytest.MonkeyPatch):
    test, development = scored_pairs("cfp", seed=0), scored_pairs("cfp development", seed=1, layout=1)
    folded = scored_pairs("calfw", seed=2, folds=10)
    sets = [
        SimpleNamespace(name="cfp", pairs=test, development=development),
        SimpleNamespace(name="calfw", development=None, with_folds=lambda: folded),
    ]
    run_data: Any = SimpleNamespace(evaluation_plan=SimpleNamespace(sets=sets))
    embedder: Any = SimpleNamespace(embed_list=lambda listed: listed.of)
    monkeypatch.setattr(evaluation, "embedded_images", lambda pairs, of: (pairs, of))
    monkeypatch.setattr(evaluation, "score_embedded", lambda _, images: images[0])
    results, scores, failed = evaluation.evaluate_sets(run_data, embedder)
    assert [result.metrics.name for result in results] == ["cfp", "calfw"]
    assert scores == {"sets/cfp": test, "sets_development/cfp": development, "sets/calfw": folded}
    assert failed == {}
