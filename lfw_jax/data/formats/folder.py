"""Data sets with one folder per identity, LFW's own layout among them."""

import os
from pathlib import Path

import numpy as np

from lfw_jax.data.formats.files import check_files, image_numbers, parse_number_of_file
from lfw_jax.data.formats.nearby_folders import identity_folders_near
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.data.storage import PackedPaths
from lfw_jax.errors import UserError


def read_folder(directory: str | Path) -> ImageSet:
    """Read all images of a folder that has one folder per identity.

    The number of an image follows the last underscore of `<Name>_NNNN.jpg`. If the files of an identity do not all have
    distinct numbers, they are numbered from 1 in the order of their names. Hidden files are ignored, as are files beside the
    identity folders (lists, notes). Memory: the bytes of the paths and 16 more per image.

    Args:
      directory: the folder.

    Returns:
      The image set. Files that are not readable images and folders that cannot be opened are listed in `skipped`.

    Raises:
      UserError: the folder is missing or contains no image.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UserError(
            f"--config.data.dir: found no folder at {directory}; expected one folder per identity, as <Name>/<Name>_0001.jpg. "
            "Correct the path, or start with --config=configs/quickstart.py, which generates its own data."
        )
    skipped: list[Skipped] = []
    identities = _entries(directory, skipped, folders=True)
    if identities is None:
        raise UserError(f"--config.data.dir: {directory} {skipped[0].reason}. Change its permissions.")
    paths = PackedPaths(directory)
    labels, numbers = [], []
    for label, identity in enumerate(identities):
        files = _entries(directory / identity, skipped, folders=False) or []
        paths.extend(f"{identity}/{file}" for file in files)
        labels.append(np.full(len(files), label, np.int32))
        numbers.append(np.array([parse_number_of_file(file) for file in files], np.int32))
    all_images = ImageSet(
        tuple(identities),
        np.concatenate([np.zeros(0, np.int32), *labels]),
        np.zeros(len(paths), np.int32),
        paths,
        "files",
    )
    good, faulty = check_files(paths)
    skipped += faulty
    if not good.any():
        inner = identity_folders_near(directory)
        advice = f" Did you mean {inner}? It has such folders." if inner else ""
        found = _summary(skipped) if inner is None else ""
        raise UserError(
            f"--config.data.dir: found no image under {directory}{found}. Expected one folder per identity "
            f"with JPEG or PNG files in it.{advice}"
        )
    readable = all_images.where(np.flatnonzero(good))
    images = paths if good.all() else readable.images
    given = np.concatenate(numbers)[good]
    return ImageSet(
        readable.names, readable.labels, image_numbers(readable.labels, given), images, "files", tuple(skipped)
    )


def _entries(folder: Path, skipped: list[Skipped], *, folders: bool) -> list[str] | None:
    """Return the sorted names in a folder, or None if it cannot be opened.

    Hidden entries are ignored. A name that is not valid UTF-8, as archives of other systems contain, is added to `skipped`,
    because it could not be printed.

    Args:
      folder: the folder.
      skipped: the list to which faults are added.
      folders: return the names of folders only.
    """
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or (folders and not _is_folder(entry)):
                    continue
                if any("\ud800" <= character <= "\udfff" for character in entry.name):
                    printable = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
                    skipped.append(Skipped(printable, "its name is not UTF-8"))
                    continue
                names.append(entry.name)
    except OSError as error:
        skipped.append(Skipped(str(folder), f"cannot be opened ({error.strerror or error})"))
        return None
    return sorted(names)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _summary(skipped: list[Skipped]) -> str:
    if not skipped:
        return ""
    one, several = "1 file there is not a readable image", f"{len(skipped)} files there are not readable images"
    return f"; {one if len(skipped) == 1 else several}, the first {skipped[0].path}: {skipped[0].reason}"
