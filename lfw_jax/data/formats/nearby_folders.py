"""The folder that a user meant: above or below the one that was given."""

import itertools
import os
from pathlib import Path

from lfw_jax.data.decoding.validity import fault

_DEPTH = 3  # folders between the given one and the folders of identities
_ENTRIES = 50  # looked at in each folder


def identity_folders_near(folder: Path) -> Path | None:
    """Return a folder near a given one that has one folder of images per identity; None if there is none.

    The folders below are searched first, the outermost before those in it: archives often unpack into a folder of their own. If
    the given folder has images itself, it may be that of one identity.

    Args:
      folder: the folder, which has no folder of images.
    """
    level = [folder]
    for _ in range(_DEPTH):
        level = [inner for outer in level for inner in _folders(outer)][:_ENTRIES]
        if found := next((inner for inner in level if any(map(_has_image, _folders(inner)))), None):
            return found
    parent = folder.resolve().parent
    return parent if _has_image(folder) and parent != folder.resolve() else None


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if os.path.isdir(entry)]


def _has_image(folder: Path) -> bool:
    return any(os.path.isfile(entry) and fault(entry) is None for entry in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    """Return the first entries of a folder that are not hidden, sorted; none if it cannot be opened."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in itertools.islice(entries, 10 * _ENTRIES) if not entry.name.startswith(".")]
    except OSError:
        return []
    return [folder / name for name in sorted(names)[:_ENTRIES]]
