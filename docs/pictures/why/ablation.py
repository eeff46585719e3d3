"""The differences of the runs of an ablation to their baseline."""

import ast
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs.pictures.why.style import GREY
from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.compare import AUC, HELD_OUT
from lfw_jax.evaluation.comparison.results import ComparisonMetrics, PairedDifference
from lfw_jax.jobs import config_files
from lfw_jax.report.comparison.tables import SIGNIFICANT
from lfw_jax.report.style import DIFFERENT_COLOUR, MUTED, SAME_COLOUR, new_figure


def draw_ablation(metrics: ComparisonMetrics) -> Figure:
    """Draw the difference of each run to the baseline with its paired 95 % interval, the worst at the bottom.

    Args:
      metrics: the comparison, whose first run is the baseline.

    Raises:
      UserError: it has no difference to the baseline.
    """
    found = differences_to_baseline(metrics)
    names = sorted(found[AUC], key=lambda name: found[AUC][name].difference)
    panels = [measure for measure, differences in found.items() if len(differences) == len(names)]
    figure = new_figure(9.2, 0.29 * len(names) + 1.3)
    drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    titles = {AUC: "AUC × 100", HELD_OUT: "accuracy, points"}
    for axes, measure in zip(drawn, panels, strict=True):
        _dots(axes, [found[measure][name] for name in names])
        axes.set_title(titles[measure])
    configs = {run.name: run.config for run in metrics.runs}
    drawn[0].set_yticks(range(len(names)), [label_of(configs[name], name) for name in names], fontsize=9)
    figure.supxlabel(
        f"run − baseline with paired 95 % interval; grey: within noise; band: as far as other seeds of the baseline\n"
        f"{metrics.pairs:,} pairs of {metrics.list}",
        fontsize=9,
    )
    return figure


def differences_to_baseline(metrics: ComparisonMetrics) -> dict[str, dict[str, PairedDifference]]:
    """Return the differences of all runs to the first one: by measure, then by run.

    Args:
      metrics: the comparison, whose first run is the baseline.

    Raises:
      UserError: it has no difference to the baseline.
    """
    reference = metrics.runs[0].name
    found = {
        measure: {one.run: one for one in metrics.differences if (one.measure, one.reference) == (measure, reference)}
        for measure in (AUC, HELD_OUT)
    }
    if not found[AUC]:
        raise UserError(f"compare.json: found no run beside the baseline {reference}; expected at least one more.")
    return found


def _dots(axes: Axes, differences: Sequence[PairedDifference]) -> None:
    seeds = [100 * one.difference for one in differences if one.run.startswith("seed_")]
    if seeds:
        reach = max(map(abs, seeds))  # chance has no direction
        axes.axvspan(-reach, reach, color=GREY, alpha=0.18, linewidth=0)
    axes.axvline(0.0, color=GREY, linewidth=1.0)
    for place, one in enumerate(differences):
        colour = (
            MUTED if one.adjusted_p_value >= SIGNIFICANT else SAME_COLOUR if one.difference > 0 else DIFFERENT_COLOUR
        )
        axes.plot([100 * end for end in one.interval], [place, place], color=colour, linewidth=1.6)
        axes.plot(100 * one.difference, place, "o", color=colour, markersize=5)
    axes.set_ylim(-0.7, len(differences) - 0.3)
    axes.grid(axis="y", visible=False)


def label_of(config: str, name: str) -> str:
    """Return the first line of a configuration without its full stop, or the name of the run if there is no such file.

    Args:
      config: name of the configuration.
      name: name of the run.
    """
    path = config_files.of_name(config)
    if not path.is_file():
        return name
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or name
    return words.splitlines()[0].rstrip(".")
