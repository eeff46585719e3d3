"""View 2 with training: one model per fold, resumable, with preliminary results."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lfw_jax.errors import UserError
from lfw_jax.evaluation.lfw_category import NO_OUTSIDE_DATA
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.training.history import HistoryRow
from tests.jobs.stub_folds import ACCURACIES, Folds, call
from tests.jobs.view2_faces import FOLDS, tiny, write_view2_faces


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_view2_faces(tmp_path_factory.mktemp("drawn") / "faces")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_training_of_every_fold_pauses_resumes_and_gives_one_result(faces: Path, tmp_path: Path, capsys):
    workdir, results = tmp_path / "view2", list[Any]()
    config = tiny(faces, **{"data.fold": 0, "data.protocol": "view1", "training.max_minutes": 1e-9})
    request = Request("crossvalidate", config, "tiny", workdir=str(workdir), deliver=results.append)
    run_job(dataclasses.replace(request, folds="1"))
    (paused,) = results
    assert paused == {
        "paused": True, "workdir": str(workdir), "finished": [], "folds": FOLDS, "fold": 1, "step": 1,
        "total_steps": paused["total_steps"],
    }  # fmt: skip
    assert f"fold 1 of 3 paused at step 1 of {paused['total_steps']}; 0 of 3 folds are finished" in said(capsys)
    config = tiny(faces, **{"data.fold": 0, "data.protocol": "view1"})
    run_job(dataclasses.replace(request, config=config, folds="1-2"))
    assert "resuming at step 1" in said(capsys)
    found = [json.loads((workdir / f"fold_0{fold}" / "metrics.json").read_text()) for fold in (1, 2)]
    assert [one["protocol"] for one in found] == [{"name": "view2", "fold": fold, "folds": FOLDS} for fold in (1, 2)]
    assert [one["category"] for one in found] == [NO_OUTSIDE_DATA] * 2
    combined = json.loads((workdir / "view2.json").read_text())
    assert combined == results[-1]
    assert combined["missing_folds"] == [3]
    assert combined["auc"] == [one["evaluation"][f"pairs fold {i}"]["auc"] for i, one in enumerate(found, 1)]


def test_folds_run_in_turn_and_their_results_are_preliminary_until_the_last(faces: Path, tmp_path: Path, capsys):
    run = Folds()
    results = call(faces, tmp_path / "view2", run)
    assert run.ran == [1, 2, 3]
    first, second, last = results
    assert (first["paused"], first["finished"]) == (False, [1])
    assert (second["missing_folds"], second["accuracy"]["accuracies"]) == ([3], [0.8, 0.7])
    assert "missing_folds" not in last
    assert last == json.loads((tmp_path / "view2" / "view2.json").read_text())
    assert last["accuracy"]["mean"] == pytest.approx(0.8)
    assert last["accuracy"]["standard_error"] == pytest.approx(0.1 / 3**0.5)
    assert last["category"] == NO_OUTSIDE_DATA
    text = said(capsys)
    assert "fold 1 of 3: accuracy 80.00 %, at the threshold of held-out identities 70.00 %; AUC" in text
    assert "View 2, preliminary, 2 of 3 folds, one model per fold: 75.00 ± 5.00 % (standard error)" in text
    assert "View 2, 3 folds, one model per fold: 80.00 ± 5.77 % (standard error)" in text
    assert "InsightFace's convention, population standard deviation: 80.00 ± 8.16 %" in text
    assert "held out of each training: 70.00 ± 5.77 %" in text
    assert f"LFW's category: {NO_OUTSIDE_DATA}" in text
    page = (tmp_path / "view2" / "view2.html").read_text()
    assert "preliminary" not in page
    assert NO_OUTSIDE_DATA in page


def test_a_repeated_call_skips_finished_folds_and_resumes_the_one_that_paused(faces: Path, tmp_path: Path, capsys):
    workdir = tmp_path / "view2"
    call(faces, workdir, Folds({2: {"paused": True, "step": 3, "total_steps": 10}}))
    assert "fold 2 of 3 paused at step 3 of 10; 1 of 3 folds are finished; the same command continues" in said(capsys)
    again = Folds()
    call(faces, workdir, again)
    assert again.ran == [2, 3]
    idle = Folds()
    (result,) = call(faces, workdir, idle)
    assert (idle.ran, len(result["folders"])) == ([], FOLDS)
    assert "finished already: fold 1, 2, 3 of 3" in said(capsys)


def test_a_fold_that_was_evaluated_before_the_end_of_its_training_is_resumed(faces: Path, tmp_path: Path):
    call(faces, tmp_path / "view2", Folds(), folds="1")
    Workdir(tmp_path / "view2" / "fold_01", tiny(faces)).write_history([HistoryRow(step=5, epoch=0.5)])
    again = Folds()
    call(faces, tmp_path / "view2", again, folds="1")
    assert again.ran == [1]


def test_folds_computed_elsewhere_count_without_checkpoints_and_without_the_data(faces: Path, tmp_path: Path):
    call(faces, tmp_path / "here", Folds(), folds="1,3")
    call(faces, tmp_path / "there", Folds(), folds="2")
    (tmp_path / "here" / "fold_02").mkdir()
    for name in ("config.json", "metrics.json", "scores.npz"):
        shutil.copy(tmp_path / "there" / "fold_02" / name, tmp_path / "here" / "fold_02")
    run = Folds()
    (result,) = call(faces, tmp_path / "here", run, changes={"data.dir": "gone"})
    assert (run.ran, result["accuracy"]["accuracies"]) == ([], list(ACCURACIES))


def test_a_signal_says_how_far_it_is_and_passes_on(faces: Path, tmp_path: Path, capsys):
    with pytest.raises(SystemExit) as caught:
        call(faces, tmp_path / "view2", Folds({2: SystemExit(143)}))
    assert caught.value.code == 143
    assert "fold 2 of 3 stopped at step 7; 1 of 3 folds are finished; the same command continues" in said(capsys)
    assert not (tmp_path / "view2" / "lock.json").exists()


def test_an_evaluation_set_that_fails_is_reported_after_all_folds(faces: Path, tmp_path: Path):
    results: list[Any] = []
    with pytest.raises(UserError, match="fold 2: a set failed"):
        call(faces, tmp_path / "view2", Folds({2: UserError("a set failed")}), delivered=results)
    assert len(results[-1]["folders"]) == FOLDS


def test_the_minutes_are_those_of_all_folds(faces: Path, tmp_path: Path, capsys):
    run = Folds()
    call(faces, tmp_path / "a", run, minutes=10.0, folds="1-2", changes={"training.max_minutes": 0.5})
    assert [config.training.max_minutes for config in run.configs] == [0.5, 0.5]
    call(faces, tmp_path / "b", run, minutes=10.0, folds="1")
    assert 9.0 < run.configs[-1].training.max_minutes <= 10.0
    (result,) = call(faces, tmp_path / "c", run, minutes=1e-12)
    assert run.ran == [1, 2, 1]
    assert result == {"paused": True, "workdir": str(tmp_path / "c"), "finished": [], "folds": FOLDS}
    assert "0 of 3 folds are finished after 1e-12 minutes; the same command continues." in said(capsys)
