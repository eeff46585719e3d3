"""`--mode=cluster`: the photos of a folder grouped by identity, with a trained system."""

import json
from pathlib import Path

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.inference.clustering_result import clustering_result, photo_clusters
from lfw_jax.inference.face_clusters import MOST_FACES, cluster_faces
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.model_of_request import load_verifier, operating_point
from lfw_jax.jobs.output_folder import check_no_output
from lfw_jax.jobs.photo_embedding import embedded_photos
from lfw_jax.report.cluster_files import FACES_PER_SHEET, SHEETS, write_cluster_sheets, write_cluster_table
from lfw_jax.report.cluster_summary import cluster_lines
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines, printable
from lfw_jax.typed_json import to_json

TABLE, RESULT = "clusters.csv", "clusters.json"
"""Names of the files in the folder of the result."""


def cluster(request: Request) -> None:
    """Cluster the photos of `--input` by identity, and write a table and contact sheets to `--output`.

    If the photos have names of identities, the clusters are scored against them.

    Args:
      request: the flags.

    Raises:
      UserError: a flag is missing, `--output` exists, there is no model, the model supports no such false match rate, or there
        are fewer than two faces or too many.
    """
    if not request.input:
        raise UserError("--mode=cluster needs --input: photos, such as a folder, or a file of --mode=embed.")
    if not request.output:
        raise UserError("--mode=cluster needs --output: a folder for the table and the contact sheets.")
    output = Path(request.output)
    check_no_output(output)
    verifier = load_verifier(request)
    card = verifier.card
    point = operating_point(request, verifier)
    table, skipped = embedded_photos(verifier, request.input, "--input", aligned=request.aligned, most=MOST_FACES)
    if len(table) < 2:
        raise UserError(f"--input: found one face in {request.input}; expected two or more to cluster.")
    with stage("clustering", len(table)) as progress:
        found = cluster_faces(table.embeddings, point.threshold)
        progress(len(table))
    with written_atomically(output) as (folder,):
        folder.mkdir()
        clusters = write_cluster_sheets(folder, table, found, photo_clusters(table, found))
        result = clustering_result(
            table, found, clusters, point, model=(card.name, card.sha256), source=request.input, skipped=skipped
        )
        write_cluster_table(folder / TABLE, table, found)
        content = printable(to_json(result))
        (folder / RESULT).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print_lines(*cluster_lines(result), *_files(output, len(clusters), max((one.faces for one in clusters), default=0)))
    request.deliver(content | {"output": printable(str(output))})


def _files(output: Path, clusters: int, largest: int) -> list[str]:
    """Return the written files in words, with what the contact sheets leave out."""
    sheets = min(clusters, SHEETS)
    lines = [f"{output}: {TABLE}, {RESULT} and {sheets} contact sheet{'s' if sheets != 1 else ''}"]
    if clusters > SHEETS:
        lines.append(f"Without a contact sheet: {clusters - SHEETS:,} smaller clusters; {TABLE} has them.")
    if largest > FACES_PER_SHEET:
        lines.append(f"A sheet shows at most {FACES_PER_SHEET} faces of a cluster, from its medoid to the farthest.")
    return lines
