"""The AUC of unseen identities during training."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from docs.pictures.why.style import COLOURS, GREY
from lfw_jax.report.style import new_figure
from lfw_jax.training.history import HistoryRow, curve


def draw_training(histories: Mapping[str, Sequence[HistoryRow]]) -> Figure:
    """Draw the AUC on held-out identities over the training of each run, with its highest value marked.

    Args:
      histories: the rows of the history of each run, by the label of its line; at least one.
    """
    figure = new_figure(7.6, 3.4)
    axes = figure.subplots()
    for (label, rows), colour in zip(histories.items(), COLOURS, strict=False):
        last = rows[-1].step
        values = [(100 * step / last, auc) for step, auc in curve(rows, "validation_auc")]
        axes.plot(*zip(*values, strict=True), "o-", color=colour, markersize=3, linewidth=1.6, label=label)
        best = max(values, key=lambda value: value[1])
        axes.plot(*best, "o", color=colour, markersize=7, markerfacecolor="none")
    axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1.0)
    axes.text(1, 0.505, "chance", fontsize=8)
    axes.set(xlim=(0, 103), xlabel="share of the training, %", title="AUC on identities that are not trained on")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
