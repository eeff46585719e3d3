"""Draw the pictures and print the tables of docs/why.md from the work directories of both series.

make reproduction ablation OPTIONS="--config.data.source=folder --config.data.dir=LFW"
python -m docs.pictures.why --reproduction=runs/reproduction --ablation=runs/ablation
"""

import argparse
import sys
from pathlib import Path

import matplotlib as mpl

from docs.pictures.why.ablation import draw_ablation
from docs.pictures.why.distances import draw_distances
from docs.pictures.why.margins import draw_margins
from docs.pictures.why.style import NEUTRAL, svg
from docs.pictures.why.tables import ablation_table, distance_table, seen_and_unseen_table
from docs.pictures.why.training import draw_training
from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.compared_runs import EvaluatedRun, read_evaluated_runs
from lfw_jax.evaluation.comparison.results import SCHEMA, ComparisonMetrics
from lfw_jax.training.history import read_history
from lfw_jax.typed_json import read_json

FOLDER = Path(__file__).parents[1]
EXPERIMENTS = {
    "siamese_contrastive": "1.1 Siamese network, random pairs",
    "resnet_contrastive": "1.2 random pairs",
    "contrastive_semihard": "2a semihard pairs",
    "margin_histogram": "2b margin loss",
    "arcface": "3 ArcFace",
}
BASELINE = "baseline"


def finished_runs(reproduction: Path, baseline: Path) -> dict[str, EvaluatedRun]:
    """Return the finished runs among the five experiments and the baseline, by the title of their panel.

    Raises:
      UserError: none is finished.
    """
    titles = {reproduction / name: title for name, title in EXPERIMENTS.items()} | {baseline: "the recipe of lfw_cpu"}
    runs, _ = read_evaluated_runs([folder for folder in titles if folder.is_dir()])
    return {titles[run.finished.folder]: run for run in runs}


def main() -> None:
    """Draw the four pictures into the folder of pictures, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reproduction", type=Path, default=Path("runs/reproduction"), help="of `make reproduction`")
    parser.add_argument("--ablation", type=Path, default=Path("runs/ablation"), help="of `make ablation`")
    parser.add_argument(
        "--baseline", type=Path, help="work directory beside the experiments; by default the ablation's"
    )
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of the pictures")
    flags = parser.parse_args()
    try:
        runs = finished_runs(flags.reproduction, flags.baseline or flags.ablation / BASELINE)
        metrics = read_json(
            flags.ablation / "compare" / "compare.json",
            ComparisonMetrics,
            schema=SCHEMA,
            remedy="`make ablation MINUTES=0` writes it.",
        )
        with mpl.rc_context(NEUTRAL):
            figures = {
                "distances": draw_distances(runs),
                "training": draw_training(
                    {title: read_history(run.finished.folder / "history.jsonl") for title, run in runs.items()}
                ),
                "margins": draw_margins(),
                "ablation": draw_ablation(metrics),
            }
            for name, figure in figures.items():
                (flags.output / f"why-{name}.svg").write_bytes(svg(figure))
        tables = distance_table(runs), seen_and_unseen_table(runs), ablation_table(metrics)
        print("\n\n".join("\n".join(table) for table in tables))
    except UserError as error:
        sys.exit(f"docs.pictures.why: {error}")


if __name__ == "__main__":
    main()
