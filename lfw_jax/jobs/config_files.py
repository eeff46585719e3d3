"""Lookup of configuration files by path or name: `mine.py`, `configs/arcface.py` or `arcface`."""

import difflib
import os
from pathlib import Path

from lfw_jax import configs
from lfw_jax.errors import UserError
from lfw_jax.options import expand_user

DEFAULT = "quickstart"
# `configs/arcface.py` names the same configuration in a checkout and in an installation.
_FOLDERS = ("", "configs")


def find(text: str) -> Path:
    """Return the file of a value of `--config`: an existing file first, then a known name.

    Args:
      text: A path, or the name of a configuration of this package, with or without `configs/` and `.py`.

    Returns:
      The path of the file.

    Raises:
      UserError: If there is neither such a file nor such a name.
    """
    if os.path.isfile(path := expand_user(text, "--config")):
        return Path(path)
    folder, file = os.path.split(text)
    name = file.removesuffix(".py")
    if folder in _FOLDERS and name in (*known(), "base"):
        return of_name(name)
    hint = ""
    if near := difflib.get_close_matches(name, known(), 1, 0.6):
        # In the user's own spelling if that would have been found.
        spelled = os.path.join(folder, near[0] + file[len(name) :]) if folder in _FOLDERS else near[0]
        hint = f"Did you mean --config={spelled}? "
    raise UserError(
        f"--config: found neither a file '{text}' nor a configuration of that name. {hint}"
        f"The names are {', '.join(known())}; give a file of your own by its path."
    )


def of_name(name: str) -> Path:
    """Return the path of one of this package's configurations."""
    return Path(configs.__path__[0]) / f"{name}.py"


def known() -> list[str]:
    """Return the sorted names of this package's configurations, without the shared base."""
    return sorted(path.stem for path in Path(configs.__path__[0]).glob("*.py") if path.stem not in ("__init__", "base"))
