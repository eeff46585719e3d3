"""An image set aligned into a folder: resumable, with its manifest; shared by `--mode=align` and `config.data.align`."""

import dataclasses
import hashlib
import importlib.metadata
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pooch
from ml_collections import ConfigDict

from lfw_jax.data.batches.feeder import cores
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.data.storage import PackedPaths
from lfw_jax.errors import UserError
from lfw_jax.faces.aligned_folder import claim_folder
from lfw_jax.faces.aligner import Aligner, Task, on_threads
from lfw_jax.faces.crops import CropSettings
from lfw_jax.faces.detection import Detect, Detector
from lfw_jax.faces.manifest import Journal, Row, Rows, write_manifest
from lfw_jax.faces.saving import FileFormat
from lfw_jax.faces.tasks import named_crops, tasks

MANIFEST = "manifest.csv"
_ENGINES = ("auto", "mtcnn", "jax")
_RUNNERS = ("threads", "beam")

Stage = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Announces a stage by name and number of images; what it gives is told how many are done."""


@dataclasses.dataclass(frozen=True)
class Aligned:
    """What came of aligning a set.

    Attributes:
      rows: one an image of the set, in its order; then one a file that the source itself could not read.
      fresh: how many of them this call made; the others were there.
      seconds: this call took.
    """

    rows: Rows
    fresh: int
    seconds: float


def align_set(images: ImageSet, folder: Path, config: ConfigDict, what: str, *, stage: Stage) -> Aligned:
    """Align every image of a set that is not in the folder yet, and write the manifest.

    Args:
      images: the set.
      folder: of the crops; made, or continued where it was begun with the same settings.
      config: `config.align`.
      what: what a message calls the folder, such as "--output".
      stage: announces what takes time.

    Raises:
      UserError: settings that cannot be, a folder that holds something else or cannot be written.
    """
    settings, aligner = _aligner(folder, config)
    began, fresh = time.monotonic(), 0
    try:
        claim_folder(folder, settings, what)
        journal = Journal(folder / MANIFEST)
        done = {row.file: place for place, row in enumerate(journal.rows) if row.file}
        todo = tasks(images, config.file_format, done)
        with stage("aligning", len(images)) as progress:
            for rows in _run(aligner, todo, folder, config):
                done |= {row.file or row.source: place for place, row in enumerate(rows, len(journal.rows))}
                journal.append(rows)
                fresh += len(rows)
                progress(len(done))
        order = (done[file if file in done else source] for _, file, source in named_crops(images, config.file_format))
        rows = journal.rows.take(order)
        rows.extend(Row("", skipped.path, None, 0, skipped.reason) for skipped in images.skipped)
        write_manifest(folder / MANIFEST, rows)
    except OSError as error:
        raise UserError(
            f"{what}: {folder} cannot be written ({error.strerror or error}). {fresh} images were aligned and are kept; make "
            "room, or choose another folder, and give the same command to go on."
        ) from error
    return Aligned(rows, fresh, time.monotonic() - began)


def _aligner(folder: Path, config: ConfigDict) -> tuple[dict[str, Any], Aligner]:
    """What a folder's content depends on, and what makes it."""
    for name, known in (("engine", _ENGINES), ("runner", _RUNNERS), ("file_format", get_args(FileFormat))):
        if config[name] not in known:
            raise UserError(f"--config.align.{name} is '{config[name]}'; expected {', '.join(known)}.")
    if config.batch_size < 0 or config.workers < 0:
        raise UserError("--config.align.batch_size and --config.align.workers must be 0 (chosen by itself) or more.")
    crops = CropSettings(config.height, config.width, config.margin, config.face, config.fallback_crop)
    try:
        version = importlib.metadata.version("mtcnn")
    except importlib.metadata.PackageNotFoundError:
        version = "missing"
    settings = dataclasses.asdict(crops) | {"file_format": config.file_format, "detector": f"mtcnn {version}"}
    make = make_detector(config.engine, _batch_size(config))
    return settings, Aligner(folder, decode_whole, make, crops, config.file_format)


