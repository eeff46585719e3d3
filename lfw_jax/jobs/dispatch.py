"""What a person asks of `launch.py`, as one value, and which job serves it."""

import dataclasses
import importlib
from pathlib import Path

from ml_collections import ConfigDict

from lfw_jax.configs import base
from lfw_jax.options import check_ranges, expand_home, expand_user

# Mode → module of lfw_jax.jobs and its function, which takes a `Request`. Imported when asked for: --help and a
# misspelt flag answer before JAX and TensorFlow are loaded.
JOBS = {
    "train": ("train_and_evaluate", "train"),
    "evaluate": ("train_and_evaluate", "evaluate"),
    "align": ("align", "align"),
    "inspect": ("inspect", "inspect"),
    "combine": ("combine", "combine"),
    "export": ("export", "export"),
}


@dataclasses.dataclass(frozen=True)
class Request:
    """The flags of one call.

    Attributes:
      mode: a key of `JOBS`.
      config: the configuration with its overrides.
      name: of the configuration file, without folder and ending.
      workdir: as given; "" for none.
      input: as given; "" for none.
      output: as given; "" for none.
      command: the command line, for reports.
    """

    mode: str
    config: ConfigDict
    name: str
    workdir: str = ""
    input: str = ""
    output: str = ""
    command: str = ""

    @property
    def folder(self) -> Path:
        """The work directory: as given, or `runs/<name of the configuration>`."""
        return Path(self.workdir or f"runs/{self.name}")


def run_job(request: Request) -> None:
    """Run the job that a request asks for.

    First of all, every number of the configuration is checked against its range, and `~` in paths is replaced by the home
    folder.

    Args:
      request: the flags of the call.

    Raises:
      UserError: a value outside its range, or whatever the job finds wrong with the request.
    """
    base.get_config()  # declares the options, which a configuration that does not use `base` would not
    check_ranges(request.config)
    paths = {name: expand_user(getattr(request, name), f"--{name}") for name in ("workdir", "input", "output")}
    request = dataclasses.replace(request, config=expand_home(request.config), **paths)
    module, function = JOBS[request.mode]
    getattr(importlib.import_module(f"lfw_jax.jobs.{module}"), function)(request)
