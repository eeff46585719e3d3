"""The hits of a search on the terminal, and as a CSV file."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from lfw_jax.data.formats.spreadsheet_cells import to_cell
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.inference.model.face_search import ChanceHits, FaceHits
from lfw_jax.inference.model.gallery import Recall
from lfw_jax.report.calibration_section import rate_interval, rate_text
from lfw_jax.report.decision_text import probability_text
from lfw_jax.report.formatting import number, percent
from lfw_jax.report.tables import print_table
from lfw_jax.report.terminal_text import print_lines, print_notes, printable

WITHIN = "*"
"""Marks a hit within the threshold."""

_QUERIES = 20  # on the terminal
_COLUMNS = (
    "query", "query_identity", "rank", "distance", "log_likelihood_ratio", "probability", "within_threshold", "identity",
    "source", "row",
)  # fmt: skip


def print_hits(found: Sequence[FaceHits]) -> None:
    """Print a table of hits for each query, at most 80 columns wide.

    Args:
      found: the hits of each query.
    """
    folder = _folder([hit.source for query in found[:_QUERIES] for hit in query.hits])
    if folder:
        print_lines(f"The sources of the hits are in {folder}.")
    for query in found[:_QUERIES]:
        print()
        if query.left_out:
            print_lines(f"{query.source} is in the gallery itself and is not among the hits.")
        if not query.hits:
            print_lines(f"{query.source}: no other face in the gallery")
            continue
        print_lines(f"{query.source}: {query.within:,} of {len(query.hits):,} hits within the threshold")
        print_table(_table(query, folder))
    if len(found) > _QUERIES:
        print_lines("", f"… and {len(found) - _QUERIES:,} other photos, which --output and --json list.")


def _table(query: FaceHits, folder: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "Rank", "Distance", "Probability"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Identity", overflow="fold", max_width=24)
    table.add_column("Source", overflow="fold")
    for hit in query.hits:
        cells = [WITHIN if hit.within else "", str(hit.rank), number(hit.distance), probability_text(hit.probability)]
        source = hit.source[len(folder) + 1 :] if folder else hit.source
        table.add_row(*map(Text, [*cells, printable(hit.identity), printable(source)]))
    return table


def _folder(sources: Sequence[str]) -> str:
    """Return the folder that all sources have in common; "" for none, or if they are not files."""
    if not sources or not all(map(os.path.isabs, sources)):
        return ""
    return os.path.commonpath(list(map(os.path.dirname, sources))).rstrip(os.sep)


def print_meaning(point: OperatingPoint, chance: ChanceHits, recall: Recall | None) -> None:
    """Print what the threshold, the probabilities and the number of faces mean for a hit.

    Args:
      point: the operating point.
      chance: the faces of other identities to expect within the threshold.
      recall: the recall of the index; None for exact search.
    """
    observed = (
        f"on test images its FMR was {rate_text(point.false_match_rate)}, 95 % interval "
        f"{rate_interval(point.false_match_rate_interval)}"
    )
    print()
    print_notes(
        f"{WITHIN} within the threshold {number(point.threshold)}, chosen for a false match rate (FMR) of "
        f"{rate_text(point.target_rate)}; {observed}.",
        f"A hit is a candidate, not a proof: among {chance.faces:,} faces, about {_count(chance.expected)} of other identities "
        "are expected within the threshold of each photo, and, if comparisons were independent, at least one for "
        f"{percent(chance.false_positive_identification_rate)} of the photos (false positive identification rate).",
        f"The probability is that of each hit by itself, at a prior of 1 / {chance.faces + 1:,}; those of several hits may add "
        "up to more than 1.",
        "Exact search."
        if recall is None
        else f"Approximate search: the index finds {percent(recall.share)} of the {recall.top:,} nearest faces "
        f"(recall@{recall.top}, measured against exact search on {recall.queries:,} queries).",
    )


def _count(expected: float) -> str:
    return f"{expected:,.0f}" if expected >= 10 else f"{expected:.2g}"


def write_hits(path: Path, found: Sequence[FaceHits]) -> None:
    """Write the hits of each query to a CSV file.

    Args:
      path: the file.
      found: the hits of each query.
    """
    with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for query in found:
            for hit in query.hits:
                values = [f"{value:.6g}" for value in (hit.distance, hit.log_likelihood_ratio, hit.probability)]
                texts = [to_cell(hit.identity), to_cell(hit.source)]
                own = [to_cell(query.source), to_cell(query.identity)]
                writer.writerow([*own, hit.rank, *values, int(hit.within), *texts, hit.row])
