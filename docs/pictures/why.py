"""Draw the pictures of docs/why.md from the work directories of both series.

    make reproduction ablation OPTIONS="--config.data.source=folder --config.data.dir=LFW"
    python docs/pictures/why.py --reproduction=runs/reproduction --ablation=runs/ablation

The pictures have no background, and greys that are readable on a light and on a dark page.
"""

import argparse
import ast
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.compare import AUC, HELD_OUT
from lfw_jax.evaluation.comparison.compared_runs import EvaluatedRun, read_evaluated_runs
from lfw_jax.evaluation.comparison.results import SCHEMA, ComparisonMetrics, PairedDifference
from lfw_jax.evaluation.diagnosis.separation import separation
from lfw_jax.jobs import config_files
from lfw_jax.report.comparison.tables import SIGNIFICANT
from lfw_jax.report.style import DIFFERENT_COLOUR, MUTED, SAME_COLOUR, STYLE, new_figure
from lfw_jax.typed_json import read_json

FOLDER = Path(__file__).parent
EXPERIMENTS = {
    "siamese_contrastive": "1.1 Siamese network, random pairs",
    "resnet_contrastive": "1.2 random pairs",
    "contrastive_semihard": "2a semihard pairs",
    "margin_histogram": "2b margin loss",
    "arcface": "3 ArcFace",
}
BASELINE = "baseline"
_BINS = 40
_GREY = "#768390"  # contrast of about 4 to white and to GitHub's dark page
# Any, as STYLE is: the keys that a type checker knows depend on the version of matplotlib.
NEUTRAL = STYLE | {
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), _GREY),
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
    "grid.alpha": 0.25,
    "grid.color": _GREY,
    "svg.fonttype": "none",
}


def draw_distances(runs: Mapping[str, EvaluatedRun]) -> Figure:
    """Draw the distances of same and of different pairs of each run, as small multiples on one scale.

    Args:
      runs: the runs by the title of their panel; at least one.
    """
    columns = min(3, len(runs))
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
    axes.axvline(result.threshold, color=_GREY, linestyle="--", linewidth=1.2, label="threshold")
    found = separation(pairs.distances, pairs.same)
    d_prime = "–" if found.d_prime is None else f"{found.d_prime:.2f}"
    text = f"accuracy {100 * result.accuracy:.1f} %\nd′ {d_prime}\noverlap {100 * found.overlap:.0f} %"
    axes.text(0.03, 0.95, text, transform=axes.transAxes, va="top", fontsize=8.5, linespacing=1.4)
    axes.set(xlim=(edges[0], edges[-1]), yticks=[])
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])


def draw_ablation(metrics: ComparisonMetrics) -> Figure:
    """Draw the difference of each run to the baseline with its paired 95 % interval, the worst at the bottom.

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
    names = sorted(found[AUC], key=lambda name: found[AUC][name].difference)
    if not names:
        raise UserError(f"compare.json: found no run beside the baseline {reference}; expected at least one more.")
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


def _dots(axes: Axes, differences: Sequence[PairedDifference]) -> None:
    seeds = [100 * one.difference for one in differences if one.run.startswith("seed_")]
    if seeds:
        reach = max(map(abs, seeds))  # chance has no direction
        axes.axvspan(-reach, reach, color=_GREY, alpha=0.18, linewidth=0)
    axes.axvline(0.0, color=_GREY, linewidth=1.0)
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


def svg(figure: Figure) -> bytes:
    """Return a figure as the content of a small SVG file: without background, and with text as text.

    The same figure gives the same file.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return buffer.getvalue().replace(b"'DejaVu Sans'", b"'DejaVu Sans', Verdana, sans-serif")


def distances_of(reproduction: Path, baseline: Path) -> dict[str, EvaluatedRun]:
    """Return the finished runs among the five experiments and the baseline, by the title of their panel.

    Raises:
      UserError: none is finished.
    """
    titles = {reproduction / name: title for name, title in EXPERIMENTS.items()} | {baseline: "the recipe of lfw_cpu"}
    runs, _ = read_evaluated_runs([folder for folder in titles if folder.is_dir()])
    return {titles[run.finished.folder]: run for run in runs}


def main() -> None:
    """Draw both pictures into this folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reproduction", type=Path, default=Path("runs/reproduction"), help="of `make reproduction`")
    parser.add_argument("--ablation", type=Path, default=Path("runs/ablation"), help="of `make ablation`")
    parser.add_argument(
        "--baseline", type=Path, help="work directory beside the experiments; by default the ablation's"
    )
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of the pictures")
    flags = parser.parse_args()
    try:
        runs = distances_of(flags.reproduction, flags.baseline or flags.ablation / BASELINE)
        metrics = read_json(
            flags.ablation / "compare" / "compare.json",
            ComparisonMetrics,
            schema=SCHEMA,
            remedy="`make ablation MINUTES=0` writes it.",
        )
        with mpl.rc_context(NEUTRAL):
            (flags.output / "why-distances.svg").write_bytes(svg(draw_distances(runs)))
            (flags.output / "why-ablation.svg").write_bytes(svg(draw_ablation(metrics)))
    except UserError as error:
        sys.exit(f"why.py: {error}")


if __name__ == "__main__":
    main()
