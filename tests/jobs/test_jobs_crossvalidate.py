"""View 2 with training: one model per fold, resumable, with preliminary results."""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ml_collections import ConfigDict

from lfw_jax.errors import UserError
from lfw_jax.evaluation.lfw_category import NO_OUTSIDE_DATA
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import write_scores
from lfw_jax.jobs.crossvalidate import crossvalidate
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.jobs.workdir_lock import locked
from lfw_jax.training.history import HistoryRow
from lfw_jax.typed_json import to_json
from tests.evaluation.finished_folders import run_metrics, scored
from tests.jobs.view2_faces import FOLDS, tiny, write_view2_faces

ACCURACIES = (0.8, 0.7, 0.9)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_view2_faces(tmp_path_factory.mktemp("drawn") / "faces")


def metrics_of(fold: int) -> RunMetrics:
    """Metrics whose accuracy is `ACCURACIES`, and 0.1 lower at the threshold of held-out identities."""
    metrics = run_metrics(fold, FOLDS, category=NO_OUTSIDE_DATA)
    test, accuracy = metrics.test, ACCURACIES[fold - 1]
    assert test.held_out_threshold is not None
    changed = dataclasses.replace(
        test,
        thresholds=tuple(dataclasses.replace(one, accuracy=accuracy) for one in test.thresholds),
        held_out_threshold=dataclasses.replace(test.held_out_threshold, accuracy=accuracy - 0.1),
    )
    return dataclasses.replace(metrics, evaluation={"test": changed})


class Folds:
    """Stands in for training and evaluation: writes the files of a finished fold, or ends as told."""

    def __init__(self, ends: dict[int, BaseException | dict[str, Any]] | None = None):
        self.ran: list[int] = []
        self.configs: list[ConfigDict] = []
        self._ends = ends or {}

    def __call__(self, config: ConfigDict, directory: str, *, name: str, train: bool, command: str, deliver) -> None:
        assert (name, train, command) == ("tiny", True, "python launch.py")
        fold, workdir = config.data.fold, Workdir(directory, config)
        assert (config.data.protocol, workdir.path.name) == ("view2", f"fold_{fold:02d}")
        self.ran.append(fold)
        self.configs.append(config)
        with locked(workdir.path, "train"):
            workdir.begin()
            end = self._ends.get(fold)
            if isinstance(end, dict):
                workdir.write_history([HistoryRow(step=3, epoch=0.3, seconds=1.0)])
                deliver(end)
                return
            if isinstance(end, SystemExit):
                workdir.write_history([HistoryRow(step=7, epoch=0.7, seconds=1.0)])
                raise end
            write_fold(workdir.path, fold)
            if end:
                raise end


def write_fold(folder: Path, fold: int) -> None:
    write_scores(folder / "scores.npz", {"test": scored("test", fold)})
    (folder / "metrics.json").write_text(json.dumps(to_json(metrics_of(fold))))
    rows = [HistoryRow(step=5, epoch=0.5, loss=1.0), HistoryRow(step=10, epoch=1.0, seconds=1.0)]
    (folder / "history.jsonl").write_text("".join(json.dumps(to_json(row)) + "\n" for row in rows))


def call(faces: Path, workdir: Path, run: Folds, *, delivered: list | None = None, **flags: Any) -> list[Any]:
    """Cross-validate, and return what was delivered."""
    changes = flags.pop("changes", {})
    config = tiny(faces, **{"data.fold": 0, "data.protocol": "view1"} | changes)
    results: list[Any] = [] if delivered is None else delivered
    request = Request(
        "crossvalidate",
        config,
        "tiny",
        workdir=str(workdir),
        command="python launch.py",
        deliver=results.append,
        **flags,
    )
    crossvalidate(request, run=run)
    return results


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


