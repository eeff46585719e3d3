"""Alignment of tasks in batches on several threads, so that decoding, detection and warping overlap."""

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

from lfw_jax.faces.content import content_digest, read_content
from lfw_jax.faces.crops import CropSettings, crop_faces
from lfw_jax.faces.detection import Detect
from lfw_jax.faces.manifest import Row
from lfw_jax.faces.saving import FileFormat, save_crop

PIXELS_AT_ONCE = 2**25
"""The pixels of decoded images that are detected in one call: 2.8 photographs of 12 million pixels, or 500 images of LFW."""


@dataclasses.dataclass(frozen=True)
class Task:
    """An image to be aligned.

    Attributes:
      image: its file, its content, or its pixels.
      source: its name in the manifest.
      file: the path of its crop, relative to the output folder, with "/".
    """

    image: Path | bytes | UInt8[np.ndarray, "h w 3"]
    source: str
    file: str


class Aligner:
    """The alignment of tasks, which writes their crops and returns their rows.

    Threads and other machines share the work by tasks.

    Args:
      folder: the folder of the crops; subfolders are created when needed.
      decode: returns the RGB pixels of an image, or raises OSError if it cannot be read.
      make_detector: builds the face detector when the first task comes.
      settings: the geometry of a crop.
      file_format: the file format of a crop.
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
        """Return the state for another process, without the detector and the lock."""
        return self.__dict__ | {"_detect": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"_lock": threading.Lock()})

    def detector(self) -> Detect:
        """Return the face detector, which is built by the first call."""
        with self._lock:
            if self._detect is None:
                self._detect = self._make_detector()
            return self._detect

    def __call__(self, tasks: Sequence[Task]) -> list[Row]:
        """Write the crops of tasks.

        Args:
          tasks: the images.

        Returns:
          One row for each task, in order; its crop has been written.

        Raises:
          OSError: a crop cannot be written.
        """
        rows: list[Row] = []
        images, faults, contents, first, pixels = [], {}, {}, 0, 0
        for index, task in enumerate(tasks):
            try:
                content = read_content(task.image)  # once, so that the digest is that of the decoded image
                contents[task.file] = content_digest(content)
                images.append(self._decode(content))
                pixels += images[-1].shape[0] * images[-1].shape[1]
            except OSError as error:
                faults[task.file] = str(error) or type(error).__name__
            if pixels >= PIXELS_AT_ONCE:
                rows += self._finish(tasks[first : index + 1], images, contents, faults)
                images, faults, contents, first, pixels = [], {}, {}, index + 1, 0
        return rows + self._finish(tasks[first:], images, contents, faults)

    def _finish(
        self,
        tasks: Sequence[Task],
        images: Sequence[UInt8[np.ndarray, "h w 3"]],
        contents: dict[str, str],
        faults: dict[str, str],
    ) -> list[Row]:
        """Return the rows of tasks, given the decoded images of those without a fault, and digests of their contents."""
        readable = [task for task in tasks if task.file not in faults]
        crops = crop_faces(images, self.detector(), self._settings) if images else []
        found = {}
        for task, crop in zip(readable, crops, strict=True):
            save_crop(self._folder / task.file, crop.pixels, self._format)
            found[task.file] = crop
        rows = []
        for task in tasks:
            if task.file in faults:
                (self._folder / task.file).unlink(missing_ok=True)  # the crop of a former image
                rows.append(Row("", task.source, None, 0, faults[task.file]))
            else:
                crop = found[task.file]
                rows.append(Row(task.file, task.source, crop.face, crop.found, content=contents[task.file]))
        return rows


def on_threads(align: Aligner, tasks: Iterable[Task], *, batch_size: int = 32, threads: int = 0) -> Iterator[list[Row]]:
    """Align tasks on threads of this process.

    Each thread processes a whole batch, from reading files to writing crops, so that one thread computes while another reads
    or writes. At most one batch more than there are threads is in progress.

    Args:
      align: the aligner.
      tasks: the images.
      batch_size: images per batch.
      threads: the number of threads; 0 for one per core.

    Yields:
      The rows of each batch, in the order of the tasks, as soon as its crops are written.
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
    """Yield tasks in lists of `size`; the last list may be shorter."""
    batch: list[Task] = []
    for task in tasks:
        batch.append(task)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
