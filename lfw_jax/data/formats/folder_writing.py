"""Writing a set as one folder a person."""

import os
from pathlib import Path

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.formats.encoding import encoded_image, file_ending
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

_NAME_BYTES = 240  # of 255 that file systems allow, for "_0001.jpg"


def write_folder(folder: str | Path, images: ImageSet) -> None:
    """Write a set as `<Name>/<Name>_NNNN.jpg` (or .png, .bmp, .gif), as `read_folder` reads it.

    Files and encoded images are copied byte for byte; pixels become PNG, which loses nothing.

    Args:
      folder: where to; it appears whole or not at all, and must not be there, or be empty.
      images: the set.

    Raises:
      UserError: a person's name cannot be a folder's, a person has two images of one number, or nothing can be written.
    """
    folder = Path(folder)
    _check(folder, images)
    order = np.lexsort((images.numbers, images.labels))
    with written_atomically(folder) as (unfinished,):
        unfinished.mkdir()
        for name in images.names:
            (unfinished / name).mkdir()
        for place in order.tolist():
            name, number = images.names[images.labels[place]], int(images.numbers[place])
            content = encoded_image(images, place)
            (unfinished / name / f"{name}_{number:04d}{file_ending(content)}").write_bytes(content)


def _check(folder: Path, images: ImageSet) -> None:
    for name in images.names:
        separators = {"/", "\0", os.sep, os.altsep}
        if not name or name.startswith(".") or any(character in separators for character in name):
            raise UserError(
                f"{folder}: {name!r} cannot be the name of a folder; write an .npz or .rec file, which holds any name."
            )
        if len(name.encode("utf-8", "surrogatepass")) > _NAME_BYTES:
            raise UserError(
                f"{folder}: the name {name[:40]!r}… is longer than a file system allows; write an .npz or .rec file."
            )
    codes = np.sort((images.labels.astype(np.int64) << 32) + images.numbers)
    if (again := codes[1:] == codes[:-1]).any():
        code = int(codes[1:][again][0])
        raise UserError(
            f"{folder}: {images.names[code >> 32]} has two images of the number {code & 0xFFFFFFFF}; expected one file a number."
        )
