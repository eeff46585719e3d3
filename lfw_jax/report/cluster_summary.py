"""Clusters of photos in words: the summary on the terminal and the title of a contact sheet."""

from collections.abc import Mapping

from lfw_jax.inference.clustering_result import ClusteringResult, PhotoCluster
from lfw_jax.report.calibration_section import rate_text
from lfw_jax.report.formatting import counted, number
from lfw_jax.report.skipped_photos import skipped_lines
from lfw_jax.report.terminal_text import WIDTH, printable

_LARGEST = 10  # clusters that are listed
_NAMES = 4  # identities of a cluster that are named


def cluster_lines(result: ClusteringResult) -> list[str]:
    """Return a clustering in words, for the terminal.

    Args:
      result: the clustering.
    """
    count = len(result.clusters)
    clustered = result.faces - result.unclustered
    lines = [
        f"{counted(result.faces, 'face')}: {clustered:,} in {counted(count, 'cluster')}, "
        f"{result.unclustered:,} unclustered; {counted(len(result.skipped), 'photo')} skipped",
        *skipped_lines(result.skipped, "which clusters.json lists"),
        f"A member is closer than {number(result.threshold)} to the medoid of its cluster,",
        f"the threshold for a false match rate (FMR) of {rate_text(result.target_rate)} per comparison.",
    ]
    if result.clusters:
        lines.append("Largest clusters:" if count > _LARGEST else "Clusters:")
    lines += [_cluster_line(one) for one in result.clusters[:_LARGEST]]
    if count > _LARGEST:
        lines.append(f"  … and {count - _LARGEST:,} more")
    return lines + _score_lines(result)


def sheet_title(cluster: PhotoCluster, shown: int) -> str:
    """Return the title of the contact sheet of a cluster.

    It names the identities, so that a mixed cluster is recognisable.

    Args:
      cluster: the cluster.
      shown: number of faces on the sheet.
    """
    part = f", {shown} shown" if shown < cluster.faces else ""
    names = f": {identities_text(cluster.identities)}" if cluster.identities else ""
    mixed = f", {len(cluster.identities)} identities" if len(cluster.identities) > 1 else ""
    return f"Cluster {cluster.number}, {cluster.faces:,} faces{part}{mixed}{names}"


def identities_text(identities: Mapping[str, int]) -> str:
    """Return the identities of a cluster with the number of their faces, such as "Ann 3, Bob 1".

    Args:
      identities: number of faces by identity, most first.
    """
    listed = [f"{name} {faces:,}" for name, faces in list(identities.items())[:_NAMES]]
    more = len(identities) - len(listed)
    return ", ".join(listed) + (f" and {more:,} more" if more else "")


def _cluster_line(cluster: PhotoCluster) -> str:
    line = f"{cluster.number:5} {counted(cluster.faces, 'face'):>12}  "
    return _shortened(line + (identities_text(cluster.identities) or f"around {cluster.medoid}"))


def _score_lines(result: ClusteringResult) -> list[str]:
    if result.scores is None:
        return []
    scores = result.scores
    kinds = (("pairwise", scores.pairwise), ("BCubed", scores.bcubed))
    return [
        f"Scores against the {scores.identities:,} identities of the input; an unclustered face",
        "counts as a cluster of its own:",
        f"{'':10}{'precision':>12}{'recall':>10}{'F':>10}",
        *(f"  {name:8}{number(one.precision):>12}{number(one.recall):>10}{number(one.f):>10}" for name, one in kinds),
    ]


def _shortened(line: str) -> str:
    line = printable(line)
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
