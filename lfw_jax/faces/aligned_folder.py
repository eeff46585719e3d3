"""The settings that a folder of aligned faces belongs to."""

import json
from pathlib import Path
from typing import Any

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError

SETTINGS = "align.json"


def claim_folder(folder: Path, settings: dict[str, Any], what: str) -> None:
    """Write the settings into a new folder, or check that an existing one has the same settings.

    Args:
      folder: the folder of the crops.
      settings: everything that the crops depend on.
      what: the name of the folder in error messages, such as "--output".

    Raises:
      UserError: the folder has other settings or other content.
    """
    path = folder / SETTINGS
    if folder.exists() and not folder.is_dir():
        raise UserError(
            f"{what}: {folder} is a file; expected a folder, or a path that does not exist. Choose another path."
        )
    if path.is_file():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            differing = [
                f"{key} was {before.get(key)!r}, now {settings[key]!r}"
                for key in settings
                if before.get(key) != settings[key]
            ]
        except (ValueError, AttributeError) as error:
            raise UserError(
                f"{path}: not the settings of an alignment ({error}). Remove the folder and align again."
            ) from error
        if differing:
            raise UserError(
                f"{what}: {folder} was aligned with other settings: {'; '.join(differing)}. Use the former settings, or choose "
                "another folder."
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"{what}: {folder} is not empty and holds no {SETTINGS}, so it is not a folder of aligned faces. Choose another."
        )
    with written_atomically(path) as (unfinished,):
        unfinished.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
