"""Results of the GPU kit: one `<item>.json` per item. Imports only the standard library.

Files are written atomically.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FORMAT = 1
"""Version of the layout of a result."""

COMMITTED = Path(__file__).parents[2] / "docs" / "results" / "gpu"
"""Folder of the results that the project keeps and `docs/results.md` shows."""


class KitError(Exception):
    """Error that stops the kit, with one sentence for its user."""


def write_result(folder: Path, name: str, result: Mapping[str, Any]) -> None:
    """Write the result of an item atomically, replacing an older one of the same name.

    Args:
      folder: Folder of results.
      name: Name of the item.
      result: The measurement, JSON-serialisable.

    Raises:
      KitError: If the file cannot be written, as on a full disk.
    """
    path, unfinished = folder / f"{name}.json", folder / f".{name}.json.{os.getpid()}"
    try:
        unfinished.write_text(json.dumps({"format": FORMAT, **result}, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise KitError(
            f"{path} cannot be written ({error.strerror or error}). Results that were written before are kept; make room, or "
            "choose another --out, and give the same command to go on."
        ) from error


def read_result(folder: Path, name: str) -> dict[str, Any] | None:
    """Read the result of an item; None where there is none.

    Raises:
      KitError: the file is damaged or of another layout.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["format"] != FORMAT or result["item"] != name:
            raise ValueError(f"layout {result['format']} of item {result['item']}, expected {FORMAT} of {name}")
        result["figures"], result["toy"], result["seconds"]  # present
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KitError(f"{path}: not a result of this kit ({error}). Remove it to measure {name} again.") from error
    return result


def measured(folders: list[Path], name: str) -> dict[str, Any] | None:
    """Return the first real result of an item in some folders; results of toy size do not count."""
    for folder in folders:
        result = read_result(folder, name)
        if result is not None and not result["toy"]:
            return result
    return None
