"""Error rates of all pairs of the images of a list, at FMRs too low for the listed pairs.

Two passes over blocks of constant memory. The first one counts the pairs in the bins of a histogram, from which the bins of the
wanted thresholds follow. The second one measures the pairs in and next to these bins again, in float64: thresholds and counts are
then exact, equal to those of all distances sorted. Only if a collapsed model puts more than `MOST_MEASURED` pairs into these
bins is a threshold the edge of its bin, and marked as not exact.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.error_rates import FALSE_MATCH_RATES, allowed_matches, counted_point, crossing, unmeasured_point
from lfw_jax.evaluation.pair_blocks import BINS, PairBlocks, bin_edges, pair_histogram
from lfw_jax.evaluation.rate_results import AllPairsResult, ErrorRatePoint, ErrorRates
from lfw_jax.evaluation.verification import pair_distances

MOST_MEASURED = 2_000_000
"""Most pairs that are measured again for one threshold."""

_PER_DECADE = 10  # points of the curve


_Histogram = tuple[Int[np.ndarray, "bins"], Int[np.ndarray, "bins"]]
"""Numbers of same pairs and of different pairs by bin."""


@dataclasses.dataclass(frozen=True)
class _Window:
    """The bins around a wanted threshold, outside of which the bin alone decides on which side of it a pair lies.

    Attributes:
      bin: the bin of the threshold.
      first: first bin of the window.
      last: last bin of the window.
      inside: number of pairs in the window.
      rate: the required FMR, if the threshold is wanted by its rank.
      rank: number of different pairs below the threshold, if they have distinct distances.
      threshold: the threshold, if it is given.
      label: its origin.
    """

    bin: int
    first: int
    last: int
    inside: int
    rate: float | None = None
    rank: int = 0
    threshold: float | None = None
    label: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class _Measured:
    """Pairs measured in float64, with their kinds and bins."""

    distances: Float[np.ndarray, "pairs"]
    same: Bool[np.ndarray, "pairs"]
    bins: Int[np.ndarray, "pairs"]


def all_pairs(
    images: EmbeddedImages,
    thresholds: Mapping[str, float] | None = None,
    rates: Sequence[float] = FALSE_MATCH_RATES,
    most_measured: int = MOST_MEASURED,
) -> AllPairsResult:
    """Return the error rates of all pairs of images: FNMR at given FMRs, and both at given thresholds.

    Args:
      images: the images; two with different names must show different identities.
      thresholds: given thresholds by their origin.
      rates: the required FMRs, as shares of the different pairs.
      most_measured: most pairs that are measured again for one threshold.

    Raises:
      ValueError: images without a same pair, or of one identity only.
    """
    blocks = PairBlocks(images)
    if not blocks.same_pairs or not blocks.different_pairs:
        raise ValueError(
            f"{images.name}: found {blocks.same_pairs} same and {blocks.different_pairs} different pairs, expected both"
        )
    histogram = pair_histogram(blocks)
    wanted = [_by_rank(rate, histogram, blocks) for rate in rates]
    given = [_by_threshold(label, value, histogram, blocks) for label, value in (thresholds or {}).items()]
    windows = [window for window in (*wanted, *given) if window and window.inside <= most_measured]
    measured = _measured(blocks, images, windows)
    points = tuple(
        _point(window, histogram, measured, exact=window.inside <= most_measured)
        if window
        else unmeasured_point(rate, blocks.different_pairs)
        for rate, window in zip(rates, wanted, strict=True)
    )
    chosen = tuple(_point(window, histogram, measured, exact=window.inside <= most_measured) for window in given)
    equal, at = crossing(bin_edges()[1:], *histogram)
    return AllPairsResult(
        images=len(images),
        identities=len(np.unique(blocks.labels)),
        rates=ErrorRates(blocks.same_pairs, blocks.different_pairs, equal, at, points),
        chosen=chosen,
        auc=_auc(*histogram),
        curve=_curve(*histogram),
    )


def _by_rank(rate: float, histogram: _Histogram, blocks: PairBlocks) -> _Window | None:
    """Return the window of the largest threshold with at most an FMR; None if the rate allows no false match."""
    allowed = allowed_matches(rate, blocks.different_pairs)
    if not allowed:
        return None
    index = int(np.searchsorted(np.cumsum(histogram[1]), allowed, side="right"))
    return _window(index, histogram, blocks.margin, rate=rate, rank=allowed)


def _by_threshold(label: str, threshold: float, histogram: _Histogram, blocks: PairBlocks) -> _Window:
    index = min(int(threshold**2 * BINS / 4), BINS - 1)
    return _window(index, histogram, blocks.margin, threshold=threshold, label=label)


def _window(index: int, histogram: _Histogram, margin: int, **wanted: Any) -> _Window:
    first, last = max(0, index - margin), min(BINS - 1, index + margin)
    inside = sum(int(counts[first : last + 1].sum()) for counts in histogram)
    return _Window(index, first, last, inside, **wanted)


def _point(window: _Window, histogram: _Histogram, measured: _Measured, *, exact: bool) -> ErrorRatePoint:
    """Return the error rates at the threshold of a window, from the pairs measured in it, or else from whole bins."""
    start = window.first if exact else window.bin
    below = [int(counts[:start].sum()) for counts in histogram]
    threshold = window.threshold
    if exact:
        inside = (measured.bins >= window.first) & (measured.bins <= window.last)
        kinds = [measured.distances[inside & kind] for kind in (measured.same, ~measured.same)]
        if threshold is None:
            threshold = float(np.partition(kinds[1], window.rank - below[1])[window.rank - below[1]])
        below = [count + int(np.sum(kind < threshold)) for count, kind in zip(below, kinds, strict=True)]
    elif threshold is None:
        threshold = float(bin_edges()[window.bin])
    found = counted_point(window.rate, threshold, *below, *(int(counts.sum()) for counts in histogram))
    return dataclasses.replace(found, exact=exact, label=window.label)


def _measured(blocks: PairBlocks, images: EmbeddedImages, windows: Sequence[_Window]) -> _Measured:
    """Return the pairs in the windows, measured in float64."""
    wanted = np.zeros(BINS, bool)
    for window in windows:
        wanted[window.first : window.last + 1] = True
    found = [(np.zeros(0), np.zeros(0, bool), np.zeros(0, np.int32))]
    for block in blocks if windows else ():
        chosen = wanted[block.bins]
        same = np.zeros_like(chosen)
        if block.mixed:
            same, different = blocks.kinds(block)
            chosen &= same | different
        rows, columns = np.nonzero(chosen)
        first, second = blocks.order[rows + block.rows], blocks.order[columns + block.columns]
        distances = pair_distances(images.embeddings, first, second)
        found.append((distances, same[rows, columns], block.bins[rows, columns].astype(np.int32)))
    return _Measured(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _auc(same: Int[np.ndarray, "bins"], different: Int[np.ndarray, "bins"]) -> float:
    """Return the area under the ROC curve, with pairs of one bin as ties."""
    farther = different.sum() - np.cumsum(different)
    won = float(np.dot(same.astype(np.float64), 2 * farther + different))
    return won / (2 * float(same.sum()) * float(different.sum()))


def _curve(same: Int[np.ndarray, "bins"], different: Int[np.ndarray, "bins"]) -> tuple[tuple[float, float], ...]:
    """Return the DET curve at bin edges, about ten points per decade of the FMR, without FMRs of 0 and 1."""
    below = np.cumsum(different)
    total, all_same = int(below[-1]), int(same.sum())
    levels = 10.0 ** (np.arange(-int(_PER_DECADE * np.log10(total)), 1) / _PER_DECADE)
    edges = np.unique(np.searchsorted(below, levels * total, side="right") - 1)
    edges = edges[(edges >= 0) & (below[edges] > 0) & (below[edges] < total)]
    rejected = all_same - np.cumsum(same)
    return tuple((int(below[edge]) / total, int(rejected[edge]) / all_same) for edge in edges)
