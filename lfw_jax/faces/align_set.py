"""Resumable alignment of an image set, for `--mode=align` and `config.data.align`."""

import dataclasses
import hashlib
import itertools
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from lfw_jax.faces.content import full_digest, read_content
from lfw_jax.faces.continuation import compare
from lfw_jax.faces.crops import CropSettings
from lfw_jax.faces.engines import Engine, batch_size_of, engine_of
from lfw_jax.faces.journal import Journal
from lfw_jax.faces.manifest import Row, Rows, write_manifest
from lfw_jax.faces.orphans import move_orphans, unnamed_images
from lfw_jax.faces.saving import FileFormat
from lfw_jax.faces.stage import Stage
from lfw_jax.faces.tasks import NamedCrop, named_crops, tasks

MANIFEST = "manifest.csv"
_RUNNERS = ("threads", "beam")


@dataclasses.dataclass(frozen=True)
class Aligned:
    """The result of aligning a set.

    Attributes:
      rows: one row for each image of the set, in its order, then one for each file that the source could not read.
      fresh: the number of images aligned by this call; the others had been aligned before.
      replaced: the number of images that had been aligned before, but had other content then, or whose crop was missing.
      orphans: the number of crops that were moved to `orphan_folder` because no image of the set has them.
      unnamed: the images in the folder that the manifest does not name, and that were left alone.
      seconds: the duration of this call.
    """

    rows: Rows
    fresh: int
    replaced: int
    orphans: int
    unnamed: list[str]
    seconds: float


def align_set(
    images: ImageSet,
    folder: Path,
    config: ConfigDict,
    what: str,
    *,
    stage: Stage,
    by_content: bool = False,
    engine: Engine | None = None,
) -> Aligned:
    """Align the images of a set that are not in the folder yet, and write the manifest.

    Crops of images whose content changed are replaced, and crops without an image are moved to `orphan_folder`: afterwards the
    folder has the crops that a new one would have. Files that the manifest does not name are left alone.

    Args:
      images: the set.
      folder: the folder of the crops. It is created, or continued if it was begun with the same settings.
      config: `config.align`.
      what: the name of the folder in error messages, such as "--output".
      stage: announces the stages of the work.
      by_content: the folder belongs to these contents, identities and image numbers only. The files of the crops do not depend on
        the names of the images, the images are not compared with earlier crops, and nothing is moved.
      engine: what finds the faces; None for the engine that the configuration names.

    Returns:
      The rows of the manifest, with the number of new crops and the duration.

    Raises:
      UserError: a setting is invalid, or the folder has other content or cannot be written.
    """
    settings, aligner = _aligner(folder, config, engine)
    began, fresh = time.monotonic(), 0

    def crops() -> Iterator[NamedCrop]:
        return named_crops(images, config.file_format, own_names=not by_content)

    try:
        claim_folder(folder, settings, what)
        journal = Journal(folder / MANIFEST)
        journal.remove_unfinished()
        with stage("comparing with earlier crops", len(journal.rows)) as progress:
            earlier = compare(journal, images, crops(), folder, progress=progress, reread=not by_content)
        moved = 0 if by_content else move_orphans(folder, earlier, what)
        done, unreadable = earlier.kept, {}
        todo = journal.announced(
            tasks(images, config.file_format, done, own_names=not by_content), batch_size_of(config)
        )
        with stage("aligning", len(images)) as progress:
            for rows in _run(aligner, todo, folder, config):
                for index, row in enumerate(rows, len(journal.rows)):
                    if row.file:
                        done[row.file] = index
                    else:
                        unreadable[row.source] = index
                journal.append(rows)
                fresh += len(rows)
                progress(len(done) + len(unreadable))
        rows = journal.rows.take(done[file] if file in done else unreadable[source] for _, file, source in crops())
        rows.extend(Row("", skipped.path, None, 0, skipped.reason) for skipped in images.skipped)
        write_manifest(folder / MANIFEST, rows)
        unnamed = [] if by_content else list(unnamed_images(folder, done))
    except OSError as error:
        raise UserError(
            f"{what}: {folder} cannot be written ({error.strerror or error}). {fresh} images were aligned and are kept. Free "
            "some space or choose another folder, and run the same command again to continue."
        ) from error
    return Aligned(rows, fresh, earlier.replaced, moved, unnamed, time.monotonic() - began)


