"""The request of one call of `launch.py`, and the table of jobs that serve it."""

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.configs import base
from lfw_jax.errors import UserError
from lfw_jax.jobs.mode_flags import MODE_FLAGS
from lfw_jax.jobs.word_lists import listed
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
    "search": ("search", "search"),
    "cluster": ("cluster", "cluster"),
    "dedupe": ("dedupe", "dedupe"),
    "export-model": ("export_model", "export_model"),
    "serve": ("serve", "serve"),
}

_PATHS = ("workdir", "input", "output", "model", "gallery")


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
      gallery: the value of `--gallery`; "" if it is not given.
      top: the value of `--top`.
      fmr: the value of `--fmr`; None if it is not given.
      int8: the value of `--int8`.
      host: the value of `--host`.
      port: the value of `--port`.
      public_host: the value of `--public_host`; "" if it is not given.
      requests_per_minute: the value of `--requests_per_minute`.
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
    gallery: str = ""
    top: int = 10
    fmr: float | None = None
    int8: bool = False
    host: str = "127.0.0.1"
    port: int = 8000
    public_host: str = ""
    requests_per_minute: int = 600
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
    for flag in MODE_FLAGS:
        if getattr(request, flag.name) != flag.default and request.mode not in flag.modes:
            others = listed([f"--mode={mode}" for mode in flag.modes])
            raise UserError(
                f"--{flag.name} is given with --mode={request.mode}; it is a flag of {others}. Leave it out."
            )
    base.get_config()  # declares the options, which a configuration that does not use `base` would not
    check_ranges(request.config)
    paths = {name: expand_user(getattr(request, name), f"--{name}") for name in _PATHS}
    request = dataclasses.replace(request, config=expand_home(request.config), **paths)
    module, function = JOBS[request.mode]
    getattr(importlib.import_module(f"lfw_jax.jobs.{module}"), function)(request)
