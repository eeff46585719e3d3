"""The runs of a series: their configurations, seeds and work directories, and how far each is."""

import dataclasses
import importlib
import json
import runpy
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lfw_jax.errors import UserError
from lfw_jax.jobs import config_files
from lfw_jax.jobs.workdir import differing_keys, flat
from lfw_jax.training.history import read_history


@dataclasses.dataclass(frozen=True)
class Run:
    """One training of a series.

    Attributes:
      config: name of its configuration, such as "ablation/baseline", or a path.
      folder: its work directory.
      seed: its seed; None for that of the configuration.
    """

    config: str
    folder: Path
    seed: int | None = None

    @property
    def name(self) -> str:
        """The name of its work directory."""
        return self.folder.name


def runs_of(texts: Sequence[str], out: Path) -> list[Run]:
    """Return the runs that texts name, each once.

    Args:
      texts: names of folders of configurations, such as "ablation"; or of configurations, such as "cpu/arcface" or
        "cpu/arcface@1" with seed 1.
      out: the folder of the work directories.

    Raises:
      UserError: a configuration that does not exist, a seed that is no whole number, or two runs with one work directory.
    """
    runs = []
    for text in texts:
        if text in config_files.folders():
            names = importlib.import_module(f"lfw_jax.configs.{text}").RUNS
            runs += [Run(f"{text}/{name}", out / name) for name in names]
            continue
        config, at, seed = text.partition("@")
        if at and not seed.isdecimal():
            raise UserError(f"{text}: expected a seed after @, a whole number, as in {config}@1.")
        name = config_files.name_of(config_files.find(config)).rpartition("/")[2]
        runs.append(Run(config, out / (f"{name}_seed{seed}" if at else name), int(seed) if at else None))
    runs = list(dict.fromkeys(runs))
    if twice := [folder for folder, count in Counter(run.folder for run in runs).items() if count > 1]:
        raise UserError(f"{twice[0].name}: two configurations have this name; expected different ones in one series.")
    return runs


def is_finished(run: Run) -> bool:
    """Return true if a run is trained to its end and evaluated.

    Args:
      run: the run; an evaluation of a training that paused does not count.

    Raises:
      UserError: its history is damaged.
    """
    history = run.folder / "history.jsonl"
    if not (run.folder / "metrics.json").is_file() or not history.is_file():
        return False
    last = read_history(history)[-1:]
    if not last or not last[0].epoch:
        return False
    per_epoch = last[0].step / last[0].epoch
    return last[0].step >= round(_recorded(run)["training"]["epochs"] * per_epoch)


def changed_keys(run: Run, options: Sequence[str]) -> list[str]:
    """Return the keys in which the configuration of a run differs from the present file.

    Args:
      run: a run that has begun.
      options: the flags of the series; the keys that they set are not compared.
    """
    config = runpy.run_path(str(config_files.find(run.config)))["get_config"]()
    if run.seed is not None:
        config.seed = run.seed
    given = {option.lstrip("-").partition("=")[0] for option in options}
    present = json.loads(config.to_json_best_effort())
    return [key for key in differing_keys(_recorded(run), present) if key not in given]


def progress_of(run: Run) -> float:
    """Return the share of its training that a run has done, from 0 to 1.

    Args:
      run: the run, which may not have begun.

    Raises:
      UserError: its history is damaged.
    """
    history = run.folder / "history.jsonl"
    rows = read_history(history) if history.is_file() else ()
    epochs = max((row.epoch or 0.0 for row in rows), default=0.0)
    return min(1.0, epochs / _recorded(run)["training"]["epochs"]) if epochs else 0.0


def _recorded(run: Run) -> dict[str, Any]:
    path = run.folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        flat(found)["config.training.epochs"]  # present
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: cannot be read as a configuration ({error}). Remove {run.folder}.") from error
    return found