def _aligner(folder: Path, config: ConfigDict, engine: Engine | None) -> tuple[dict[str, Any], Aligner]:
    """Return the settings that the content of a folder depends on, and the aligner that makes it."""
    for name, known in (("runner", _RUNNERS), ("file_format", get_args(FileFormat))):
        if config[name] not in known:
            raise UserError(f"--config.align.{name} is '{config[name]}'; expected {', '.join(known)}.")
    if config.batch_size < 0 or config.workers < 0:
        raise UserError("--config.align.batch_size and --config.align.workers must be 0 (automatic) or more.")
    crops = CropSettings(config.height, config.width, config.margin, config.face, config.fallback_crop)
    engine = engine or engine_of(config)
    settings = dataclasses.asdict(crops) | {"file_format": config.file_format, "detector": engine.key}
    return settings, Aligner(folder, decode_whole, engine.make, crops, config.file_format)


def _run(aligner: Aligner, todo: Iterator[Task], folder: Path, config: ConfigDict) -> Iterator[list[Row]]:
    if config.runner == "beam":
        from lfw_jax.faces.beam_runner import on_beam

        return on_beam(
            aligner, todo, folder=folder,
            batch_size=batch_size_of(config), workers=config.workers, options=config.beam_options,
        )  # fmt: skip
    return on_threads(aligner, todo, batch_size=batch_size_of(config), threads=config.workers or cores())


def aligned_images(
    images: ImageSet, config: ConfigDict, *, stage: Stage, engine: Engine | None = None
) -> tuple[ImageSet, float, str]:
    """Return the same identities and images, aligned.

    The crops are made by the first call; later calls find them by the content of the images and the settings.

    Args:
      images: the set.
      config: the whole configuration. `config.align.margin` is raised to what `config.data.context` and `config.data.margin`
        need.
      stage: announces the stages of the work.
      engine: what finds the faces; None for the engine that the configuration names.

    Returns:
      The aligned set, the share of the sides of its images that the network sees, and a one-line summary.

    Raises:
      UserError: a setting is invalid, or the cache cannot be written.
    """
    settings = config.align.copy_and_resolve_references()
    if settings.height != settings.width:
        raise UserError(
            f"--config.data.align needs square crops, found --config.align.height {settings.height} and --config.align.width "
            f"{settings.width}. The input of the networks is square; set both to the same value."
        )
    context = config.data.get("context", 1.0)
    stored = settings.height * context * (1 + 2 * config.data.margin / config.data.side)
    settings.margin = max(settings.margin, math.ceil((stored - settings.height) / 2))
    engine = engine or engine_of(settings)
    folder = cache_folder(config) / digest(images, settings, engine.key if engine.model else "")
    done = align_set(images, folder, settings, "--config.data.align_dir", stage=stage, by_content=True, engine=engine)
    crops, readable, skipped, undetected = PackedPaths(folder), np.ones(len(images), bool), [], []
    for index, row in enumerate(itertools.islice(done.rows, len(images))):
        if row.fallback:
            undetected.append((images.names[images.labels[index]], int(images.numbers[index])))
        if row.fault:
            readable[index] = False
            skipped.append(Skipped(row.source, row.fault))
        else:
            crops.extend([row.file])
    kept = images.where(np.flatnonzero(readable)) if skipped else images
    skipped = (*images.skipped, *skipped)
    aligned = dataclasses.replace(
        kept, images=crops, storage="files", skipped=skipped, undetected=frozenset(undetected)
    )
    centred = f"{len(undetected):,} without a detected face are centre crops"
    note = f"aligned faces from {folder} ({done.fresh:,} aligned now; {centred})"
    return aligned, context * settings.height / (settings.height + 2 * settings.margin), note


def cache_folder(config: ConfigDict) -> Path:
    """Return the folder in which `aligned_images` keeps aligned sets.

    Args:
      config: the whole configuration.
    """
    return Path(config.data.align_dir) if config.data.align_dir else Path(pooch.os_cache("lfw_jax")) / "aligned"


def digest(images: ImageSet, settings: ConfigDict, engine: str = "") -> str:
    """Return a digest of the images and settings that determine an aligned set.

    Args:
      images: the set; its content, identities and image numbers count.
      settings: `config.align`.
      engine: the key of an engine other than mtcnn; "" for mtcnn, whose folders earlier versions made.
    """
    relevant = {name: settings[name] for name in ("height", "width", "margin", "face", "fallback_crop", "file_format")}
    relevant |= {"engine": engine} if engine else {}
    whole = hashlib.blake2b(json.dumps(relevant, sort_keys=True).encode(), digest_size=16)

    def content(index: int) -> bytes:
        return full_digest(read_content(images.images[index]))

    with ThreadPoolExecutor(cores()) as threads:
        for start in range(0, len(images), 4096):
            indices = range(start, min(len(images), start + 4096))
            for index, part in zip(indices, threads.map(content, indices), strict=True):
                key = f"{images.names[images.labels[index]]}\0{images.numbers[index]}\0"
                whole.update(key.encode("utf-8", "surrogateescape") + part)
    return whole.hexdigest()
