"""Photos without identities: single files, or the files of one folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lfw_jax.data.formats.files import check_files
from lfw_jax.data.images import ImageSet
from lfw_jax.data.storage import PackedPaths

UNNAMED = ""
"""The identity of photos that no folder names."""


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder by name, without hidden ones and without those of folders below.

    Args:
      folder: an existing folder.
    """
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def read_photo_files(paths: Sequence[Path]) -> ImageSet:
    """Return photos as a set with the only identity `UNNAMED`, numbered from 1 in their order.

    Args:
      paths: existing files.

    Returns:
      The image set. Files that are not readable images are listed in `skipped`.
    """
    files = PackedPaths("", map(str, paths))
    good, faulty = check_files(files)
    kept = np.flatnonzero(good)
    count = len(kept)
    images = files if good.all() else [paths[index] for index in kept.tolist()]
    numbers = np.arange(1, count + 1, dtype=np.int32)
    return ImageSet((UNNAMED,), np.zeros(count, np.int32), numbers, images, "files", tuple(faulty))
