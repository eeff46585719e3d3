"""`--mode=inspect`: a survey of a data set and its problems for training, as text and as a page."""

import csv
import dataclasses
import json
import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import decode
from lfw_jax.data.experiment_data import crop_geometry_of
from lfw_jax.data.formats.spreadsheet_cells import to_cell
from lfw_jax.data.protocols.partition import partition
from lfw_jax.data.sources import read_source
from lfw_jax.errors import UserError
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.inspection import Plan, Survey, duplicates, identity_rows, survey
from lfw_jax.jobs.alignment import alignment_engine
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.refusals import refusals
from lfw_jax.jobs.workdir import INSPECTION, Workdir
from lfw_jax.report.inspection.page import Evidence, write_inspection_page
from lfw_jax.report.inspection.terminal import print_inspection
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines, printable
from lfw_jax.training.objectives.pairs import PAIR_LOSSES

UNUSABLE = 1
"""Exit code if the data can be read, but a training with this configuration would be refused."""

_SHOWN_PAIRS = 20
_THUMBNAIL = 96
_CROPS = 256


def inspect(request: Request) -> None:
    """Survey the data of a configuration, print the result and write it to the work directory.

    Files: `inspection.html`, `inspection.json`, `inspection_duplicates.csv` (all pairs of near duplicates) and
    `inspection_identities.csv` (all identities, with part and reason), in `--workdir` or in `runs/inspect_<name of the
    configuration>`. Files of a training in the same work directory are kept; a folder with these files only can still
    become the work directory of a training.

    Args:
      request: The flags and the configuration.

    Raises:
      UserError: If the data cannot be read at all, or the folder cannot be written.
      SystemExit: With code 1, after the report, if a training with this configuration on these data would be refused.
    """
    config, folder = request.config, Path(request.workdir or f"runs/inspect_{request.name}")
    Workdir(folder, config)  # refuses the folder of another configuration
    plan = _plan(config)
    originals, data_dir = read_source(config.data, folder.parent / "synthetic")
    images, crop, engine = originals, 1.0, None
    if config.data.align:  # as a training would
        engine = alignment_engine(config, originals, data_dir, folder)
        images, crop, note = aligned_images(originals, config, stage=stage, engine=engine)
        plan = dataclasses.replace(plan, crop=crop, aligned=True)
        print_lines(note)
    align = (lambda others: aligned_images(others, config, stage=stage, engine=engine)[0]) if engine else None
    _make(folder)
    found = survey(
        images,
        config.sampler,
        plan,
        lambda: partition(images, _without_listing(config), data_dir, folder, align, crop, originals)[0],
        seed=config.seed,
        stage=stage,
    )
    training = found.parts.split.training if found.parts else images
    found = dataclasses.replace(found, faults=(*found.faults, *refusals(config, training, found.sampler)))
    summary = printable(
        {
            "config": request.name,
            "command": request.command,
            "source": f"{config.data.source} {config.data.tfds if config.data.source == 'tfds' else config.data.dir}".strip(),
            "plan": dataclasses.asdict(plan),
            **found.summary(),
        }
    )
    print_inspection(summary)
    print_lines()
    _write(folder, found, summary, str(config))
    request.deliver(summary)
    for what, name in zip(("page", "statistics", "near duplicates", "identities"), INSPECTION, strict=True):
        print_lines(f"{what}: {folder / name}")
    if found.faults:
        sys.exit(UNUSABLE)


def _plan(config: ConfigDict) -> Plan:
    geometry = crop_geometry_of(config.data)
    return Plan(geometry.side, geometry.crop, config.loss.name, config.loss.name in PAIR_LOSSES)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--workdir: {folder} cannot be written ({error}). Choose another.") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"--workdir: {folder} cannot be written. Choose another.")


def _without_listing(config: ConfigDict) -> ConfigDict:
    """Return the configuration without the search for near duplicates of a training.

    An inspection lists the near duplicates of all images itself.
    """
    if config.data.near_duplicates != "list":
        return config
    config = config.copy_and_resolve_references()
    config.data.near_duplicates = "ignore"
    return config


def _write(folder: Path, found: Survey, summary: dict[str, Any], config: str) -> None:
    pairs_found = duplicates.rows(found.images, found.likeness, found.parts)
    of_identities, evidence = identity_rows(found.images, found.parts), _evidence(found, summary)
    with written_atomically(*(folder / name for name in INSPECTION), replace=True) as (page, facts, pairs, identities):
        with facts.open("w", encoding="utf-8") as file:
            json.dump(summary, file, indent=2)
        _write_table(pairs, duplicates.COLUMNS, pairs_found)
        _write_table(identities, ("identity", "images", "part", "why_not_training"), of_identities)
        write_inspection_page(page, summary, evidence, config=config, environment=_environment())


def _evidence(found: Survey, summary: dict[str, Any]) -> Evidence:
    pairs = [pair["indices"] for pair in summary["duplicates"]["pairs"][:_SHOWN_PAIRS]]
    thumbnails = [[decode(found.images.images[index], CropGeometry(_THUMBNAIL)) for index in pair] for pair in pairs]
    return Evidence(
        counts=found.identities.counts,
        shorter=found.headers.shorter,
        crops=found.sample_crops(CropGeometry(summary["plan"]["side"], summary["plan"]["crop"]), _CROPS, seed=0),
        first=[first for first, _ in thumbnails],
        second=[second for _, second in thumbnails],
    )


def _environment() -> dict[str, str]:
    versions = {name: metadata.version(name) for name in ("numpy", "pillow", "imagehash")}
    return {"cores": str(os.cpu_count()), "python": platform.python_version(), **versions}


def _write_table(path: Path, head: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows([to_cell(value) if isinstance(value, str) else value for value in row] for row in rows)
