"""`--mode=align`: images in, aligned faces out, with a manifest and pictures to look at."""

import array
import random
from pathlib import Path

import numpy as np

from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.images import ImageSet
from lfw_jax.data.sources import read_path, read_source
from lfw_jax.errors import UserError
from lfw_jax.faces.align_set import MANIFEST, Aligned, align_set
from lfw_jax.faces.manifest import Rows
from lfw_jax.jobs.dispatch import Request
from lfw_jax.report.contact_sheet import write_contact_sheet
from lfw_jax.report.progress import stage

SHEET, FALLBACKS = "contact_sheet.png", "fallbacks{}.png"
_SHOWN, _FALLBACKS_A_SHEET, _COLUMNS = 60, 120, 10


def align(request: Request) -> None:
    """Align `--input`, or what the configuration names, into `--output`.

    Raises:
      UserError: no such input, an output that cannot be, settings that cannot be.
    """
    if not request.output:
        raise UserError("--mode=align needs --output=FOLDER, where the aligned faces go.")
    folder = Path(request.output)
    images = _read(request, folder)
    done = align_set(images, folder, request.config.align, "--output", stage=stage)
    try:
        sheets = write_sheets(folder, done.rows, seed=request.config.seed)
    except OSError as error:
        raise UserError(
            f"--output: the contact sheets cannot be written into {folder} ({error.strerror or error}). The crops and "
            f"{MANIFEST} are there; make room and give the same command again."
        ) from error
    print(summary(done, folder, sheets))


def _read(request: Request, folder: Path) -> ImageSet:
    if not request.input:
        return read_source(request.config.data, Path(f"{request.folder}/synthetic"))[0]
    source = Path(request.input).resolve()
    if folder.resolve() == source or (source in folder.resolve().parents and source.is_dir()):
        raise UserError(
            f"--output: {folder} lies in --input {request.input}; its crops would be aligned again. Choose another."
        )
    return read_path(request.input)[0]


def write_sheets(folder: Path, rows: Rows, *, seed: int) -> list[str]:
    """Contact sheets of some random crops and of every fallback; their names."""
    faces, fallbacks = [], []
    for place, row in enumerate(rows):
        if row.face is not None:
            faces.append(place)
        elif row.fallback:
            fallbacks.append(place)
    chosen = sorted(random.Random(seed).sample(range(len(faces)), min(_SHOWN, len(faces))))
    title = f"{len(chosen)} of {len(faces):,} aligned faces, at random"
    names = [_sheet(folder, SHEET, rows.take(faces[place] for place in chosen), title)]
    for old in folder.glob(FALLBACKS.format("*")):
        old.unlink()
    for page, start in enumerate(range(0, len(fallbacks), _FALLBACKS_A_SHEET)):
        some = rows.take(fallbacks[start : start + _FALLBACKS_A_SHEET])
        title = f"{len(some)} of {len(fallbacks):,} without a face: the centre stands in"
        names.append(_sheet(folder, FALLBACKS.format(f"_{page + 1}" if page else ""), some, title))
    return names


def _sheet(folder: Path, name: str, rows: Rows, title: str) -> str:
    pictures = [decode_whole(folder / row.file) for row in rows]
    captions = [_caption(Path(row.file).stem) for row in rows]
    write_contact_sheet(folder / name, pictures, captions, columns=_COLUMNS, title=title)
    return name


def _caption(name: str) -> str:
    """A name short enough to stand under its crop, with its end, where the number is."""
    return name if len(name) <= 16 else f"{name[:9]}…{name[-6:]}"


def summary(done: Aligned, folder: Path, sheets: list[str]) -> str:
    """What happened, in lines of a terminal."""
    scores, fallbacks, several, unreadable, first = array.array("d"), 0, 0, 0, ""
    for row in done.rows:
        fallbacks += row.fallback
        several += row.faces > 1
        if row.face is not None:
            scores.append(row.face.score)
        if row.fault:
            unreadable += 1
            first = first or f"{row.source}: {row.fault}"
    speed = f" in {done.seconds:.0f} s, {done.fresh / done.seconds:.0f} images/s" if done.fresh else ""
    lines = [
        f"{len(scores) + fallbacks:,} images in {folder}: {done.fresh:,} aligned now{speed}",
        f"  {len(scores):,} faces (median score {np.median(scores):.3f}); {several:,} images had more than one"
        if scores
        else "  no face in any of them",
        f"  {fallbacks:,} without a face: their centre stands in" + (f" (see {sheets[1]})" if fallbacks else ""),
    ]
    if unreadable:
        lines.append(f"  {unreadable:,} could not be read, the first {first}")
    return "\n".join([*lines, f"  one row an image: {MANIFEST}; to look at: {', '.join(sheets)}"])
