"""The folder that a request names for its result."""

import os
from pathlib import Path

from lfw_jax.errors import UserError


def check_no_output(path: Path) -> None:
    """Check that a folder can be created, before anything is computed for it.

    Args:
      path: the folder.

    Raises:
      UserError: there is a file, or a folder with content.
    """
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"--output: {path} exists already. Choose another name, or remove it.")
