"""Trainings that are killed at random moments, any number of times, end as one without interruption, bit for bit."""

import random
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from lfw_jax.data.synthetic import write_folder
from lfw_jax.training.checkpoints import Checkpoints

PROGRAM = """
import sys
from ml_collections import ConfigDict
from lfw_jax.configs import base
from lfw_jax.jobs.train_and_evaluate import run

config = base.get_config()
config.data.update(
    source="folder", dir=sys.argv[1], side=16, crop=0.6, loader="pillow", validation_people=0.3, pairs=30
)
config.sampler.batch_size = 16
config.model = ConfigDict(dict(name="patch_resnet", embedding_dim=8, features=(4,), dropout=0.1, winograd=False))
config.loss = ConfigDict(dict(name="adacos"))
config.training.update(epochs=20.0, log_every=2, devices=1, checkpoint_every_epochs=0.67)
config.evaluation.update(every_epochs=1.0, batch_size=32)
run(config.lock(), sys.argv[2], name="tiny", train=True, command="lfw-jax")
"""
KILLS = 8


def start(faces: Path, workdir: Path) -> subprocess.Popen:
    arguments = [sys.executable, "-c", PROGRAM, str(faces), str(workdir)]
    with open(faces.parent / "log.txt", "w") as log:
        return subprocess.Popen(arguments, stdout=log, stderr=log)


def begun(process: subprocess.Popen, workdir: Path) -> bool:
    """Wait until a run has begun to train, or has ended before."""
    events = workdir / "tensorboard"
    before = len(list(events.glob("*")))
    while process.poll() is None:
        if len(list(events.glob("*"))) > before:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_bit_for_bit_like_one_without(tmp_path: Path):
    faces = write_folder(tmp_path / "faces", people=24, images_per_person=4, side=40, seed=0)
    whole, killed, moments = tmp_path / "whole", tmp_path / "killed", random.Random(0)
    with start(faces, whole) as process:
        assert begun(process, whole)
        started = time.monotonic()
    assert process.returncode == 0, (tmp_path / "log.txt").read_text()
    longest = time.monotonic() - started
    kills = 0
    for _ in range(KILLS):
        with start(faces, killed) as process:
            if not begun(process, killed):
                break  # training was complete, and the evaluation is now, too
            time.sleep(moments.uniform(0, longest / 2))
            process.kill()
            kills += 1
    assert kills > 1
    with start(faces, killed) as process:
        pass
    assert process.returncode == 0, (tmp_path / "log.txt").read_text()
    with Checkpoints(whole / "checkpoints") as ours, Checkpoints(killed / "checkpoints") as theirs:
        for kind in ("last", "best"):
            assert (ours.step(kind), ours.score(kind)) == (theirs.step(kind), theirs.score(kind))
            one, other = (
                each._managers[kind].restore(each.step(kind), args=ocp.args.StandardRestore())
                for each in (ours, theirs)
            )
            assert jax.tree.leaves(one)
            jax.tree.map(np.testing.assert_array_equal, one, other)
