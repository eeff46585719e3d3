"""One folder a person: LFW's own layout, or any."""

import os
import re
from pathlib import Path

import numpy as np

from lfw_jax.data.decoding import fault
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.errors import UserError

_NUMBER = re.compile(r"_(\d+)$")


def read_folder(directory: str | Path) -> ImageSet:
    """All images of a folder of one folder a person.

    An image's number is what follows the last underscore of `<Name>_NNNN.jpg`; where a person's files are not all
    numbered so, they are numbered from 1 in the order of their names. Files that are no readable image are skipped
    and listed in `skipped`; hidden files are passed over in silence; files beside the person folders (lists, notes) are
    not looked at.

    Raises:
      UserError: no such folder, or no image in it.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UserError(
            f"--config.data.dir: found no folder at {directory}; expected one folder a person, as <Name>/<Name>_0001.jpg. "
            "Correct the path, or start with --config=configs/quickstart.py, which makes its own data."
        )
    names: list[str] = []
    labels: list[int] = []
    numbers: list[int] = []
    paths: list[Path] = []
    skipped: list[Skipped] = []
    for person in sorted(entry.name for entry in os.scandir(directory) if entry.is_dir()):
        if person.startswith("."):
            continue
        readable = []
        for path in sorted(Path(entry) for entry in os.scandir(directory / person) if not entry.name.startswith(".")):
            reason = fault(path) if path.is_file() else "not a file"
            if reason:
                skipped.append(Skipped(str(path), reason))
            else:
                readable.append(path)
        if readable:
            labels += [len(names)] * len(readable)
            names.append(person)
            numbers += _numbers(readable)
            paths += readable
    if not paths:
        detail = ""
        if skipped:
            first = skipped[0]
            count = (
                "1 file there is no readable image"
                if len(skipped) == 1
                else f"{len(skipped)} files there are no readable images"
            )
            detail = f"; {count}, the first {first.path}: {first.reason}"
        raise UserError(
            f"--config.data.dir: found no image under {directory}{detail}. Expected one folder a person with JPEG or PNG "
            "files in it."
        )
    return ImageSet(
        names=tuple(names),
        labels=np.array(labels, np.int32),
        numbers=np.array(numbers, np.int32),
        images=paths,
        storage="files",
        skipped=tuple(skipped),
    )


def _numbers(paths: list[Path]) -> list[int]:
    found = [int(match[1]) for path in paths if (match := _NUMBER.search(path.stem))]
    return found if len(set(found)) == len(paths) else list(range(1, len(paths) + 1))
