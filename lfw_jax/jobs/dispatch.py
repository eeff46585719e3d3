"""The request of one call of `launch.py`, and the table of jobs that serve it."""

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.configs import base
from lfw_jax.errors import UserError
from lfw_jax.options import check_ranges, expand_home, expand_user

# Mode → module of lfw_jax.jobs and its function, which takes a `Request`. Modules are imported on demand, so that --help
# and misspelt flags are answered before JAX and TensorFlow are loaded.
JOBS = {
    "train": ("train_and_evaluate", "train"),
    "evaluate": ("train_and_evaluate", "evaluate"),
    "align": ("align", "align"),
    "inspect": ("inspect", "inspect"),
    "crossvalidate": ("crossvalidate", "crossvalidate"),
    "combine": ("combine", "combine"),
    "compare": ("compare", "compare_runs"),
    "export": ("export", "export"),
    "verify": ("verify", "verify"),
    "embed": ("embed", "embed"),
}

FLAGS_OF_MODES = {
    "folds": ("crossvalidate",),
    "minutes": ("crossvalidate",),
    "model": ("embed", "verify"),
    "aligned": ("embed",),
}
"""The modes that use a flag, for the flags that not all modes use."""


@dataclasses.dataclass(frozen=True)
class Request:
    """The flags of one call.

    Attributes:
      mode: a key of `JOBS`.
      config: the configuration with its overrides.
      name: the name of the configuration, such as arcface or ablation/baseline; of a file of the user that without ending.
      workdir: the value of `--workdir`; "" if it is not given.
      input: the value of `--input`; "" if it is not given.
      output: the value of `--output`; "" if it is not given.
      folds: the value of `--folds`; "" if it is not given.
      minutes: the value of `--minutes`; 0 if it is not given.
      model: the value of `--model`; "" if it is not given.
      aligned: the value of `--aligned`.
      command: the command line, for reports.
      deliver: takes the result of the job, as dicts, lists and scalars.
    """

    mode: str
    config: ConfigDict
    name: str
    workdir: str = ""
    input: str = ""
    output: str = ""
    folds: str = ""
    minutes: float = 0.0
    model: str = ""
    aligned: bool = False
    command: str = ""
    deliver: Callable[[Any], None] = lambda _: None

    @property
    def folder(self) -> Path:
        """The work directory: `--workdir`, or `runs/<name of the configuration>` if it is not given."""
        return Path(self.workdir or f"runs/{self.name}")


def run_job(request: Request) -> None:
    """Run the job that a request asks for.

    First, every number of the configuration is checked against its range, and `~` in paths is replaced by the home folder.

    Args:
      request: The request; its `mode` selects the job.

    Raises:
      UserError: If a value is outside its range, a flag is of another mode, or the request, the configuration or the data are
        invalid.
    """
    for flag, modes in FLAGS_OF_MODES.items():
        if getattr(request, flag) and request.mode not in modes:
            others = " and ".join(f"--mode={mode}" for mode in modes)
            raise UserError(f"--{flag} is given with --mode={request.mode}; it is a flag of {others}. Leave it out.")
    base.get_config()  # declares the options, which a configuration that does not use `base` would not
    check_ranges(request.config)
    paths = {name: expand_user(getattr(request, name), f"--{name}") for name in ("workdir", "input", "output", "model")}
    request = dataclasses.replace(request, config=expand_home(request.config), **paths)
    module, function = JOBS[request.mode]
    getattr(importlib.import_module(f"lfw_jax.jobs.{module}"), function)(request)
