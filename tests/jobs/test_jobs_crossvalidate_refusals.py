"""View 2 with training: what is refused, and that it is refused before any training."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lfw_jax.errors import UserError
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.jobs.workdir_lock import locked
from tests.jobs.stub_folds import Folds, call
from tests.jobs.view2_faces import tiny, write_view2_faces


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_view2_faces(tmp_path_factory.mktemp("drawn") / "faces")


@pytest.mark.parametrize(
    ("changes", "flags", "words"),
    [
        ({"data.fold": 2}, {}, r"--config\.data\.fold is 2; --mode=crossvalidate sets it for each fold"),
        ({"data.protocol": "pairs"}, {}, r"--config\.data\.protocol is 'pairs'; .* evaluates by view2"),
        ({"data.source": "synthetic"}, {}, "is 'synthetic'; --mode=crossvalidate evaluates images of LFW"),
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
