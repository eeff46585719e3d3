"""The distances of same and of different pairs of several runs."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs.pictures.why.style import GREY
from lfw_jax.evaluation.comparison.compared_runs import EvaluatedRun
from lfw_jax.evaluation.diagnosis.separation import separation
from lfw_jax.report.style import DIFFERENT_COLOUR, SAME_COLOUR, new_figure

_BINS = 40


def draw_distances(runs: Mapping[str, EvaluatedRun]) -> Figure:
    """Draw the distances of same and of different pairs of each run, as small multiples on one scale.

    Args:
      runs: the runs by the title of their panel; at least one.
    """
    columns = 2 if len(runs) == 4 else min(3, len(runs))
    rows = -(-len(runs) // columns)
    figure = new_figure(3.4 * columns, 2.3 * rows + 0.4)
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    top = max(2.0, *(float(run.decisions.pairs.distances.max()) for run in runs.values()))
    for axes, (title, run) in zip(panels, runs.items(), strict=False):
        _histograms(axes, run, np.linspace(0.0, top, _BINS + 1))
        axes.set_title(title)
    for axes in panels[len(runs) :]:
        axes.set_axis_off()
    for axes in panels[max(0, len(runs) - columns) : len(runs)]:
        axes.set_xlabel("distance of the two embeddings")
        axes.tick_params(labelbottom=True)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _histograms(axes: Axes, run: EvaluatedRun, edges: np.ndarray) -> None:
    pairs, test = run.decisions.pairs, run.finished.test
    for same, name, colour in (
        (True, "same identity", SAME_COLOUR),
        (False, "different identities", DIFFERENT_COLOUR),
    ):
        counts, _ = np.histogram(pairs.distances[pairs.same == same], edges)
        shares = counts / counts.sum()
        axes.stairs(shares, edges, fill=True, color=colour, alpha=0.55, label=name)
        axes.stairs(shares, edges, color=colour, linewidth=1.0)
    result = test.held_out_threshold or test.by_rule("accuracy")
    # The line ends below the text.
    axes.axvline(result.threshold, ymax=0.66, color=GREY, linestyle="--", linewidth=1.2, label="threshold")
    found = separation(pairs.distances, pairs.same)
    d_prime = "–" if found.d_prime is None else f"{found.d_prime:.2f}"
    text = f"accuracy {100 * result.accuracy:.1f} %\nd′ {d_prime}\noverlap {100 * found.overlap:.0f} %"
    axes.text(0.03, 0.95, text, transform=axes.transAxes, va="top", fontsize=8.5, linespacing=1.4)
    axes.set(xlim=(edges[0], edges[-1]), yticks=[])
    axes.set_ylim(top=1.55 * axes.get_ylim()[1])  # above the bars, for the text
