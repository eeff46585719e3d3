"""A CSV of images: `path,label`, one line an image."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lfw_jax.data.formats.files import check_files, image_numbers, parse_number_of_file
from lfw_jax.data.images import ImageSet, sort_people
from lfw_jax.data.storage import PackedPaths
from lfw_jax.errors import UserError

_COLUMNS = ("path", "label")
_SHOWN = 80


def read_csv(path: str | Path) -> ImageSet:
    """The images that a CSV lists, in its order.

    Each line is a path (from the CSV's folder, or absolute) and who is on the image, as text. A first line that names the
    columns `path` and `label` may give them in another order and beside others. Fields may be quoted; empty lines are passed
    over. People come in the order of their names. Numbers are found as in a folder of one folder a person. Files that are
    missing or no readable image are skipped and listed in `skipped`.

    Raises:
      UserError: no such file, a line that is none (named by its number), or no readable image.
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
        raise UserError(f"{path}: found bytes that are no UTF-8 text, expected a CSV of path,label.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if not labels:
        raise UserError(f"{path}: found no line with an image, expected a CSV of path,label.")
    good, skipped = check_files(paths)
    if not good.any():
        raise UserError(
            f"{path}: none of its {len(paths)} files is a readable image, the first {skipped[0].path}: {skipped[0].reason}. "
            "Paths start from the folder of the CSV."
        )
    names, place_of_label = sort_people(label_of_name)
    everything = ImageSet(names, place_of_label[np.array(labels)], np.array(numbers, np.int32), paths, "files")
    kept = everything.where(np.flatnonzero(good))
    images = paths if good.all() else kept.images
    return ImageSet(kept.names, kept.labels, image_numbers(kept.labels, kept.numbers), images, "files", tuple(skipped))


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """Path and label of each line."""
    columns, expected = (0, 1), 2
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            for place, fields in enumerate(reader):
                if not any(field.strip() for field in fields):
                    continue
                titles = [field.strip().lower() for field in fields] if place == 0 else []
                if all(column in titles for column in _COLUMNS):
                    columns, expected = tuple(map(titles.index, _COLUMNS)), len(titles)
                    continue
                if len(fields) != expected:
                    raise _bad(path, reader.line_num, fields, f"{expected} fields, found {len(fields)}")
                file_name, name = (fields[column].strip() for column in columns)
                if not file_name or not name or "\0" in file_name:
                    raise _bad(path, reader.line_num, fields, "a path and a label")
                yield file_name, name
        except csv.Error as error:
            raise UserError(
                f"{path}, line {reader.line_num}: {error}; expected `path,label`. Correct the line."
            ) from error


def _bad(path: Path, line: int, fields: list[str], expected: str) -> UserError:
    shown = ",".join(fields)
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    return UserError(
        f"{path}, line {line}: found {shown!r}, expected {expected}. Correct the line; a name with a comma needs quotes."
    )
