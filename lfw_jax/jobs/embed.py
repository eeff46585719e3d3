"""`--mode=embed`: the embeddings of any set of photos by a trained system, in one file."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.images import ImageSet
from lfw_jax.data.sources import read_source
from lfw_jax.errors import UserError
from lfw_jax.inference.model.embedding_table import (
    SCHEMA,
    EmbeddingTable,
    Manifest,
    SkippedPhoto,
    check_ending,
    joined_tables,
    manifest_path,
    write_table,
)
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.model_of_request import load_verifier
from lfw_jax.jobs.photo_embedding import PART, embed_images, skipped_of, source_of
from lfw_jax.jobs.photo_set import photos_at
from lfw_jax.report.progress import stage
from lfw_jax.report.skipped_photos import skipped_lines
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.typed_json import to_json


@dataclasses.dataclass(frozen=True)
class _Begun:
    """The job that the parts in a folder belong to."""

    sha256: str
    images: str
    aligned: bool


def embed(request: Request) -> None:
    """Embed the photos of `--input`, or of the configured data, and write them to `--output`.

    Photos are embedded in parts, which a repeated call does not embed again. Photos without a face and unreadable ones are
    skipped, counted and named in the manifest.

    Args:
      request: the flags.

    Raises:
      UserError: there is no model or no photo, there is no `--input` and the configured data are synthetic, `--output` exists or
        has another ending, or the parts of an earlier call belong to another model or other photos.
    """
    if not request.output:
        raise UserError("--mode=embed needs --output: a file that ends in .npz or .parquet.")
    output = Path(request.output)
    check_ending(output, "--output")
    for path in (output, manifest_path(output)):
        if path.exists():
            raise UserError(f"--output: {path} exists already. Choose another name, or remove it.")
    if not request.input and request.config.data.source == "synthetic":
        raise UserError(
            "--mode=embed needs --input: photos, such as a folder; or a --config whose data are not synthetic."
        )
    verifier = load_verifier(request)
    images, source = read_photos(request)
    folder = output.with_name(f"{output.name}.parts")
    _begin(folder, _Begun(verifier.card.sha256, _digest(images), request.aligned))
    if done := len(list(folder.glob("*.npz"))):
        print_lines(f"{folder}: continuing after {min(done * PART, len(images)):,} of {len(images):,} photos")
    starts = range(0, len(images), PART)
    try:
        _embed_parts(verifier, images, folder, starts, aligned=request.aligned)
    except (KeyboardInterrupt, SystemExit):  # of SIGTERM
        finished = len(list(folder.glob("*.npz")))
        print_lines(
            f"{folder} keeps {min(finished * PART, len(images)):,} embedded photos; the same command continues."
        )
        raise
    _finish(request, folder, starts, output, verifier, images, source)


def _embed_parts(verifier: FaceVerifier, images: ImageSet, folder: Path, starts: range, *, aligned: bool) -> None:
    """Embed the parts that an earlier call did not finish."""
    with stage("embedding", len(images)) as progress:
        for start in starts:
            chosen = np.arange(start, min(start + PART, len(images)))
            path = folder / f"{start:09}.npz"
            if not path.is_file():
                table, faults = embed_images(
                    verifier, images, chosen, aligned=aligned, report=lambda done, start=start: progress(start + done)
                )
                with written_atomically(path) as (unfinished,), open(unfinished, "wb") as file:
                    np.savez(file, faults=faults, **vars(table))  # pyright: ignore[reportArgumentType]
            progress(int(chosen[-1]) + 1)


def read_photos(request: Request) -> tuple[ImageSet, str]:
    """Return the photos of `--input`, or of the configured data, and their source in words.

    Args:
      request: the flags.

    Raises:
      UserError: there is no photo, or the source cannot be read.
    """
    config: ConfigDict = request.config
    if request.input:
        images, source = photos_at(request.input, "--input"), request.input
    else:
        images = read_source(config.data, request.folder.parent / "synthetic")[0]
        source = f"{config.data.source} {config.data.dir}".strip()
    if not len(images):
        raise UserError(f"{source}: found no photo; expected at least one.")
    return images, source


def _digest(images: ImageSet) -> str:
    """Return a digest of the names of the photos, in their order."""
    whole = hashlib.sha256()
    for index in range(len(images)):
        whole.update(f"{source_of(images, index)}\0".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _begin(folder: Path, begun: _Begun) -> None:
    """Begin the folder of the parts, or check that an earlier call began it with the same model and photos."""
    path, now = folder / "job.json", to_json(begun)
    if not path.is_file():
        with written_atomically(path) as (unfinished,):
            unfinished.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}). Remove {folder} and embed again.") from error
    if differing := [name for name in now if before.get(name) != now[name]]:
        words = {"sha256": "another model", "images": "other photos", "aligned": "another value of --aligned"}
        raise UserError(
            f"{folder}: an unfinished call embedded {' and '.join(words[name] for name in differing)}. Continue it with what it "
            "began with, or remove the folder."
        )


def _finish(
    request: Request, folder: Path, starts: range, output: Path, verifier: FaceVerifier, images: ImageSet, source: str
) -> None:
    """Join the parts, write the file and its manifest, and print a summary."""
    tables, skipped = [], [SkippedPhoto(one.path, one.reason) for one in images.skipped]
    for start in starts:
        table, faults = _read_part(folder / f"{start:09}.npz")
        skipped += skipped_of(table, faults)
        tables.append(table.rows(np.flatnonzero(faults == "")))
    table = joined_tables(tables)
    manifest = Manifest(
        SCHEMA,
        verifier.card.name,
        verifier.card.sha256,
        source,
        request.aligned,
        len(images) + len(images.skipped),
        len(table),
        table.embeddings.shape[1],
        tuple(skipped),
    )
    if not len(table):
        shutil.rmtree(folder)  # a repaired photo has to be embedded again
        first = skipped[0]
        raise UserError(
            f"{source}: none of {manifest.photos:,} photos could be embedded; {first.source}: {first.reason}"
        )
    write_table(output, table, manifest)
    shutil.rmtree(folder)
    for line in skipped_lines(skipped, f"which {manifest_path(output)} lists"):
        print_lines(line)
    print_lines(
        f"{output}: {len(table):,} embeddings of length {manifest.dim}; {len(skipped):,} of {manifest.photos:,} photos skipped"
    )
    request.deliver(to_json(manifest) | {"output": str(output)})


def _read_part(path: Path) -> tuple[EmbeddingTable, np.ndarray]:
    with open(path, "rb") as opened, np.load(opened) as file:
        arrays = {name: file[name] for name in file.files}
    faults = arrays.pop("faults")
    return EmbeddingTable(**arrays), faults
