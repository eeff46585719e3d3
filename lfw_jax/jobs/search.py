"""`--mode=search`: the faces of a gallery that are nearest to those of some photos."""

from collections.abc import Sequence
from pathlib import Path

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.inference.model.embedding_table import EmbeddingTable
from lfw_jax.inference.model.face_search import FaceHits, chance_hits, find_faces
from lfw_jax.inference.model.gallery import EXACT_BELOW, Gallery
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.gallery_of_request import open_gallery
from lfw_jax.jobs.model_of_request import load_verifier, operating_point
from lfw_jax.jobs.output_folder import check_no_output
from lfw_jax.jobs.photo_embedding import embedded_photos
from lfw_jax.report.face_pictures import face_pictures
from lfw_jax.report.framed_faces import framed, write_rows
from lfw_jax.report.hits_text import print_hits, print_meaning, write_hits
from lfw_jax.report.skipped_photos import skipped_lines
from lfw_jax.report.terminal_text import print_lines, print_notes, printable
from lfw_jax.typed_json import to_json

HITS = "hits.csv"
"""Name of the list of hits in `--output`."""

ROWS, SHEETS, COLUMNS = 20, 10, 10
"""Photos of a contact sheet, contact sheets, and hits of a photo on them, at most."""


def search(request: Request, *, exact_below: int = EXACT_BELOW) -> None:
    """Search the photos of `--input` in `--gallery`, and print the hits of each.

    Photos without a face and unreadable ones are skipped and named.

    Args:
      request: the flags.
      exact_below: number of faces from which an index is used.

    Raises:
      UserError: a flag is missing, `--output` exists, there is no face, the model does not support the rate, or embeddings are of
        another model.
    """
    for flag, value, expected in (
        ("--gallery", request.gallery, "a .npz or .parquet file of --mode=embed, or a folder of photos"),
        ("--input", request.input, "photos, such as a.jpg,b.jpg or a folder, or a file of --mode=embed"),
    ):
        if not value:
            raise UserError(f"--mode=search needs {flag}: {expected}.")
    if request.output:
        check_no_output(Path(request.output))
    verifier = load_verifier(request)
    point = operating_point(request, verifier)
    gallery, missing = open_gallery(
        verifier, request.gallery, "--gallery", aligned=request.aligned, exact_below=exact_below
    )
    queries, skipped = embedded_photos(verifier, request.input, "--input", aligned=request.aligned)
    found = find_faces(gallery, queries, verifier.card.calibration.fitted.logistic, point, request.top)
    recall, chance = gallery.recall(queries.embeddings, request.top), chance_hits(len(gallery), point)
    if request.output:
        _write(Path(request.output), gallery, queries, found, point)
    for line in skipped_lines(skipped, "which --json lists"):
        print_lines(line)
    if missing:
        print_lines(f"{len(missing):,} photos of the gallery could not be embedded and are not searched.")
    if gallery.note:
        print_notes(gallery.note)
    print_hits(found)
    print_meaning(point, chance, recall)
    if request.output:
        print_lines(f"{request.output}: {HITS} and contact sheets")
    request.deliver(
        printable(
            {
                "gallery": {"faces": len(gallery), "skipped": len(missing)},
                "operating_point": to_json(point),
                "chance": to_json(chance),
                "recall": to_json(recall),
                "queries": to_json(found),
                "skipped": to_json(skipped),
                "output": request.output or None,
            }
        )
    )


def _write(
    folder: Path, gallery: Gallery, queries: EmbeddingTable, found: Sequence[FaceHits], point: OperatingPoint
) -> None:
    with written_atomically(folder) as (unfinished,):
        unfinished.mkdir()
        write_hits(unfinished / HITS, found)
        sheets = range(0, min(len(found), ROWS * SHEETS), ROWS)
        for number, start in enumerate(sheets, 1):
            part = range(start, min(start + ROWS, len(found)))
            title = f"Photos {start + 1} to {part[-1] + 1} of {len(found):,}, and their hits"
            title += f"; framed: distance below {point.threshold:.3f}"
            columns = 1 + min(COLUMNS, max((len(found[query].hits) for query in part), default=0))
            rows = [_row(gallery, queries, query, found[query]) for query in part]
            write_rows(unfinished / f"hits_{number:02}.png", rows, columns=columns, title=title)


def _row(gallery: Gallery, queries: EmbeddingTable, query: int, found: FaceHits) -> list:
    """Return the picture of a query and those of its hits, with captions."""
    hits = found.hits[:COLUMNS]
    pictures = face_pictures(gallery.table, [hit.row for hit in hits])
    row = [(face_pictures(queries, [query])[0], Path(found.source).name)]
    for hit, picture in zip(hits, pictures, strict=True):
        mark = " within" if hit.within else ""
        row.append((framed(picture) if hit.within else picture, f"{hit.distance:.3f}{mark}"))
    return row
