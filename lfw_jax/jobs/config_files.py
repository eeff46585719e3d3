"""Lookup of configuration files by path or name: `mine.py`, `arcface` or `ablation/baseline`."""

import difflib
import os
from pathlib import Path

from lfw_jax import configs
from lfw_jax.errors import UserError
from lfw_jax.jobs.word_lists import listed
from lfw_jax.options import expand_user

DEFAULT = "quickstart"
_HIDDEN = ("__init__", "base")


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
    # `configs/arcface.py` names the same configuration in a checkout and in an installation.
    prefix = "configs/" if text.startswith("configs/") else ""
    ending = ".py" if text.endswith(".py") else ""
    name = text.removeprefix(prefix).removesuffix(ending)
    nested = [f"{folder}/{one}" for folder in folders() for one in known(folder)]
    if name in (*known(), *nested, "base"):
        return of_name(name)
    hint, own = "", os.path.dirname(name) in ("", *folders())
    if near := difflib.get_close_matches(name if own else os.path.basename(name), [*known(), *nested], 1, 0.6):
        # In the user's own spelling if that would have been found.
        hint = f"Did you mean --config={prefix}{near[0]}{ending}? " if own else f"Did you mean --config={near[0]}? "
    raise UserError(
        f"--config: found neither a file '{text}' nor a configuration of that name. {hint}The names are {', '.join(known())}, "
        f"and those of the folders {listed(folders())}, such as {nested[0]}; give a file of your own by its path."
    )


def of_name(name: str) -> Path:
    """Return the path of one of this package's configurations, such as "arcface" or "ablation/baseline"."""
    return Path(configs.__path__[0]) / f"{name}.py"


def name_of(path: Path) -> str:
    """Return the name of a configuration, such as "arcface" or "ablation/baseline".

    The name of a file of the user has no folder.

    Args:
      path: The file.
    """
    path, root = path.resolve(), Path(configs.__path__[0]).resolve()
    return path.relative_to(root).with_suffix("").as_posix() if path.is_relative_to(root) else path.stem


def known(folder: str = "") -> list[str]:
    """Return the sorted names of this package's configurations, without the shared base.

    Args:
      folder: One of `folders`, whose configurations are returned without it; "" for those outside any.
    """
    return sorted(path.stem for path in (Path(configs.__path__[0]) / folder).glob("*.py") if path.stem not in _HIDDEN)


def folders() -> list[str]:
    """Return the sorted names of the folders of configurations that are run together."""
    return sorted(path.parent.name for path in Path(configs.__path__[0]).glob("*/__init__.py"))
