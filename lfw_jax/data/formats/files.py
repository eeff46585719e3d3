"""Checks of many image files at once, and image numbers parsed from their names."""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, Int32

from lfw_jax.data.decoding.validity import fault
from lfw_jax.data.images import Skipped, count_up

_NUMBER = re.compile(r"_(\d{1,9})$")
# Checking a file means waiting for the disk. Several threads cost nothing on a fast disk and save most of the time on a slow one.
_THREADS = 8
_CHUNK = 2048  # files whose paths are in memory at a time


def check_files(paths: Sequence[Path]) -> tuple[Bool[np.ndarray, "files"], list[Skipped]]:
    """Check that files are readable images.

    Args:
      paths: the files.

    Returns:
      A mask of the readable files, and the path and the reason for each of the others.
    """
    good = np.ones(len(paths), bool)
    skipped = []
    with ThreadPoolExecutor(_THREADS) as threads:
        for start in range(0, len(paths), _CHUNK):
            chunk = [paths[index] for index in range(start, min(start + _CHUNK, len(paths)))]
            for index, (path, reason) in enumerate(zip(chunk, threads.map(_fault, chunk), strict=True), start=start):
                if reason:
                    skipped.append(Skipped(str(path), reason))
                    good[index] = False
    return good, skipped


def _fault(path: Path) -> str | None:
    return fault(path) if os.path.isfile(path) else "not a file"  # unlike Path.is_file, never raises


def parse_number_of_file(name: str) -> int:
    """Return the NNNN of `<anything>_NNNN.<extension>`, or -1 if there is none."""
    match = _NUMBER.search(os.path.splitext(name)[0])
    return int(match[1]) if match else -1


def image_numbers(labels: Int[np.ndarray, "images"], given: Int[np.ndarray, "images"]) -> Int32[np.ndarray, "images"]:
    """Return the image numbers within each identity: those of the file names, or 1, 2, 3 and so on.

    The numbers in the file names are used for an identity if every one of its images has a number and no two are equal.

    Args:
      labels: `[images]`, the identity of each image.
      given: `[images]`, the number in each file name, -1 for none.

    Returns:
      `[images]`, the number of each image within its identity.
    """
    order = np.lexsort((given, labels))
    repeated = (labels[order][1:] == labels[order][:-1]) & (given[order][1:] == given[order][:-1])
    counted = np.zeros(int(labels.max()) + 1 if len(labels) else 0, bool)
    counted[labels[order][1:][repeated]] = True
    counted[labels[given < 0]] = True
    return np.where(counted[labels], count_up(labels), given).astype(np.int32)
