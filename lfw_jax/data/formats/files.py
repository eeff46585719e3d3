"""Many image files at once: which of them can be used, and which numbers their names give them."""

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
# To check a file is to wait for a disk: several at a time cost nothing on a quick one and save most of it on a slow one.
_THREADS = 8
_AT_ONCE = 2048


def check_files(paths: Sequence[Path]) -> tuple[Bool[np.ndarray, "files"], list[Skipped]]:
    """Which of some files are readable images, and what is wrong with the others."""
    good = np.ones(len(paths), bool)
    skipped = []
    with ThreadPoolExecutor(_THREADS) as threads:
        for start in range(0, len(paths), _AT_ONCE):
            some = [paths[place] for place in range(start, min(start + _AT_ONCE, len(paths)))]
            for place, (path, reason) in enumerate(zip(some, threads.map(_fault, some), strict=True), start=start):
                if reason:
                    skipped.append(Skipped(str(path), reason))
                    good[place] = False
    return good, skipped


def _fault(path: Path) -> str | None:
    return fault(path) if os.path.isfile(path) else "not a file"  # unlike Path's, it answers whatever the system says


def parse_number_of_file(name: str) -> int:
    """The NNNN of `<anything>_NNNN.<ending>`, or -1 where there is none."""
    match = _NUMBER.search(os.path.splitext(name)[0])
    return int(match[1]) if match else -1


def image_numbers(labels: Int[np.ndarray, "images"], given: Int[np.ndarray, "images"]) -> Int32[np.ndarray, "images"]:
    """The numbers that file names give a person's images, if they give all of them one of their own; else 1, 2, 3 …

    Args:
      labels: `[images]`, the person of each.
      given: `[images]`, the number in its file's name, -1 for none.
    """
    order = np.lexsort((given, labels))
    twice = (labels[order][1:] == labels[order][:-1]) & (given[order][1:] == given[order][:-1])
    counted = np.zeros(int(labels.max()) + 1 if len(labels) else 0, bool)
    counted[labels[order][1:][twice]] = True
    counted[labels[given < 0]] = True
    return np.where(counted[labels], count_up(labels), given).astype(np.int32)
