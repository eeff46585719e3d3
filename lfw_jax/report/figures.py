"""Plots of a run as matplotlib figures, for TensorBoard: distances and ROC curve."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lfw_jax.evaluation.distance_range import are_unit_distances
from lfw_jax.evaluation.roc import roc_auc, roc_points
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.run_charts import EUCLIDEAN, OTHER_SCORES, distance_edges
from lfw_jax.report.style import DIFFERENT_COLOUR, INK, MUTED, SAME_COLOUR, STYLE, new_figure

_LINE_STYLES = ("-", "--", ":", "-.")
_PERCENT = FuncFormatter(lambda share, _: f"{100 * share:g} %")
# A false match rate that allows fewer false matches than this is too uncertain to mark.
_FEWEST_FALSE_MATCHES = 5


def distance_histograms(pairs: ScoredPairs, thresholds: Mapping[str, float]) -> Figure:
    """Plot the distances of same and of different pairs, with thresholds.

    The axis has the range of `run_charts.distance_edges`.

    Args:
      pairs: the scored pairs.
      thresholds: thresholds by their labels.
    """
    distances, same = pairs.distances, pairs.same
    edges = distance_edges(pairs)
    label = EUCLIDEAN if are_unit_distances(distances) else OTHER_SCORES
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.0, 3.8)
        axes = figure.add_subplot()
        _draw_group(axes, edges, distances[same], "same identity", SAME_COLOUR, None)
        _draw_group(axes, edges, distances[~same], "different identities", DIFFERENT_COLOUR, "////")
        for (rule, threshold), line in zip(thresholds.items(), _cycled(_LINE_STYLES, len(thresholds)), strict=True):
            axes.axvline(threshold, color=INK, linestyle=line, linewidth=1.5, label=f"{rule}: {threshold:.3f}")
        axes.set(xlim=(edges[0], edges[-1]), xlabel=label, ylabel=f"pairs per {edges[1] - edges[0]:.3f}")
        axes.set_ylim(bottom=0)
        legend_rows = -(-(2 + len(thresholds)) // 2)
        axes.set_title("Distances of same and different identities", pad=12 + 15 * legend_rows)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2)
    return figure


def roc_curve(pairs: ScoredPairs) -> Figure:
    """Plot the ROC curve: the true match rate against the false match rate, over all thresholds.

    The left panel has a linear axis, the right panel a logarithmic one. The title states the exact area under the curve, in
    which ties count half.

    Args:
      pairs: the scored pairs.
    """
    far, tar = roc_points(pairs.distances, pairs.same)
    different = int(np.sum(~pairs.same))
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.0, 3.9)
        linear, logarithmic = figure.subplots(1, 2)
        for axes in (linear, logarithmic):
            axes.plot(far, tar, color=SAME_COLOUR, zorder=3)
            axes.set(ylim=(0.0, 1.02), xlabel="false match rate (FMR)")
            axes.yaxis.set_major_formatter(_PERCENT)
        linear.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1.0)
        linear.text(0.56, 0.5, "guessing", color=MUTED, fontsize=9)
        linear.set(xlim=(-0.01, 1.0), ylabel="true match rate (TMR)")
        linear.xaxis.set_major_formatter(_PERCENT)
        linear.set_title(f"ROC curve: AUC {roc_auc(pairs.distances, pairs.same):.4f}")
        lowest = 10.0 ** np.floor(np.log10(1 / different)) if different > 1 else 0.1
        logarithmic.set_xscale("log")
        logarithmic.set_xlim(lowest, 1.0)
        logarithmic.xaxis.set_major_formatter(_PERCENT)
        logarithmic.set_title("The same on a logarithmic axis")
        for rate in (0.001, 0.01, 0.1):
            if rate * different >= _FEWEST_FALSE_MATCHES:
                _mark_rate(logarithmic, far, tar, rate)
    return figure


def _draw_group(
    axes: Axes, edges: np.ndarray, distances: np.ndarray, name: str, colour: str, hatch: str | None
) -> None:
    counts, _ = np.histogram(distances, edges)
    label = f"{name} ({counts.sum():,} pairs)"
    axes.stairs(counts, edges, fill=True, facecolor=colour, alpha=0.65, hatch=hatch, edgecolor="white", label=label)
    if (filled := np.flatnonzero(counts)).size:
        start, end = filled[0], filled[-1] + 1
        axes.stairs(counts[start:end], edges[start : end + 1], color=colour, linewidth=1.2)


def _mark_rate(axes: Axes, far: np.ndarray, tar: np.ndarray, rate: float) -> None:
    # The greatest rate that a threshold reaches: the last corner that does not exceed the false match rate.
    reached = tar[np.searchsorted(far, rate, side="right") - 1]
    axes.plot(rate, reached, marker="o", color=INK, markersize=5, zorder=4)
    axes.annotate(f"{100 * reached:.1f} %", (rate, reached), (6, -12), textcoords="offset points", fontsize=9)


def _cycled(items: Sequence[str], count: int) -> list[str]:
    return [items[i % len(items)] for i in range(count)]
