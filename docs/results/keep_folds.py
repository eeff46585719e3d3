"""Keep the finished folds of a cross-validation in the repository, without names, paths and models.

    python docs/results/keep_folds.py --workdir=runs/view2/descriptors_jb --output=docs/results/view2/descriptors_jb

Each fold gets a folder with `config.json`, `metrics.json` without the parts that name identities, and `scores.npz` with the
distance and the kind of every pair in the order of the list. Copied into a work directory, such a fold counts as finished, so
that `--mode=crossvalidate` continues with the others.
"""

import argparse
import dataclasses
import json
from pathlib import Path

from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.evaluation.scores import ScoredPairs, read_scores, write_scores
from lfw_jax.typed_json import to_json

_PATHS = ("dir", "lists_dir", "align_dir")


def main() -> None:
    """Keep the finished folds of `--workdir` in `--output`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=Path, required=True, help="work directory of the cross-validation")
    parser.add_argument("--output", type=Path, required=True, help="folder for the folds")
    given = parser.parse_args()
    for folder in sorted(given.workdir.glob("fold_*")):
        if (folder / "metrics.json").is_file():
            keep(folder, given.output / folder.name)


def keep(folder: Path, output: Path) -> None:
    """Write one fold.

    Args:
      folder: its work directory.
      output: the new folder.
    """
    run = read_finished_run(folder)
    config = json.loads(json.dumps(run.config))
    config["data"] |= dict.fromkeys(_PATHS, "") | {"dir": "LFW"}
    options = "--config.data.source=folder --config.data.dir=LFW"
    command = f"python launch.py --mode=crossvalidate --config={run.metrics.config} {options}"
    metrics = dataclasses.replace(run.metrics, command=command, notes=(), diagnosis=None, identification=None)
    output.mkdir(parents=True, exist_ok=True)
    (output / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (output / "metrics.json").write_text(json.dumps(to_json(metrics), indent=1) + "\n")
    scores = {role: _without_names(pairs) for role, pairs in read_scores(folder / "scores.npz").items()}
    write_scores(output / "scores.npz", scores)


def _without_names(pairs: ScoredPairs) -> ScoredPairs:
    return dataclasses.replace(pairs, identities=None, images=None, named=False)


if __name__ == "__main__":
    main()
