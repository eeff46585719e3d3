"""One folder a person: LFW's own layout, or any."""

import os
from pathlib import Path

import numpy as np

from lfw_jax.data.formats.files import check_files, image_numbers, parse_number_of_file
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.data.storage import PackedPaths
from lfw_jax.errors import UserError


def read_folder(directory: str | Path) -> ImageSet:
    """All images of a folder of one folder a person.

    An image's number is what follows the last underscore of `<Name>_NNNN.jpg`; where a person's files are not all
    numbered so, they are numbered from 1 in the order of their names. Files that are no readable image, and folders that
    cannot be looked into, are skipped and listed in `skipped`; hidden files are passed over in silence; files beside the
    person folders (lists, notes) are not looked at. Memory: the bytes of the paths, and 16 more an image.

    Raises:
      UserError: no such folder, or no image in it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UserError(
            f"--config.data.dir: found no folder at {directory}; expected one folder a person, as <Name>/<Name>_0001.jpg. "
            "Correct the path, or start with --config=configs/quickstart.py, which makes its own data."
        )
    skipped: list[Skipped] = []
    people = _entries(directory, skipped, folders=True)
    if people is None:
        raise UserError(
            f"--config.data.dir: {directory} cannot be looked into ({skipped[0].reason}). Change its rights."
        )
    paths = PackedPaths(directory)
    labels, numbers = [], []
    for label, person in enumerate(people):
        files = _entries(directory / person, skipped, folders=False) or []
        paths.extend(f"{person}/{file}" for file in files)
        labels.append(np.full(len(files), label, np.int32))
        numbers.append(np.array([parse_number_of_file(file) for file in files], np.int32))
    everything = ImageSet(
        tuple(people), np.concatenate([np.zeros(0, np.int32), *labels]), np.zeros(len(paths), np.int32), paths, "files"
    )
    good, faulty = check_files(paths)
    skipped += faulty
    if not good.any():
        raise UserError(
            f"--config.data.dir: found no image under {directory}{_told(skipped)}. Expected one folder a person with JPEG or "
            "PNG files in it."
        )
    kept = everything.where(np.flatnonzero(good))
    images = paths if good.all() else kept.images
    given = np.concatenate(numbers)[good]
    return ImageSet(kept.names, kept.labels, image_numbers(kept.labels, given), images, "files", tuple(skipped))


def _entries(folder: Path, skipped: list[Skipped], *, folders: bool) -> list[str] | None:
    """The names in a folder that are not hidden, in order: of folders alone, or of all; None if it cannot be looked into.

    A name that is no text, as other systems' archives leave, is skipped: nobody could be told of it.
    """
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or (folders and not _is_folder(entry)):
                    continue
                if any("\ud800" <= character <= "\udfff" for character in entry.name):
                    shown = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
                    skipped.append(Skipped(shown, "its name is no UTF-8 text"))
                    continue
                names.append(entry.name)
    except OSError as error:
        skipped.append(Skipped(str(folder), f"cannot be looked into ({error.strerror or error})"))
        return None
    return sorted(names)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _told(skipped: list[Skipped]) -> str:
    if not skipped:
        return ""
    one, several = "1 file there is no readable image", f"{len(skipped)} files there are no readable images"
    return f"; {one if len(skipped) == 1 else several}, the first {skipped[0].path}: {skipped[0].reason}"
