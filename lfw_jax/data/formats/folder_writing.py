"""Writing of an image set as one folder per identity."""

import os
from pathlib import Path

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.formats.encoding import encoded_image, file_ending
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError

_NAME_BYTES = 240  # of the 255 that file systems allow; the rest is for "_0001.jpg"


def write_folder(folder: str | Path, images: ImageSet) -> None:
    """Write an image set as `<Name>/<Name>_NNNN.jpg` (or .png, .webp, …) for `read_folder`.

    Files and encoded images are copied byte for byte; pixels become PNG, which is lossless.

    Args:
      folder: the destination, written atomically; it must be empty or not exist.
      images: the image set.

    Raises:
      UserError: a name cannot be that of a folder, two images of an identity have the same number, or the folder cannot be
        written.
    """
    folder = Path(folder)
    _check(folder, images)
    order = np.lexsort((images.numbers, images.labels))
    with written_atomically(folder) as (unfinished,):
        unfinished.mkdir()
        for name in images.names:
            (unfinished / name).mkdir()
        for index in order.tolist():
            name, number = images.names[images.labels[index]], int(images.numbers[index])
            content = encoded_image(images, index)
            (unfinished / name / f"{name}_{number:04d}{file_ending(content)}").write_bytes(content)


def _check(folder: Path, images: ImageSet) -> None:
    for name in images.names:
        separators = {"/", "\0", os.sep, os.altsep}
        if not name or name.startswith(".") or any(character in separators for character in name):
            raise UserError(
                f"{folder}: {name!r} cannot be the name of a folder; write an .npz or .rec file, which allows any name."
            )
        if len(name.encode("utf-8", "surrogatepass")) > _NAME_BYTES:
            raise UserError(
                f"{folder}: the name {name[:40]!r}… is longer than a file system allows; write an .npz or .rec file."
            )
    codes = np.sort((images.labels.astype(np.int64) << 32) + images.numbers)
    if (repeated := codes[1:] == codes[:-1]).any():
        code = int(codes[1:][repeated][0])
        raise UserError(
            f"{folder}: {images.names[code >> 32]} has two images with the number {code & 0xFFFFFFFF}; expected distinct numbers."
        )
