"""`--mode=compare` on work directories that the project's own writers made."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from configs import base
from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.results import SCHEMA, ComparisonMetrics
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.jobs.combine import combine
from lfw_jax.jobs.compare import compare_runs
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.typed_json import read_json
from tests.evaluation.compared_folders import write_compared_run

CONFIGS = {
    "arcface": {"loss": {"name": "arcface", "margin": 0.5}, "model": {"name": "resnet50"}, "data": {"dir": "there"}},
    "triplet": {"loss": {"name": "triplet"}, "model": {"name": "resnet50"}, "data": {"dir": "elsewhere"}},
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two finished runs on the same pairs, a training that has not ended, and a folder of something else."""
    folder = tmp_path / "runs"
    folder.mkdir()
    write_compared_run(folder / "arcface", seed=0, gap=0.8, config=CONFIGS["arcface"], accuracy=0.75)
    write_compared_run(folder / "triplet", seed=1, gap=0.3, config=CONFIGS["triplet"], parameters=None)
    (folder / "unfinished").mkdir()
    (folder / "unfinished" / "config.json").write_text("{}")
    (folder / "synthetic").mkdir()
    (folder / "log.txt").write_text("a file")
    return folder


def request(runs: Path, pattern: str = "*") -> Request:
    text = ",".join(f"{runs}/{part}" for part in pattern.split(","))
    return Request(
        "compare", base.get_config(), "quickstart", input=text, output=f"{runs}/compare", command="python launch.py"
    )


def refused(runs: Path, words: str, pattern: str = "*") -> None:
    with pytest.raises(UserError, match=words):
        compare_runs(request(runs, pattern))
    assert not (runs / "compare").exists()


def test_one_table_and_one_page_and_one_file_over_all_runs(runs: Path, capsys: pytest.CaptureFixture[str]):
    run_job(request(runs))
    found = read_json(runs / "compare" / "compare.json", ComparisonMetrics, schema=SCHEMA, remedy="")
    assert [run.name for run in found.runs] == ["arcface", "triplet"]
    assert (found.list, found.pairs, found.same_pairs, found.resampled, found.units) == (
        "pairsDevTest", 300, 150, "identities", 40,
    )  # fmt: skip
    arcface, triplet = found.runs
    assert (arcface.parameters, triplet.parameters, arcface.images_per_second) == (123_456, None, 250.0)
    assert arcface.training_minutes == pytest.approx(1.5 / 60)
    assert arcface.settings == {"config.loss.name": "arcface", "config.loss.margin": "0.5"}
    assert triplet.settings == {"config.loss.name": "triplet"}
    assert len(found.differences) == 3
    assert all(one.adjusted_p_value < 0.05 and one.difference < 0 for one in found.differences)
    assert found.skipped == {
        f"{runs}/synthetic": "is not the work directory of a run",
        f"{runs}/unfinished": f"has not been evaluated; --mode=train --workdir={runs}/unfinished finishes it",
    }
    lines = capsys.readouterr().out.splitlines()
    said = " ".join("\n".join(lines).split())
    assert max(len(line) for line in lines if str(runs) not in line) <= 80
    assert "Separation of the pairs, and the end of the training" in said
    assert "Accuracy: 1 of 1 differences are significant (p < 0.05). triplet below arcface by" in said
    assert "0.12 M" in said
    page = (runs / "compare" / "compare.html").read_text()
    for words in (
        "Comparison of 2 runs",
        "Paired tests",
        "config.loss.margin",
        "has not been evaluated",
        "TAR at FAR 1 %",
        "d′",
    ):
        assert words in page
    for title in ("ROC curves", "DET curves", "Distances of arcface", "Validation accuracy", "Training loss"):
        assert title in page
    assert {path.name for path in (runs / "compare").iterdir()} == {"compare.json", "compare.html"}


def test_each_run_has_what_lies_behind_its_accuracy(runs: Path):
    compare_runs(request(runs))
    found = read_json(runs / "compare" / "compare.json", ComparisonMetrics, schema=SCHEMA, remedy="")
    arcface, triplet = found.runs
    for run in found.runs:
        lists = read_scores(Path(run.folder) / "scores.npz")
        near, far = (lists["test"].distances[lists["test"].same == kind] for kind in (True, False))
        assert run.d_prime == pytest.approx((far.mean() - near.mean()) / np.sqrt((near.var() + far.var()) / 2))
        accepted = far < np.sort(far)[1]  # one of 150 is below 1 %
        assert accepted.sum() == 1
        assert run.true_accept_rate(0.01) == pytest.approx(np.mean(near < np.sort(far)[1]))
        development = lists["development"]
        cuts = np.append(np.sort(development.distances), np.inf)
        best = max(np.mean((development.distances < cut) == development.same) for cut in cuts)
        assert run.development_accuracy == pytest.approx(best)
        assert run.training_loss == pytest.approx(np.median([5.0 / step for step in range(16, 21)]))
    assert (arcface.training_accuracy, triplet.training_accuracy) == (0.75, None)
    assert 0 < arcface.overlap < triplet.overlap < 1  # the wider gap has less in common
    assert arcface.f1 > triplet.f1 > 0.5
    assert arcface.effective_rank is None  # written without a diagnosis


def test_the_loss_is_that_of_the_evaluated_checkpoint(runs: Path):
    write_compared_run(runs / "early", seed=0, step=12)
    compare_runs(request(runs, "early"))
    (run,) = json.loads((runs / "compare" / "compare.json").read_text())["runs"]
    assert run["training_loss"] == pytest.approx(np.median([5.0 / step for step in (10, 11, 12)]))