@pytest.mark.parametrize(
    ("changes", "flags", "words"),
    [
        ({"data.fold": 2}, {}, r"--config\.data\.fold is 2; --mode=crossvalidate sets it for each fold"),
        ({"data.protocol": "pairs"}, {}, r"--config\.data\.protocol is 'pairs'; .* evaluates by view2"),
        ({"training.resume_with_changes": True}, {}, "all folds .* are trained with one configuration"),
        ({}, {"input": "x"}, "--input is given"),
        ({}, {"folds": "4"}, "--folds is '4'; expected folds from 1 to 3"),
        ({}, {"folds": "2-1"}, "--folds is '2-1'; expected folds from 1 to 3"),
        ({}, {"folds": "all"}, "--folds is 'all'; expected folds from 1 to 3"),
    ],
)
def test_a_request_that_is_none_of_view_2_is_refused_before_anything_is_written(
    faces: Path, tmp_path: Path, changes, flags, words
):
    with pytest.raises(UserError, match=words):
        call(faces, tmp_path / "view2", Folds(), changes=changes, **flags)
    assert not (tmp_path / "view2").exists()


@pytest.mark.parametrize("mode", ["train", "combine"])
def test_flags_of_folds_are_refused_with_other_modes(faces: Path, mode: str):
    with pytest.raises(UserError, match=f"--minutes is given with --mode={mode}"):
        run_job(Request(mode, tiny(faces), "tiny", minutes=3.0))


def without_list(faces: Path, folder: Path, names: Sequence[str]) -> Path:
    shutil.copytree(faces, folder)
    for name in names:
        (folder / name).unlink()
    return folder


def test_data_without_their_lists_are_refused(faces: Path, tmp_path: Path):
    some = without_list(faces, tmp_path / "a" / "faces", ["people.txt"])
    with pytest.raises(UserError, match=r"people\.txt: found neither .* View 2 trains on the identities of its other"):
        call(some, tmp_path / "view2", Folds())
    lines = (faces / "people.txt").read_text().splitlines()
    (some / "people.txt").write_text("\n".join(["2", *lines[1:23]]) + "\n")
    with pytest.raises(UserError, match="found 2 folds, expected 3 as in pairs"):
        call(some, tmp_path / "view2", Folds())
    assert not (tmp_path / "view2").exists()


def test_a_fold_of_another_configuration_or_evaluation_is_refused_before_any_training(faces: Path, tmp_path: Path):
    workdir, run = tmp_path / "view2", Folds()
    call(faces, workdir, Folds(), folds="2")

    def refused(words: str, **flags: Any) -> None:
        with pytest.raises(UserError, match=words):
            call(faces, workdir, run, **flags)
        assert run.ran == []

    refused(r"fold_02 belongs to another configuration: config\.seed was 0, now 1", changes={"seed": 1})
    refused("fold_02: was evaluated with .*flip True.*flip False", changes={"evaluation.flip": False})
    (workdir / "fold_02" / "scores.npz").write_bytes(b"damaged")
    refused(r"fold_02/scores\.npz: .*remove metrics\.json to have the fold evaluated again")
    (workdir / "fold_02" / "scores.npz").unlink()
    refused(r"fold_02/scores\.npz: not found beside metrics\.json")
    (workdir / "fold_02").rename(workdir / "fold_03")
    refused(r"fold_03 belongs to another configuration: config\.data\.fold was 2, now 3")


def test_a_folder_of_something_else_is_refused(faces: Path, tmp_path: Path):
    workdir = tmp_path / "view2"
    Workdir(workdir, tiny(faces)).begin()
    with pytest.raises(UserError, match="is the work directory of one training"):
        call(faces, workdir, Folds())
    (workdir / "config.json").rename(workdir / "thesis.txt")
    with pytest.raises(UserError, match=r"holds more than folds of View 2: found 'thesis\.txt'"):
        call(faces, workdir, Folds())
    (workdir / "thesis.txt").unlink()
    with locked(workdir, "crossvalidate"), pytest.raises(UserError, match="is in use by process"):
        call(faces, workdir, Folds())
    shutil.rmtree(workdir)
    workdir.write_text("")
    with pytest.raises(UserError, match="is a file"):
        call(faces, workdir, Folds())