def _batch_size(config: ConfigDict) -> int:
    """As configured; by itself what a GPU, or a CPU, takes best."""
    if config.batch_size:
        return config.batch_size
    return 256 if config.engine != "mtcnn" and _accelerated() else 32


def make_detector(engine: str, batch_size: int = 32) -> Callable[[], Detect]:
    """What makes the detector of an engine; "auto" is the JAX cascade where JAX has an accelerator."""
    if engine == "mtcnn" or (engine == "auto" and not _accelerated()):
        return Detector

    def cascade() -> Detect:
        # Here, because it loads JAX, which the package's networks do without.
        from lfw_jax.faces.cascade.detector import CascadeDetector

        return CascadeDetector(batch_size)

    return cascade


def _accelerated() -> bool:
    import jax

    return jax.default_backend() != "cpu"


def _run(aligner: Aligner, todo: Iterator[Task], folder: Path, config: ConfigDict) -> Iterator[list[Row]]:
    if config.runner == "beam":
        from lfw_jax.faces.beam_runner import on_beam

        return on_beam(
            aligner, todo, folder=folder,
            batch_size=_batch_size(config), workers=config.workers, options=config.beam_options,
        )  # fmt: skip
    return on_threads(aligner, todo, batch_size=_batch_size(config), threads=config.workers or cores())


def aligned_images(images: ImageSet, config: ConfigDict, *, stage: Stage) -> tuple[ImageSet, float, str]:
    """The same people and images, aligned: made on the first call, found again by content and settings after.

    Args:
      images: the set.
      config: a whole configuration; `config.align.margin` is at least what `config.data.margin` draws on.
      stage: announces what takes time.

    Returns:
      The aligned set, the share of its images that the network is to see, and what was done, in a line.

    Raises:
      UserError: settings that cannot be, or a cache that cannot be written.
    """
    settings = config.align.copy_and_resolve_references()
    if settings.height != settings.width:
        raise UserError(
            f"--config.data.align needs square crops, found --config.align.height {settings.height} and --config.align.width "
            f"{settings.width}; networks see squares."
        )
    settings.margin = max(settings.margin, math.ceil(settings.height * config.data.margin / config.data.side))
    root = Path(config.data.align_dir) if config.data.align_dir else Path(pooch.os_cache("lfw_jax")) / "aligned"
    folder = root / digest(images, settings)
    done = align_set(images, folder, settings, "--config.data.align_dir", stage=stage)
    crops, readable, skipped, fallbacks = PackedPaths(folder), np.ones(len(images), bool), [], 0
    for place, row in enumerate(itertools.islice(done.rows, len(images))):
        fallbacks += row.fallback
        if row.fault:
            readable[place] = False
            skipped.append(Skipped(row.source, row.fault))
        else:
            crops.extend([row.file])
    kept = images.where(np.flatnonzero(readable)) if skipped else images
    aligned = dataclasses.replace(kept, images=crops, storage="files", skipped=(*images.skipped, *skipped))
    note = f"aligned faces from {folder} ({done.fresh:,} made now; {fallbacks:,} without a face are centre crops)"
    return aligned, settings.height / (settings.height + 2 * settings.margin), note


def digest(images: ImageSet, settings: ConfigDict) -> str:
    """A name for what aligning these images by these settings gives: of their content, people and numbers."""
    relevant = {name: settings[name] for name in ("height", "width", "margin", "face", "fallback_crop", "file_format")}
    whole = hashlib.blake2b(json.dumps(relevant, sort_keys=True).encode(), digest_size=16)

    def content(place: int) -> bytes:
        image = images.images[place]
        if isinstance(image, Path):
            image = image.read_bytes()
        return hashlib.blake2b(image if isinstance(image, bytes) else np.ascontiguousarray(image).data).digest()

    with ThreadPoolExecutor(cores()) as threads:
        for start in range(0, len(images), 4096):
            places = range(start, min(len(images), start + 4096))
            for place, part in zip(places, threads.map(content, places), strict=True):
                key = f"{images.names[images.labels[place]]}\0{images.numbers[place]}\0"
                whole.update(key.encode("utf-8", "surrogateescape") + part)
    return whole.hexdigest()
