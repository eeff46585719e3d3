"""One process at a time uses a work directory, and a lock without an owner keeps nobody out."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from lfw_jax.errors import UserError
from lfw_jax.jobs.train_and_evaluate import run
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.jobs.workdir_lock import LOCK, Owner, locked

HERE = socket.gethostname()


def lock_of(folder: Path, **changes) -> Path:
    owner = Owner(**{"pid": os.getpid(), "host": HERE, "mode": "train", "since": "today", **changes})
    (folder / LOCK).write_text(json.dumps(dataclasses.asdict(owner)), encoding="utf-8")
    return folder / LOCK


def pid_of_ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path):
    folder = tmp_path / "run"
    with locked(folder, "train"):
        words = (
            rf"in use by process {os.getpid()} on .* \(--mode=train, since .*\)\. Wait until it ends, or choose another"
        )
        with pytest.raises(UserError, match=words), locked(folder, "evaluate"):
            pytest.fail("the lock was given twice")
        assert not Workdir(folder, ConfigDict({"seed": 0})).begun  # a lock is not another run
        (folder / "config.json").touch()
    with locked(folder, "evaluate"):
        pass
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_an_exception_releases_the_lock_and_removes_the_folders_made_for_it(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "runs" / "one", "train"):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("reused", [False, True])
def test_the_lock_of_an_ended_process_is_taken_over_with_a_note(tmp_path: Path, capsys, reused: bool):
    if reused and not Path("/proc/self/stat").exists():
        pytest.skip("the system does not say when a process started")
    owner = {"pid": os.getpid(), "process_start": "1"} if reused else {"pid": pid_of_ended_process()}
    lock_of(tmp_path, **owner)
    with locked(tmp_path, "train"):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert f"process {owner['pid']} (--mode=train, since today) ended without releasing" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_killed_process_whose_parent_did_not_wait_for_it_has_ended(tmp_path: Path):
    if not Path("/proc/self/stat").exists():
        pytest.skip("the system does not say which process waits for its parent")
    with subprocess.Popen([sys.executable, "-c", "print()"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and stays a zombie
        lock_of(tmp_path, pid=child.pid)
        with locked(tmp_path, "train"):
            pass


def test_the_lock_of_another_host_is_kept_and_its_removal_explained(tmp_path: Path):
    before = lock_of(tmp_path, pid=1, host="elsewhere").read_bytes()
    with pytest.raises(UserError, match=rf"process 1 on elsewhere .* remove .*{LOCK}"), locked(tmp_path, "train"):
        pytest.fail("the lock was given twice")
    assert (tmp_path / LOCK).read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", '{"pid": "many"}', '{"pid": 1'])
def test_a_damaged_lock_is_named_with_its_removal(tmp_path: Path, text: str):
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(UserError, match=rf"{LOCK}: .*remove the file"), locked(tmp_path, "train"):
        pytest.fail("the lock was given twice")


def test_a_lock_removed_by_hand_and_taken_by_another_process_is_not_released(tmp_path: Path):
    with locked(tmp_path, "train"):
        (tmp_path / LOCK).unlink()
        theirs = lock_of(tmp_path, pid=1, host="elsewhere")
    assert theirs.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--workdir: .*cannot be written"), locked(tmp_path / "file" / "run", "train"):
        pytest.fail("there is no such folder")


@pytest.mark.parametrize("train", [True, False])
def test_training_and_evaluation_are_refused_in_a_directory_in_use_before_data_are_read(tmp_path: Path, train: bool):
    (tmp_path / "checkpoints").mkdir()
    config = ConfigDict({"data": {"source": "unknown"}, "model": {"name": "resnet50"}})
    (tmp_path / "config.json").write_text(config.to_json())
    with locked(tmp_path, "train"), pytest.raises(UserError, match="in use by process"):
        run(config, str(tmp_path), name="tiny", train=train, command="python launch.py")


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "train.log", "slurm-17.out", "log.txt", ".nfs0001"])
def test_files_of_the_desktop_and_logs_are_no_other_run(tmp_path: Path, name: str):
    (tmp_path / name).touch()
    assert not Workdir(tmp_path, ConfigDict({"seed": 0})).begun
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"is not a work directory: found 'thesis\.tex'\. Choose another"):
        Workdir(tmp_path, ConfigDict({"seed": 0}))
