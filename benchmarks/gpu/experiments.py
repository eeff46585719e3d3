"""Full training of a configuration on View 1, by `launch.py`, in a work directory that resumes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.gpu.bundle import crop_share
from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.training.history import history_rows
from lfw_jax.typed_json import to_json

_ROOT = Path(__file__).parents[2]
_EXPERIMENTS = ("arcface", "contrastive_semihard", "margin_histogram", "resnet_contrastive", "siamese_contrastive")
_TOY = '''"""The experiment at toy size: its loss, miner, sampler and optimiser, a network and a schedule of seconds."""

from ml_collections import ConfigDict

from lfw_jax.configs import {config} as full


def get_config() -> ConfigDict:
    config = full.get_config()
    config.data.update(side=24, margin=3 if config.data.margin else 0, validation_people=0.3, pairs=20)
    config.sampler.batch_size = 16
    config.model = ConfigDict(dict(name="siamese", embedding_dim=8, features=(4,), hidden=8, dtype="float32"))
    config.optimizer.update(warmup_epochs=0.0, constant_epochs=0.0)
    config.training.update(epochs=1.0, log_every=1)
    config.evaluation.update(every_epochs=1.0, batch_size=32, shift=min(config.evaluation.shift, config.data.margin))
    return config
'''


def measure(data: Path, folder: Path, *, toy: bool, config: str) -> dict[str, Any]:
    """Train and evaluate a configuration on aligned faces that live on the device.

    The report's experiments run in bfloat16 with the batch of their configuration: only the rounding of activations differs
    from float32. Other configurations keep their own type.

    Args:
      data: aligned faces of the bundle, with the lists of View 1 beside them.
      folder: where the work directory goes; an unfinished one resumes.
      toy: a tiny network for a few steps instead.
      config: name of the configuration.

    Returns:
      The metrics of the run, and where its history, scores and report are.

    Raises:
      UserError: the run failed; its own words stand in the log.
    """
    path = f"configs/{config}.py"
    if toy:
        path = str(folder.resolve() / "toy.py")
        Path(path).write_text(_TOY.format(config=config), encoding="utf-8")
    workdir = folder / "run"
    arguments = [
        "--config.data.source=array",
        f"--config.data.dir={data}",
        f"--config.data.lists_dir={data.parent}",
        f"--config.data.crop={crop_share()}",
        "--config.data.resident=True",
        "--config.data.loader=pillow",  # the machine has no TensorFlow
    ]
    if config in _EXPERIMENTS:
        arguments.append("--config.model.dtype=bfloat16")
    command = [sys.executable, "launch.py", f"--config={path}", f"--workdir={workdir}", *arguments]
    print(" ".join(command), flush=True)
    code = subprocess.run(command, cwd=_ROOT, check=False).returncode
    if code:
        raise UserError(f"launch.py ended with exit code {code}; its log says why. The same command resumes.")
    metrics = read_finished_run(workdir).metrics
    history = history_rows(map(json.loads, (workdir / "history.jsonl").read_text(encoding="utf-8").splitlines()))
    losses = [row.loss for row in history if row.loss is not None]
    return {
        "command": " ".join(["python", *command[1:]])
        .replace(f"{data.parent}/", "")
        .replace(str(workdir), f"runs/{config}"),
        "seed": metrics.seed,
        "list": metrics.test.name,
        "evaluation": to_json(metrics.test),
        "raw_pixels": to_json(metrics.baseline),
        "checkpoint": metrics.checkpoint,
        "steps": max(row.step for row in history),
        "epochs": round(max(row.epoch for row in history if row.epoch is not None), 2),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "training_seconds": metrics.training_seconds,
        "images_per_second": metrics.images_per_second,
        "files": sorted(path.name for path in workdir.iterdir() if path.is_file()),
    }
