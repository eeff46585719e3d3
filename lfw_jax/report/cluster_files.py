"""The files of a clustering: a table of the photos, and a contact sheet per cluster."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Int

from lfw_jax.data.formats.spreadsheet_cells import to_cell
from lfw_jax.inference.clustering_result import PhotoCluster, named
from lfw_jax.inference.face_clusters import FaceClusters
from lfw_jax.inference.model.embedding_table import EmbeddingTable
from lfw_jax.report.cluster_summary import sheet_title
from lfw_jax.report.contact_sheet import write_contact_sheet
from lfw_jax.report.face_pictures import face_pictures

SHEETS = 50
"""The largest number of contact sheets: those of the largest clusters."""

FACES_PER_SHEET = 48
"""The largest number of faces on a contact sheet."""

_COLUMNS = 8
_TABLE = ("source", "cluster", "probability", "distance", "identity")


def write_cluster_table(path: Path, table: EmbeddingTable, found: FaceClusters) -> None:
    """Write a row per photo: source, cluster, probability, distance to the medoid, identity by folder.

    The rows are in the order of the clusters, each from its medoid outwards. Photos without a cluster follow, with empty cells.

    Args:
      path: the `.csv` file.
      table: embedded photos.
      found: their clusters.
    """
    known = named(table)
    identities = [to_cell(name) if known else "" for name in table.identities.tolist()]
    sources = [to_cell(source) for source in table.sources.tolist()]
    with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow(_TABLE)
        for cluster in range(len(found.medoids)):
            for row in found.members(cluster).tolist():
                values = (f"{found.probabilities[row]:.4f}", f"{found.distances[row]:.6g}")
                writer.writerow([sources[row], cluster + 1, *values, identities[row]])
        for row in np.flatnonzero(found.clusters < 0).tolist():
            writer.writerow([sources[row], "", "", "", identities[row]])


def write_cluster_sheets(
    folder: Path, table: EmbeddingTable, found: FaceClusters, clusters: tuple[PhotoCluster, ...]
) -> tuple[PhotoCluster, ...]:
    """Write the contact sheets of the largest clusters.

    Args:
      folder: an existing folder.
      table: embedded photos.
      found: their clusters.
      clusters: the clusters, largest first.

    Returns:
      The clusters with the names of their sheets.
    """
    described = []
    for cluster in clusters[:SHEETS]:
        rows = shown_members(found.members(cluster.number - 1))
        captions = [f"{found.distances[row]:.2f} {table.identities[row]}" for row in rows.tolist()]
        name = f"cluster_{cluster.number:03}.png"
        pictures = face_pictures(table, rows.tolist())
        write_contact_sheet(folder / name, pictures, captions, columns=_COLUMNS, title=sheet_title(cluster, len(rows)))
        described.append(dataclasses.replace(cluster, sheet=name))
    return (*described, *clusters[SHEETS:])


def shown_members(rows: Int[np.ndarray, "members"]) -> Int[np.ndarray, "shown"]:
    """Return the members on a contact sheet: all, or evenly spaced ones from the medoid to the farthest.

    Args:
      rows: the members, nearest to the medoid first.
    """
    if len(rows) <= FACES_PER_SHEET:
        return rows
    return rows[np.linspace(0, len(rows) - 1, FACES_PER_SHEET).round().astype(int)]