def test_differences_within_noise_are_called_that(runs: Path, capsys: pytest.CaptureFixture[str]):
    for index in range(6):  # beyond six runs, each is compared with the first
        write_compared_run(runs / f"twin{index}", seed=0, gap=0.8)
    compare_runs(request(runs, "arcface,twin*,triplet"))
    said = " ".join(capsys.readouterr().out.split())
    assert "Accuracy: 1 of 7 differences are significant (p < 0.05). triplet below arcface by" in said
    assert "within noise: twin0, twin1, twin2, twin3, twin4, twin5" in said
    assert "within noise" in (runs / "compare" / "compare.html").read_text()


def test_the_same_runs_give_the_same_comparison_and_replace_the_former_one(runs: Path):
    compare_runs(request(runs))
    first = (runs / "compare" / "compare.json").read_bytes()
    compare_runs(request(runs))  # the folder of the comparison, which the pattern matches now, is no run
    assert (runs / "compare" / "compare.json").read_bytes() == first


def test_a_single_run_is_a_table_of_one_row(runs: Path):
    compare_runs(request(runs, "arcface"))
    found = json.loads((runs / "compare" / "compare.json").read_text())
    assert (len(found["runs"]), found["differences"]) == (1, [])
    assert "Paired tests" not in (runs / "compare" / "compare.html").read_text()


def test_runs_of_one_name_are_told_apart_by_their_paths_and_the_order_is_that_of_the_patterns(runs: Path):
    (runs / "more").mkdir()
    write_compared_run(runs / "more" / "arcface", seed=3)
    compare_runs(request(runs, "triplet,more/arcface,arcface"))
    found = json.loads((runs / "compare" / "compare.json").read_text())
    assert [run["name"] for run in found["runs"]] == ["triplet", f"{runs}/more/arcface", f"{runs}/arcface"]


def test_folds_are_compared_at_their_own_thresholds(tmp_path: Path):
    for seed in (0, 1):
        write_compared_run(tmp_path / f"run{seed}", seed=seed, folds=5)
    compare_runs(request(tmp_path))
    found = json.loads((tmp_path / "compare" / "compare.json").read_text())
    for run in found["runs"]:
        stated = json.loads((tmp_path / run["name"] / "metrics.json").read_text())["evaluation"]["pairsDevTest"]
        assert run["accuracy"]["value"] == pytest.approx(stated["folds"]["mean"])
        assert run["accuracy_at_held_out_threshold"] is None


def test_the_output_is_runs_compare_by_default(runs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(runs.parent)
    run_job(Request("compare", base.get_config(), "quickstart", input="runs/*"))
    assert (runs / "compare" / "compare.html").is_file()


@pytest.mark.parametrize("job", [compare_runs, combine])
def test_an_output_that_is_a_file_is_refused_before_any_run_is_read(tmp_path: Path, job: Callable[[Request], None]):
    file = tmp_path / "report.html"
    file.write_text("kept")
    with pytest.raises(UserError, match=r"--output: .*report\.html is a file; expected a folder"):
        job(Request("any", base.get_config(), "quickstart", input=f"{tmp_path}/*", output=str(file)))
    assert file.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [file]


def test_runs_of_different_lists_are_refused_by_name(runs: Path):
    write_compared_run(runs / "longer", seed=0, pairs=400)
    write_compared_run(runs / "other_pairs", seed=0, layout=5)
    refused(
        runs,
        r"found runs of 3 different lists \(arcface, triplet: pairsDevTest with 300 pairs; longer: .* 400 pairs; other_pairs: .*"
        r"arcface and longer differ in the number of pairs, 300 and 400",
    )
    refused(
        runs,
        r"arcface and other_pairs differ in \d+ of 300 pairs, the first of which is pair 1: person",
        "arcface,other*",
    )


def test_runs_without_scores_are_refused_with_the_command_that_makes_them(runs: Path):
    (runs / "triplet" / "scores.npz").unlink()
    refused(runs, r"triplet: found no scores\.npz.*--mode=evaluate --config=tiny --workdir=.*triplet")


def test_folders_without_any_run_are_refused_one_by_one(runs: Path):
    refused(runs, r"found no finished run; expected .*synthetic is not the work directory .*finishes it\.", "[su]*")
    refused(runs, "found no folder that matches", "none*")


def test_damaged_files_are_refused_by_name(runs: Path):
    folder = runs / "triplet"
    good = (folder / "scores.npz").read_bytes()
    (folder / "scores.npz").write_bytes(good[: len(good) // 2])
    refused(runs, r"scores\.npz: not readable as scores")
    (folder / "scores.npz").write_bytes((write_compared_run(runs.parent / "other", seed=9) / "scores.npz").read_bytes())
    refused(runs, r"scores\.npz: does not belong to metrics\.json: the pairs give the accuracy .*--mode=evaluate")
    (folder / "scores.npz").write_bytes(good)
    history = (folder / "history.jsonl").read_text()
    (folder / "history.jsonl").write_text(history.replace('"loss"', '"lost"'))
    refused(runs, r"history\.jsonl, row 1: found the unknown key lost")
    (folder / "metrics.json").write_text("{")
    refused(runs, r"metrics\.json: cannot be read as JSON")


def test_scores_without_the_test_list_are_refused(runs: Path):
    np.savez(runs / "triplet" / "scores.npz", version=1)
    refused(runs, r"scores\.npz: found the lists none, expected one named test")


def test_an_input_is_asked_for():
    with pytest.raises(UserError, match=r"needs --input, a pattern of work directories such as 'runs/\*'"):
        compare_runs(Request("compare", base.get_config(), "quickstart"))
