"""`--mode=align`: align the faces of images and write a manifest and contact sheets."""

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
from lfw_jax.faces.orphans import orphan_folder
from lfw_jax.jobs.dispatch import Request
from lfw_jax.report.contact_sheet import write_contact_sheet
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines

SHEET, FALLBACKS = "contact_sheet.png", "fallbacks{}.png"
_SHOWN, _FALLBACKS_A_SHEET, _COLUMNS = 60, 120, 10


def align(request: Request) -> None:
    """Align the faces of `--input`, or of the configured data, into `--output`.

    Args:
      request: The flags and the configuration.

    Raises:
      UserError: If the input does not exist, the output cannot be written, or a setting is invalid.
    """
    if not request.output:
        raise UserError("--mode=align needs --output=FOLDER, the folder of the aligned faces.")
    folder = Path(request.output)
    images = _read(request, folder)
    done = align_set(images, folder, request.config.align, "--output", stage=stage)
    try:
        sheets = write_sheets(folder, done.rows, seed=request.config.seed)
    except OSError as error:
        raise UserError(
            f"--output: the contact sheets cannot be written into {folder} ({error.strerror or error}). The crops and "
            f"{MANIFEST} are complete; free some disk space and run the same command again."
        ) from error
    print_lines(*summary(done, folder, sheets))


def _read(request: Request, folder: Path) -> ImageSet:
    if not request.input:
        return read_source(request.config.data, Path(f"{request.folder}/synthetic"))[0]
    source = Path(request.input).resolve()
    if folder.resolve() == source or (source in folder.resolve().parents and source.is_dir()):
        raise UserError(
            f"--output: {folder} is inside --input {request.input}, so its crops would be aligned again. Choose another."
        )
    return read_path(request.input)[0]


def write_sheets(folder: Path, rows: Rows, *, seed: int) -> list[str]:
    """Write contact sheets of a random sample of crops and of every fallback.

    Args:
      folder: Folder of the crops, which also receives the sheets.
      rows: Rows of the manifest.
      seed: Seed of the sample.

    Returns:
      File names of the sheets.

    Raises:
      OSError: If a sheet cannot be written.
    """
    faces, fallbacks = [], []
    for index, row in enumerate(rows):
        if row.face is not None:
            faces.append(index)
        elif row.fallback:
            fallbacks.append(index)
    chosen = sorted(random.Random(seed).sample(range(len(faces)), min(_SHOWN, len(faces))))
    title = f"{len(chosen)} of {len(faces):,} aligned faces, a random sample"
    names = [_sheet(folder, SHEET, rows.take(faces[index] for index in chosen), title)]
    for old in folder.glob(FALLBACKS.format("*")):
        old.unlink()
    for page, start in enumerate(range(0, len(fallbacks), _FALLBACKS_A_SHEET)):
        some = rows.take(fallbacks[start : start + _FALLBACKS_A_SHEET])
        title = f"{len(some)} of {len(fallbacks):,} without a face: centre crops"
        names.append(_sheet(folder, FALLBACKS.format(f"_{page + 1}" if page else ""), some, title))
    return names


def _sheet(folder: Path, name: str, rows: Rows, title: str) -> str:
    pictures = [decode_whole(folder / row.file) for row in rows]
    captions = [_caption(Path(row.file).stem) for row in rows]
    write_contact_sheet(folder / name, pictures, captions, columns=_COLUMNS, title=title)
    return name


def _caption(name: str) -> str:
    """Return a caption that fits under a crop; it keeps the end of a name, which contains the number."""
    return name if len(name) <= 16 else f"{name[:9]}…{name[-6:]}"


def summary(done: Aligned, folder: Path, sheets: list[str]) -> list[str]:
    """Return the lines of the summary of an alignment.

    Args:
      done: Result of the alignment.
      folder: Folder of the crops.
      sheets: File names of the contact sheets.
    """
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
        else "  no face in any image",
        f"  {fallbacks:,} without a face, replaced by centre crops" + (f" (see {sheets[1]})" if fallbacks else ""),
    ]
    if done.replaced:
        lines.insert(1, f"  {done.replaced:,} of them again: the image had changed, or the crop was missing")
    if done.orphans:
        crops = "1 crop" if done.orphans == 1 else f"{done.orphans:,} crops"
        lines.append(f"  {crops} without an image in the input, moved to {orphan_folder(folder)}")
    if done.unnamed:
        count = "1 image there is" if len(done.unnamed) == 1 else f"{len(done.unnamed):,} images there are"
        lines.append(f"  {count} not in {MANIFEST} and would be read with the crops, the first {done.unnamed[0]}")
    if unreadable:
        lines.append(f"  {unreadable:,} could not be read, the first {first}")
    return [*lines, f"  one row per image: {MANIFEST}; contact sheets: {', '.join(sheets)}"]
