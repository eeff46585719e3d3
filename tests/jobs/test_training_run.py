"""Training in a work directory that ends early: killed, interrupted or diverged, and what the next run makes of it."""

import json
import os
import shutil
import signal
from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import base
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.jobs import training_run
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.train_and_evaluate import run
from lfw_jax.jobs.training_run import training_of
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.state import State


def tiny(folder: Path, **changes) -> ConfigDict:
    config = base.get_config()
    config.data.update(
        source="folder", dir=str(folder), side=16, crop=0.6, loader="pillow", validation_people=0.3, pairs=30
    )
    config.sampler.batch_size = 16
    config.model = ConfigDict(dict(name="patch_resnet", embedding_dim=8, features=(4,), dropout=0.1, winograd=False))
    config.loss = ConfigDict(dict(name="adacos"))
    config.training.update(epochs=2.0, log_every=2, devices=1)
    config.evaluation.update(every_epochs=1.0, batch_size=32)
    config.update_from_flattened_dict(changes)
    return config.lock()


def one_run(config: ConfigDict, workdir: Path) -> None:
    run(config, str(workdir), name="tiny", train=True, command="lfw-jax")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    return write_folder(folder, people=24, images_per_person=4, side=40, seed=0)


@pytest.fixture(scope="module")
def finished(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run, validated at the steps 3 and 6."""
    workdir = tmp_path_factory.mktemp("runs") / "tiny"
    one_run(tiny(faces), workdir)
    return workdir


def history(workdir: Path) -> list[dict]:
    timed = ("seconds", "images_per_second")
    rows = [json.loads(line) for line in (workdir / "history.jsonl").read_text().splitlines()]
    return [row for row in ({k: v for k, v in row.items() if k not in timed} for row in rows) if len(row) > 2]


def assert_ends_like(workdir: Path, finished: Path, config: ConfigDict) -> None:
    """Compare both checkpoints bit for bit, and history and metrics, with those of an uninterrupted run."""
    like = training_of(build_experiment(config, workdir)).state
    with Checkpoints(workdir / "checkpoints") as ours, Checkpoints(finished / "checkpoints") as theirs:
        for kind in ("last", "best"):
            assert (ours.step(kind), ours.score(kind)) == (theirs.step(kind), theirs.score(kind))
            jax.tree.map(np.testing.assert_array_equal, ours.restore(kind, like), theirs.restore(kind, like))
    assert history(workdir) == history(finished)
    evaluations = [json.loads((path / "metrics.json").read_text())["evaluation"] for path in (workdir, finished)]
    assert evaluations[0] == evaluations[1]


def test_best_is_on_disk_before_the_history_and_both_before_last(faces: Path, tmp_path: Path, monkeypatch):
    order, write_history = [], Workdir.write_history

    def written(kind: str) -> bool:
        folder = tmp_path / "run" / "checkpoints" / kind
        return folder.is_dir() and any(path.name.isdecimal() for path in folder.iterdir())

    def save(self, kind: str, state: State, *, score: float | None = None) -> None:
        order.append((kind, written("best")))
        return saved(self, kind, state, score=score)

    def history_written(self, rows) -> None:
        order.append(("history", written("best")))
        write_history(self, rows)

    saved = Checkpoints.save
    monkeypatch.setattr(Checkpoints, "save", save)
    monkeypatch.setattr(Workdir, "write_history", history_written)
    one_run(tiny(faces, **{"training.epochs": 1.0}), tmp_path / "run")
    assert order == [("best", False), ("history", True), ("history", True), ("last", True)]


def test_a_kill_between_best_and_last_ends_as_without_it(finished: Path, faces: Path, tmp_path: Path, monkeypatch):
    save = Checkpoints.save

    def killed(self, kind: str, state: State, *, score: float | None = None) -> None:
        if kind == "last":
            raise KeyboardInterrupt
        save(self, kind, state, score=score)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            one_run(tiny(faces), tmp_path / "run")
    one_run(tiny(faces), tmp_path / "run")
    assert_ends_like(tmp_path / "run", finished, tiny(faces))


def test_a_finished_training_without_its_best_checkpoint_is_evaluated_with_the_last(
    finished: Path, tmp_path: Path, faces
):
    workdir = shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("best", "metrics.json"))
    one_run(tiny(faces), workdir)
    assert json.loads((workdir / "metrics.json").read_text())["step"] == 6


def test_the_score_of_a_best_checkpoint_of_a_former_version_comes_from_the_history(
    finished: Path, tmp_path: Path, faces
):
    workdir = Workdir(shutil.copytree(finished, tmp_path / "run"), tiny(faces))
    state = training_of(build_experiment(tiny(faces), workdir.path)).state
    aucs = {row.step: row.validation_auc for row in workdir.history(6) if row.validation_auc is not None}
    shutil.rmtree(workdir.checkpoints / "best")
    with Checkpoints(workdir.checkpoints) as checkpoints:
        checkpoints.save("best", state.replace(step=np.asarray(3, np.int32)))
        assert training_run._best_score(workdir, checkpoints, state) == aucs[3]


def test_an_interrupted_training_is_saved_and_resumes_to_the_same_end(
    finished: Path, faces: Path, tmp_path: Path, monkeypatch, capfd
):
    log = training_run._Recorder.log

    def interrupted(self, step: int, values: dict[str, float]) -> None:
        log(self, step, values)
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(training_run._Recorder, "log", interrupted)
        with pytest.raises(SystemExit):
            one_run(tiny(faces), tmp_path / "run")
    assert "stopped at step 5 of 6, which is saved. The same command resumes it." in capfd.readouterr().err
    one_run(tiny(faces), tmp_path / "run")
    assert_ends_like(tmp_path / "run", finished, tiny(faces))


def test_a_diverged_training_says_what_exists_and_its_advice_can_be_followed(faces: Path, tmp_path: Path, monkeypatch):
    path, finite = tmp_path / "run", training_run.train
    config = tiny(faces)

    def diverges_after(step: int):
        def train(*args, log, **kwargs):
            def nan_after(done: int, values: dict[str, float]) -> None:
                if done > step:
                    raise training_run.DivergenceError(f"the loss became nan at step {done}.")
                log(done, values)

            return finite(*args, log=nan_after, **kwargs)

        return train

    for step, words in (
        (0, "No checkpoint was written yet.* begins again"),
        (4, "checkpoint of step 3 is kept.*there"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(training_run, "train", diverges_after(step))
            with pytest.raises(UserError, match=f"{words}.*another --workdir"):
                one_run(config, path)
    changed = {"optimizer.learning_rate": 1e-4, "training.resume_with_changes": True}
    with pytest.raises(UserError, match="learning_rate changed, which only --mode=train can do"):
        run(tiny(faces, **changed), str(path), name="tiny", train=False, command="lfw-jax")
    one_run(tiny(faces, **changed), path)
    assert json.loads((path / "config_changes.jsonl").read_text())["step"] == 3
    assert json.loads((path / "config.json").read_text())["optimizer"]["learning_rate"] == 1e-4
