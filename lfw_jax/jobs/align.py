"""`--mode=align`: align the faces of images and write a manifest and contact sheets."""

import array
import dataclasses
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
from lfw_jax.jobs.alignment import MODEL, alignment_engine
from lfw_jax.jobs.dispatch import Request
from lfw_jax.report.contact_sheet import write_contact_sheet
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines, printable
from lfw_jax.typed_json import to_json

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
    images, data_dir = _read(request, folder)
    engine = alignment_engine(request.config, images, data_dir, folder)
    done = align_set(images, folder, request.config.align, "--output", stage=stage, engine=engine)
    if engine.model:
        engine.model.save(folder / MODEL)
    try:
        sheets = write_sheets(folder, done.rows, seed=request.config.seed)
    except OSError as error:
        raise UserError(
            f"--output: the contact sheets cannot be written into {folder} ({error.strerror or error}). The crops and "
            f"{MANIFEST} are complete; free some disk space and run the same command again."
        ) from error
    found = counted(done, folder, sheets)
    request.deliver(printable(to_json(found)))
    print_lines(*summary(found))


def _read(request: Request, folder: Path) -> tuple[ImageSet, Path]:
    """Return the images, and the folder in which the lists of their split are expected."""
    if not request.input:
        return read_source(request.config.data, Path(f"{request.folder}/synthetic"))
    source = Path(request.input).resolve()
    if folder.resolve() == source or (source in folder.resolve().parents and source.is_dir()):
        raise UserError(
            f"--output: {folder} is inside --input {request.input}, so its crops would be aligned again. Choose another."
        )
    return read_path(request.input)


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


@dataclasses.dataclass(frozen=True)
class AlignmentSummary:
    """The counts of an alignment, which `--json` prints.

    Attributes:
      folder: folder of the crops.
      images: number of crops.
      faces: number of crops with a detected face.
      median_score: median detection score of these faces; None without any.
      fallbacks: number of centre crops, of images without a face.
      several_faces: number of images with more than one face.
      aligned_now: number of images that this call aligned.
      seconds: duration of the alignment.
      aligned_again: number of images among these that had changed, or whose crop was missing.
      orphans: number of crops without an image in the input, which were moved.
      not_in_manifest: names of images in the folder that are not in the manifest.
      unreadable: number of images that could not be read.
      first_unreadable: the first of them, with its reason; None without any.
      sheets: file names of the contact sheets.
    """

    folder: str
    images: int
    faces: int
    median_score: float | None
    fallbacks: int
    several_faces: int
    aligned_now: int
    seconds: float
    aligned_again: int
    orphans: int
    not_in_manifest: tuple[str, ...]
    unreadable: int
    first_unreadable: str | None
    sheets: tuple[str, ...]


def counted(done: Aligned, folder: Path, sheets: list[str]) -> AlignmentSummary:
    """Return the counts of an alignment.

    Args:
      done: Result of the alignment.
      folder: Folder of the crops.
      sheets: File names of the contact sheets.
    """
    scores, fallbacks, several, unreadable, first = array.array("d"), 0, 0, 0, None
    for row in done.rows:
        fallbacks += row.fallback
        several += row.faces > 1
        if row.face is not None:
            scores.append(row.face.score)
        if row.fault:
            unreadable += 1
            first = first or f"{row.source}: {row.fault}"
    return AlignmentSummary(
        folder=str(folder),
        images=len(scores) + fallbacks,
        faces=len(scores),
        median_score=float(np.median(scores)) if scores else None,
        fallbacks=fallbacks,
        several_faces=several,
        aligned_now=done.fresh,
        seconds=done.seconds,
        aligned_again=done.replaced,
        orphans=done.orphans,
        not_in_manifest=tuple(done.unnamed),
        unreadable=unreadable,
        first_unreadable=first,
        sheets=tuple(sheets),
    )


def summary(found: AlignmentSummary) -> list[str]:
    """Return the lines of the summary of an alignment."""
    now = found.aligned_now
    speed = f" in {found.seconds:.0f} s, {now / found.seconds:.0f} images/s" if now else ""
    lines = [
        f"{found.images:,} images in {found.folder}: {now:,} aligned now{speed}",
        f"  {found.faces:,} faces (median score {found.median_score:.3f}); {found.several_faces:,} images had more than one"
        if found.median_score is not None
        else "  no face in any image",
        f"  {found.fallbacks:,} without a face, replaced by centre crops"
        + (f" (see {found.sheets[1]})" if found.fallbacks else ""),
    ]
    if found.aligned_again:
        lines.insert(1, f"  {found.aligned_again:,} of them again: the image had changed, or the crop was missing")
    if found.orphans:
        crops = "1 crop" if found.orphans == 1 else f"{found.orphans:,} crops"
        lines.append(f"  {crops} without an image in the input, moved to {orphan_folder(Path(found.folder))}")
    if unnamed := found.not_in_manifest:
        count = "1 image there is" if len(unnamed) == 1 else f"{len(unnamed):,} images there are"
        lines.append(f"  {count} not in {MANIFEST} and would be read with the crops, the first {unnamed[0]}")
    if found.unreadable:
        lines.append(f"  {found.unreadable:,} could not be read, the first {found.first_unreadable}")
    return [*lines, f"  one row per image: {MANIFEST}; contact sheets: {', '.join(found.sheets)}"]
