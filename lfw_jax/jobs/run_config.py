"""The configuration of a finished run, from its work directory."""

import json
import runpy
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.configs import base
from lfw_jax.errors import UserError
from lfw_jax.jobs import config_files
from lfw_jax.jobs.config_keys import differing_keys

_NAMED_GROUPS = ("model", "loss", "miner")  # their options depend on their name
_LATER_GROUPS = ("backend", "fusion", "members")  # likewise; a configuration of an earlier version lacks them


def config_of_run(folder: Path) -> ConfigDict:
    """Return the configuration that a run was trained with.

    Options that it does not have get their defaults.

    Args:
      folder: The work directory.

    Raises:
      UserError: If the folder has no readable configuration.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"--workdir: found no {path}; expected the work directory of a finished training.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        config = base.get_config()
        for name in (*_NAMED_GROUPS, *(name for name in _LATER_GROUPS if name in found)):
            config[name] = ConfigDict(_with_tuples(found.pop(name)))
        config.update(_with_tuples(found))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: cannot be read as a configuration ({error}). Restore the file from a backup, or train again."
        ) from error
    return config


def check_no_other(given: ConfigDict, run: ConfigDict, flag: str) -> None:
    """Check that a configuration that is not used agrees with that of the run, or was not given.

    Args:
      given: The configuration of the command line.
      run: That of the run.
      flag: The mode, for the message.

    Raises:
      UserError: If it is neither that of the run nor the default one.
    """
    present = json.loads(given.to_json_best_effort())
    default = json.loads(
        runpy.run_path(str(config_files.of_name(config_files.DEFAULT)))["get_config"]().to_json_best_effort()
    )
    if present != default and (keys := differing_keys(present, json.loads(run.to_json_best_effort()))):
        raise UserError(
            f"--config: {flag} uses the configuration of --workdir, which differs in {', '.join(keys[:5])}. Omit --config."
        )


def _with_tuples(value: Any) -> Any:
    """Return the value with lists as tuples, which configurations have in their place."""
    if isinstance(value, dict):
        return {name: _with_tuples(item) for name, item in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value
