"""Faces of a whole set: batches side by side on a few threads, so that decoding, detection and warping overlap."""

import collections
import dataclasses
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from lfw_jax.faces.crops import CropSettings, crop_faces
from lfw_jax.faces.detection import Detect
from lfw_jax.faces.manifest import Row
from lfw_jax.faces.saving import FileFormat, save_crop

_PIXELS_AT_ONCE = 2**25
"""Pixels of decoded images that are looked at together: 2.8 photographs of 12 million, 500 of LFW."""


@dataclasses.dataclass(frozen=True)
class Task:
    """An image to be aligned.

    Attributes:
      image: its file, its content, or its pixels.
      source: what the manifest calls it.
      file: where its crop goes, below the output folder, with "/".
    """

    image: Path | bytes | UInt8[np.ndarray, "h w 3"]
    source: str
    file: str


class Aligner:
    """Tasks in, crops on disk and rows out: the one piece of work that threads, or other machines, do.

    Args:
      folder: where crops go; folders in it are made as they are needed.
      decode: an image's pixels, RGB; an OSError says that it cannot be read.
      make_detector: makes what finds faces, when the first task comes.
      settings: what a crop shows.
      file_format: how a crop is stored.
    """

    def __init__(
        self,
        folder: Path,
        decode: Callable[[Any], UInt8[np.ndarray, "h w 3"]],
        make_detector: Callable[[], Detect],
        settings: CropSettings,
        file_format: FileFormat,
    ):
        self._folder, self._decode, self._make_detector = folder, decode, make_detector
        self._settings = settings
        self._format: FileFormat = file_format
        self._detect: Detect | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: everything but the detector and the lock."""
        return self.__dict__ | {"_detect": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"_lock": threading.Lock()})

    def detector(self) -> Detect:
        """What finds faces, made once."""
        with self._lock:
            if self._detect is None:
                self._detect = self._make_detector()
            return self._detect

    def __call__(self, tasks: Sequence[Task]) -> list[Row]:
        """A row for each task; its crop is on disk. Raises OSError where one cannot be written."""
        rows: list[Row] = []
        images, faults, first, pixels = [], {}, 0, 0
        for place, task in enumerate(tasks):
            try:
                images.append(self._decode(task.image))
                pixels += images[-1].shape[0] * images[-1].shape[1]
            except OSError as error:
                faults[task.file] = str(error) or type(error).__name__
            if pixels >= _PIXELS_AT_ONCE:
                rows += self._finish(tasks[first : place + 1], images, faults)
                images, faults, first, pixels = [], {}, place + 1, 0
        return rows + self._finish(tasks[first:], images, faults)

    def _finish(
        self, tasks: Sequence[Task], images: Sequence[UInt8[np.ndarray, "h w 3"]], faults: dict[str, str]
    ) -> list[Row]:
        """The rows of tasks whose images are decoded, but for those that have a fault."""
        readable = [task for task in tasks if task.file not in faults]
        crops = crop_faces(images, self.detector(), self._settings) if images else []
        found = {}
        for task, crop in zip(readable, crops, strict=True):
            save_crop(self._folder / task.file, crop.pixels, self._format)
            found[task.file] = crop
        return [
            Row("", task.source, None, 0, faults[task.file])
            if task.file in faults
            else Row(task.file, task.source, found[task.file].face, found[task.file].found)
            for task in tasks
        ]


def on_threads(align: Aligner, tasks: Iterable[Task], *, batch_size: int = 32, threads: int = 0) -> Iterator[list[Row]]:
    """The rows of each batch, in order, as soon as its crops are on disk.

    A thread takes a batch from its first file to its last crop while another computes; within a batch alone do files,
    networks and warping wait for one another. No more batches are begun than there are threads, and one that waits.

    Args:
      align: does the work.
      tasks: the images, in the order wanted.
      batch_size: images a batch.
      threads: 0 is one a core.
    """
    threads = threads or os.cpu_count() or 1
    waiting: collections.deque[Future[list[Row]]] = collections.deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="align") as pool:
        try:
            for batch in in_batches(tasks, batch_size):
                waiting.append(pool.submit(align, batch))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def in_batches(tasks: Iterable[Task], size: int) -> Iterator[list[Task]]:
    """Tasks in lists of `size`, the last one shorter."""
    batch: list[Task] = []
    for task in tasks:
        batch.append(task)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
