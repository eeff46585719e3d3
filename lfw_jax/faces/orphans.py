"""Crops whose images are no longer in the input, and other files that are not crops of it."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Container, Iterator
from pathlib import Path, PurePath

from lfw_jax.errors import UserError
from lfw_jax.faces.continuation import Earlier
from lfw_jax.faces.naming import IMAGE_ENDINGS


def orphan_folder(folder: Path) -> Path:
    """Return the folder beside an aligned folder to which its orphans are moved.

    Example:
      >>> orphan_folder(Path("/data/faces")).as_posix()
      '/data/faces.orphans'
    """
    folder = folder.resolve()
    return folder.with_name(f"{folder.name}.orphans")


def move_orphans(folder: Path, earlier: Earlier, what: str) -> int:
    """Move crops without an image to the orphan folder, and remove the identities that become empty.

    They are not deleted, because their images may no longer exist. Nothing outside an identity's folder is moved, whatever the
    files are called, and no file is overwritten.

    Args:
      folder: the folder of the crops.
      earlier: the crops of earlier runs.
      what: the name of the folder in error messages, such as "--output".

    Returns:
      The number of moved crops.

    Raises:
      UserError: no crop belongs to a present image, so that the folder seems to belong to another input.
      OSError: a crop cannot be moved.
    """
    if earlier.orphans and not earlier.kept and not earlier.replaced:
        raise UserError(
            f"{what}: {folder} has {len(earlier.orphans):,} crops, none of an image of this input (the first is "
            f"{earlier.orphans[0]}). Give the former input, choose another folder, or remove this one to align again."
        )
    moved, root, target = 0, folder.resolve(), orphan_folder(folder)
    for file in earlier.orphans:
        path = folder / file
        identity = path.parent.resolve()
        if identity == root or not identity.is_relative_to(root):
            continue
        goal = _free(target / identity.relative_to(root) / path.name)
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, goal)
        moved += 1
        with contextlib.suppress(OSError):  # not empty
            identity.rmdir()
    return moved


def unnamed_images(folder: Path, named: Container[str]) -> Iterator[str]:
    """Yield the images in the identities of an aligned folder that the manifest does not name.

    Earlier versions left crops of removed images behind; others are files of the user. Both would be read as images.

    Args:
      folder: the folder of the crops.
      named: the crops, relative to the folder.
    """
    for identity in sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for file in sorted(os.listdir(folder / identity)):
            is_image = PurePath(file).suffix.lower() in IMAGE_ENDINGS and not file.startswith(".")
            if is_image and f"{identity}/{file}" not in named:
                yield f"{identity}/{file}"


def _free(path: Path) -> Path:
    """Return the path, or if it exists, the first of `<stem>~2`, `<stem>~3` … that does not."""
    numbered = (path.with_name(f"{path.stem}~{count}{path.suffix}") for count in itertools.count(2))
    return next(one for one in itertools.chain([path], numbered) if not one.exists())
