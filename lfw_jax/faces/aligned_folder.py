"""The settings that a folder of aligned faces belongs to."""

import json
from pathlib import Path
from typing import Any

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError

SETTINGS = "align.json"


def claim_folder(folder: Path, settings: dict[str, Any], what: str) -> None:
    """Make the folder this alignment's own, or see that it is."""
    path = folder / SETTINGS
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{what}: {folder} is a file; expected a folder, or a name that is not taken.")
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
                f"{path}: not the settings of an alignment ({error}). Remove the folder to align anew."
            ) from error
        if differing:
            raise UserError(
                f"{what}: {folder} was aligned with other settings: {'; '.join(differing)}. Give those, or another folder."
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(
            f"{what}: {folder} is not empty and holds no {SETTINGS}, so it is no aligned folder. Choose another."
        )
    with written_atomically(path) as (unfinished,):
        unfinished.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
