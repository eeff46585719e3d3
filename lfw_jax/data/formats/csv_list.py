"""Lists of images with one path and one label per line, in the forms in which they are found."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lfw_jax.data.formats.files import check_files, image_numbers, parse_number_of_file
from lfw_jax.data.formats.list_rows import read_rows
from lfw_jax.data.formats.text_lists import local_path
from lfw_jax.data.images import ImageSet, sort_identities
from lfw_jax.data.storage import PackedPaths
from lfw_jax.errors import UserError

_LOOKED_FOR = 20  # files at the beginning of a list, by which the folder of all is found
_FOLDERS = 100  # beside a list, in which they are looked for


def read_csv(path: str | Path) -> ImageSet:
    """Read the images that a list names, in its order.

    Each line is a path (absolute, or relative to the folder of the list or to one folder in it) and the name of the identity,
    separated by a comma, a semicolon, a tab or a blank. A header line may name the columns in any order and among other columns:
    `path,label`, or titles such as `file_name`, `Image`, `identity`, `Id`. Fields may be quoted; empty lines are ignored. The
    `.lst` files of InsightFace (`aligned<TAB>path<TAB>label`) and MXNet (`index<TAB>label<TAB>path`) are read, too. Identities
    are sorted by name. Image numbers are parsed from the file names as in `read_folder`.

    Args:
      path: the list, in UTF-8, or in UTF-16 with a byte order mark.

    Returns:
      The image set. Files that are missing or not readable as images are left out and listed in `skipped`.

    Raises:
      UserError: the file is missing, a line is malformed or ambiguous (the message names its number), or no image is readable.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"--config.data.dir: found no file at {path}; the source 'csv' needs a CSV of path,label.")
    label_of_name: dict[str, int] = {}
    labels, numbers = [], []
    try:
        rows = read_rows(path)
        head = list(itertools.islice(rows, _LOOKED_FOR))
        root = _folder_of_images(path, [file for file, _ in head])
        paths = PackedPaths(root)
        for file, name in itertools.chain(head, rows):
            file = local_path(root, file)
            paths.extend([file])
            labels.append(label_of_name.setdefault(name, len(label_of_name)))
            numbers.append(parse_number_of_file(file))
    except UnicodeError as error:
        raise UserError(f"{path}: found bytes that are not UTF-8, expected a CSV of path,label.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if not labels:
        raise UserError(f"{path}: found no line with an image, expected a CSV of path,label.")
    good, skipped = check_files(paths)
    if not good.any():
        raise UserError(
            f"{path}: none of its {len(paths)} files is a readable image, the first {skipped[0].path}: {skipped[0].reason}. "
            "Relative paths start from the folder of the CSV."
        )
    names, sorted_label = sort_identities(label_of_name)
    everything = ImageSet(names, sorted_label[np.array(labels)], np.array(numbers, np.int32), paths, "files")
    readable = everything.where(np.flatnonzero(good))
    images = paths if good.all() else readable.images
    return ImageSet(
        readable.names,
        readable.labels,
        image_numbers(readable.labels, readable.numbers),
        images,
        "files",
        tuple(skipped),
    )


def _folder_of_images(path: Path, files: list[str]) -> Path:
    """Return the folder that the paths of a list are relative to: its own, or the one in it that has the first files."""
    if _has_one_of(path.parent, files):
        return path.parent
    folders = [folder for folder in _folders(path.parent) if _has_one_of(folder, files)]
    if len(folders) > 1:
        raise UserError(
            f"{path}, line 1: found {files[0]!r} in {folders[0]} and in {folders[1]}, expected one folder with the images. "
            "Write the folder before each path, or move the list into it."
        )
    return folders[0] if folders else path.parent


def _has_one_of(folder: Path, files: list[str]) -> bool:
    return any(os.path.isfile(folder / local_path(folder, file)) for file in files)


def _folders(folder: Path) -> Iterator[Path]:
    return itertools.islice((entry for entry in sorted(folder.iterdir()) if entry.is_dir()), _FOLDERS)
