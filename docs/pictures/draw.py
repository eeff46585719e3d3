"""Draw the pictures of README.md.

    python launch.py --config=configs/quickstart.py --workdir=runs/quickstart      # `make demo`
    python docs/pictures/draw.py --run=runs/quickstart --faces=runs/synthetic

The faces are synthetic and show no real person.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image

from lfw_jax.evaluation.roc import roc_auc, roc_points
from lfw_jax.evaluation.scores import ScoredPairs, read_scores
from lfw_jax.evaluation.thresholds import best_accuracy
from lfw_jax.metric import compare, losses, miners
from lfw_jax.report.style import DIFFERENT_COLOUR, INK, MUTED, SAME_COLOUR, STYLE, figure_png, figure_svg, new_figure

FOLDER = Path(__file__).parent


def draw_demo(run: Path, faces: Path) -> Figure:
    """Draw example pairs, the distances of all pairs and the ROC curve of a run.

    Args:
      run: work directory of the run.
      faces: the folder of its synthetic faces.
    """
    lists = read_scores(run / "scores.npz")
    test, held_out = lists["test"], lists["held_out"]
    threshold = best_accuracy(held_out.distances, held_out.same)
    figure = new_figure(10.0, 3.5)
    examples, histogram, roc = figure.subplots(1, 3, width_ratios=(1.05, 1.5, 1.2))
    _draw_examples(examples, test, faces)
    edges = np.linspace(0, 2, 61)
    for wanted, name, colour in (
        (True, "same identity", SAME_COLOUR),
        (False, "different identities", DIFFERENT_COLOUR),
    ):
        values = test.distances[test.same == wanted]
        histogram.hist(values, edges, color=colour, alpha=0.7, label=f"{name} ({len(values)} pairs)")
    # The line ends below the legend.
    histogram.axvline(threshold, ymax=0.72, color=INK, linestyle="--", label="threshold of held-out identities")
    histogram.set(
        xlim=(0, 2), xlabel="distance of the two embeddings", ylabel="pairs", title="Distances of unseen identities"
    )
    histogram.legend(loc="upper left", fontsize=8)
    histogram.set_ylim(top=histogram.get_ylim()[1] * 1.45)
    far, tar = roc_points(test.distances, test.same)
    roc.plot(far, tar, color=SAME_COLOUR)
    roc.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
    accepted = test.distances < threshold
    roc.plot(np.mean(accepted[~test.same]), np.mean(accepted[test.same]), "o", color=INK)
    roc.set(
        xlim=(-0.01, 1), ylim=(0, 1.02), xlabel="false match rate", ylabel="true match rate",
        title=f"ROC: AUC {roc_auc(test.distances, test.same):.3f}",
    )  # fmt: skip
    for axis in (roc.xaxis, roc.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure


def _draw_examples(axes: Axes, test: ScoredPairs, faces: Path) -> None:
    """Two pairs of each kind: one of a middling distance and one that is hard."""
    assert test.identities is not None
    assert test.images is not None
    rows, captions = [], []
    for wanted in (True, False):
        order = np.flatnonzero(test.same == wanted)
        order = order[np.argsort(test.distances[order])]
        for place in (order[len(order) // 2], order[int(len(order) * (0.95 if wanted else 0.05))]):
            rows.append(
                np.concatenate(
                    [
                        np.asarray(Image.open(faces / name / f"{name}_{number:04d}.jpg").convert("RGB"))
                        for name, number in zip(test.identities[place], test.images[place].tolist(), strict=True)
                    ],
                    axis=1,
                )
            )
            captions.append(f"{'same' if wanted else 'different'}\n{test.distances[place]:.2f}")
    height, width = rows[0].shape[:2]
    axes.imshow(np.concatenate(rows), aspect="equal")
    for place, caption in enumerate(captions):
        axes.text(width * 1.05, height * (place + 0.5), caption, va="center", fontsize=8)
    axes.set_axis_off()
    axes.set_title("Pairs and distances")


def draw_core() -> Figure:
    """Draw what compare, mine and lose make of a small batch: the real values, of 4 identities with 3 images each."""
    labels = jnp.repeat(jnp.arange(4), 3)
    key_of_identity, key_of_image = jax.random.split(jax.random.key(5))
    embeddings = jax.random.normal(key_of_identity, (4, 6))[labels] + 0.7 * jax.random.normal(key_of_image, (12, 6))
    pairs = compare(embeddings, labels)
    weights = miners.triplet_margin(pairs, margin=0.2, kind="semihard")
    loss = float(losses.contrastive(pairs, weights))
    figure = new_figure(10.0, 3.4)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 0.75))
    _matrix(left, np.asarray(pairs.distances), "Greys_r", "compare: distance of each pair")
    counts = np.asarray(weights.positive) - np.asarray(weights.negative)
    largest = np.abs(counts).max()
    _matrix(middle, counts, mpl.colors.LinearSegmentedColormap.from_list("mine", [DIFFERENT_COLOUR, "white", SAME_COLOUR]),
            "mine: multiplicity of each pair", (-largest, largest))  # fmt: skip
    right.set_axis_off()
    right.set_title("lose: one scalar")
    right.text(0.5, 0.58, f"{loss:.3f}", ha="center", fontsize=28, transform=right.transAxes)
    right.text(
        0.5, 0.4, "contrastive loss of\nthe semihard triplets", ha="center", color=MUTED, transform=right.transAxes
    )
    calls = ("compare(embeddings, labels)", "miners.triplet_margin(pairs)", "losses.contrastive(pairs, weights)")
    for axes, call in zip((left, middle, right), calls, strict=True):
        axes.text(0.5, -0.08, call, ha="center", va="top", family="monospace", fontsize=8.5, transform=axes.transAxes)
    return figure


def _matrix(
    axes: Axes, values: np.ndarray, colours: object, title: str, limits: tuple[float, float] | None = None
) -> None:
    low, high = limits or (0.0, float(values.max()))
    axes.imshow(values, cmap=colours, vmin=low, vmax=high)
    for edge in (2.5, 5.5, 8.5):
        axes.axhline(edge, color=MUTED, linewidth=0.6)
        axes.axvline(edge, color=MUTED, linewidth=0.6)
    axes.set(xticks=[], yticks=[], title=title)
    axes.grid(False)
    if limits:
        for (row, column), value in np.ndenumerate(values):
            if value:
                axes.text(column, row, f"{abs(value):.0f}", ha="center", va="center", fontsize=7)


def main() -> None:
    """Draw both pictures into this folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/quickstart"), help="work directory of `make demo`")
    parser.add_argument("--faces", type=Path, default=Path("runs/synthetic"), help="folder of its synthetic faces")
    flags = parser.parse_args()
    with mpl.rc_context(STYLE):
        (FOLDER / "core.svg").write_bytes(figure_svg(draw_core()))
        (FOLDER / "demo.png").write_bytes(figure_png(draw_demo(flags.run, flags.faces), dpi=110))


if __name__ == "__main__":
    main()
