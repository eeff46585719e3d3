"""The explorer of thresholds in a page: counts at each stop of its slider, and pairs of each bar."""

import base64
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.evaluation.decision_counts import DecisionCounts
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.charts.values import embedded_json
from lfw_jax.report.formatting import percent
from lfw_jax.report.thumbnails import Thumbnails

MOST_PAIRS = 60_000
"""The largest number of pairs in a page. Of longer lists each bar of the histogram has an even share, evenly spread."""

_DIGITS = 6  # digits of a distance after the point


@dataclass(frozen=True, eq=False)
class Explorer:
    """The content of an explorer.

    Attributes:
      pairs: the scored pairs.
      counts: the accepted pairs at each stop of the slider.
      presets: thresholds by their labels, of which the first is the initial one; each is a stop.
      edges: the edges of the bars of the histogram of distances.
      thumbnails: thumbnails of images of the pairs; None for none.
    """

    pairs: ScoredPairs
    counts: DecisionCounts
    presets: Mapping[str, float]
    edges: Float[np.ndarray, "edges"]
    thumbnails: Thumbnails | None = None


def rendered_explorer(explorer: Explorer) -> dict[str, object]:
    """Return what the template needs of an explorer, for the initial threshold.

    Args:
      explorer: the explorer.
    """
    counts = explorer.counts
    presets = [(label, counts.nearest(threshold)) for label, threshold in explorer.presets.items()]
    start = presets[0][1] if presets else len(counts.thresholds) // 2
    same, different = int(counts.same[start]), int(counts.different[start])
    accuracy = (same + counts.different_pairs - different) / (counts.same_pairs + counts.different_pairs)
    return {
        "stops": len(counts.thresholds),
        "start": start,
        "presets": presets,
        "threshold": f"{counts.thresholds[start]:.4f}",
        "accuracy": percent(accuracy),
        "rows": [
            _decisions("same", counts.same_pairs, [("true-match", "TMR"), ("false-non-match", "FNMR")], same),
            _decisions(
                "different", counts.different_pairs, [("false-match", "FMR"), ("true-non-match", "TNMR")], different
            ),
        ],
        "json": explorer_json(explorer, start),
    }


def _decisions(kind: str, total: int, names: list[tuple[str, str]], accepted: int) -> dict[str, object]:
    cells = [
        {"name": name, "rate_name": rate, "count": f"{count:,}", "rate": percent(count / total)}
        for (name, rate), count in zip(names, (accepted, total - accepted), strict=True)
    ]
    return {"kind": kind, "total": f"{total:,}", "cells": cells}


def explorer_json(explorer: Explorer, start: int) -> str:
    """Return what the script of a page needs to know of an explorer.

    Args:
      explorer: the explorer.
      start: the index of the initial threshold.
    """
    counts = explorer.counts
    return embedded_json(
        {
            "stops": counts.thresholds.tolist(),
            "same": counts.same.tolist(),
            "different": counts.different.tolist(),
            "totals": [counts.same_pairs, counts.different_pairs],
            "start": start,
            "pairs": _pairs(explorer),
        }
    )


def _pairs(explorer: Explorer) -> dict[str, object]:
    """Return the pairs in the order of their distances, with the index of the first one of each bar."""
    pairs = explorer.pairs
    order = np.argsort(pairs.distances, kind="stable")
    starts = np.searchsorted(pairs.distances[order], explorer.edges[:-1], side="left")
    starts = np.append(starts, len(order))
    chosen = _evenly(starts, MOST_PAIRS) if len(order) > MOST_PAIRS else np.arange(len(order))
    kept = order[chosen]
    values: dict[str, object] = {
        "counts": np.diff(starts).tolist(),
        "bins": np.searchsorted(chosen, starts, side="left").tolist(),
        "distance": np.round(pairs.distances[kept], _DIGITS).tolist(),
        "same": pairs.same[kept].astype(int).tolist(),
    }
    if pairs.identities is None:
        values["number"] = (kept + 1).tolist()
    else:
        names, codes = np.unique(pairs.identities[kept], return_inverse=True)
        values |= {"names": names.tolist(), "identities": codes.reshape(-1, 2).T.tolist()}
        if pairs.images is not None:
            values["images"] = pairs.images[kept].T.tolist()
    if explorer.thumbnails:
        values |= _thumbnails(explorer.thumbnails, kept)
    return values


def _evenly(starts: Int[np.ndarray, "bars"], most: int) -> Int[np.ndarray, "kept"]:
    """Return indices of at most `most` pairs, with an equal limit for each bar."""
    limit = most // (len(starts) - 1)
    parts = [
        np.arange(start, end) if end - start <= limit else np.linspace(start, end - 1, limit).round().astype(int)
        for start, end in itertools.pairwise(starts.tolist())
    ]
    return np.concatenate(parts)


def _thumbnails(thumbnails: Thumbnails, kept: Int[np.ndarray, "kept"]) -> dict[str, object]:
    places = {index: place for place, index in enumerate(thumbnails.jpegs)}
    return {
        "thumbnails": [base64.b64encode(jpeg).decode("ascii") for jpeg in thumbnails.jpegs.values()],
        "thumbnail": [
            [places.get(int(index), -1) for index in side[kept]] for side in (thumbnails.first, thumbnails.second)
        ],
    }
