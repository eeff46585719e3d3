"""CSV lists of images: one `path,label` per line."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lfw_jax.data.formats.files import check_files, image_numbers, parse_number_of_file
from lfw_jax.data.images import ImageSet, sort_identities
from lfw_jax.data.storage import PackedPaths
from lfw_jax.errors import UserError

_COLUMNS = ("path", "label")
_EXCERPT_LENGTH = 80


def read_csv(path: str | Path) -> ImageSet:
    """Read the images that a CSV file lists, in its order.

    Each line is a path (absolute, or relative to the folder of the CSV) and the name of the identity. A header line that
    contains the columns `path` and `label` may name them in any order and among other columns. Fields may be quoted; empty
    lines are ignored. Identities are sorted by name. Image numbers are parsed from the file names as in `read_folder`.

    Args:
      path: the CSV file, in UTF-8.

    Returns:
      The image set. Files that are missing or not readable as images are left out and listed in `skipped`.

    Raises:
      UserError: the file is missing, a line is malformed (the message names its number), or no image is readable.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"--config.data.dir: found no file at {path}; the source 'csv' needs a CSV of path,label.")
    label_of_name: dict[str, int] = {}
    labels, numbers, paths = [], [], PackedPaths(path.parent)
    try:
        for file, name in _rows(path):
            paths.extend([file])
            labels.append(label_of_name.setdefault(name, len(label_of_name)))
            numbers.append(parse_number_of_file(file))
    except UnicodeDecodeError as error:
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


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the label of each line."""
    columns, expected = (0, 1), 2
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            for row, fields in enumerate(reader):
                if not any(field.strip() for field in fields):
                    continue
                titles = [field.strip().lower() for field in fields] if row == 0 else []
                if all(column in titles for column in _COLUMNS):
                    columns, expected = tuple(map(titles.index, _COLUMNS)), len(titles)
                    continue
                if len(fields) != expected:
                    raise _malformed(path, reader.line_num, fields, f"{expected} fields, found {len(fields)}")
                file_name, name = (fields[column].strip() for column in columns)
                if not file_name or not name or "\0" in file_name:
                    raise _malformed(path, reader.line_num, fields, "a path and a label")
                yield file_name, name
        except csv.Error as error:
            raise UserError(
                f"{path}, line {reader.line_num}: {error}; expected `path,label`. Correct the line."
            ) from error


def _malformed(path: Path, line: int, fields: list[str], expected: str) -> UserError:
    excerpt = ",".join(fields)
    excerpt = excerpt if len(excerpt) <= _EXCERPT_LENGTH else excerpt[:_EXCERPT_LENGTH] + "…"
    return UserError(
        f"{path}, line {line}: found {excerpt!r}, expected {expected}. Correct the line; a name with a comma needs quotes."
    )
