"""Keep finished runs in the repository, without names, paths and models.

    python docs/results/keep_runs.py --workdir=runs/view2/descriptors_jb --output=docs/results/view2/descriptors_jb
    python docs/results/keep_runs.py --workdir=runs/ablation --output=docs/results/ablation

Each finished run directly below the work directory, such as a fold of a cross-validation or a run of a series, gets a folder with
`config.json`, `history.jsonl` if it was trained, `metrics.json` without the parts that name identities, and `scores.npz` with the
distance, the kind and the anonymous identities of every pair in the order of the list. Copied into a work directory, such a run
counts as finished: `--mode=crossvalidate` and `benchmarks.series` continue with the others, and `--mode=compare` reads it.
"""

import argparse
import copy
import dataclasses
import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from lfw_jax.errors import UserError
from lfw_jax.evaluation.diagnosis.results import DiagnosisResult
from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.evaluation.scores import ScoredPairs, read_scores, write_scores
from lfw_jax.typed_json import to_json

_PATHS = ("dir", "lists_dir", "align_dir")
_DIGITS = 5
_HISTORY = "history.jsonl"
_PATH = re.compile(r'["=]([/~][^" ]*)')


def main() -> None:
    """Keep the finished runs of `--workdir` in `--output`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=Path, required=True, help="folder of the runs, or of the folds")
    parser.add_argument("--output", type=Path, required=True, help="folder for the kept runs")
    given = parser.parse_args()
    try:
        for folder in sorted(given.workdir.iterdir()):
            if (folder / "metrics.json").is_file():
                keep(folder, given.output / folder.name)
    except UserError as error:
        sys.exit(f"keep_runs.py: {error}")


def keep(folder: Path, output: Path) -> None:
    """Write one run.

    Args:
      folder: its work directory.
      output: the new folder.

    Raises:
      UserError: the run cannot be read, or has a path beside those of its data, such as one of an evaluation set.
    """
    run = read_finished_run(folder)
    diagnosis = run.metrics.diagnosis and _without_names(run.metrics.diagnosis)
    command = public_command(run.metrics.command)
    metrics = dataclasses.replace(run.metrics, command=command, notes=(), diagnosis=diagnosis, identification=None)
    contents = {"config.json": _public_config(run.config), "metrics.json": to_json(metrics)}
    texts = {name: json.dumps(content, indent=1) + "\n" for name, content in contents.items()}
    for name, text in texts.items():
        if path := _PATH.search(text):
            raise UserError(
                f"{folder / name}: found the path {path[1]}, expected none. Keep a run without that option."
            )
    output.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (output / name).write_text(text)
    scores = {role: anonymous(pairs) for role, pairs in read_scores(folder / "scores.npz").items()}
    write_scores(output / "scores.npz", scores)
    if (folder / _HISTORY).is_file():
        shutil.copyfile(folder / _HISTORY, output / _HISTORY)


def public_command(command: str) -> str:
    """Return a command line without work directory and time limit, and with LFW for its folder.

    Args:
      command: the command line of a run.
    """
    words = []
    for word in shlex.split(command):
        key, _, value = word.partition("=")
        if key in ("--workdir", "--config.training.max_minutes"):
            continue
        if key.startswith("--config.data.") and key.rpartition(".")[2] in _PATHS and value:
            word = f"{key}=LFW"
        words.append(word)
    return shlex.join(words)


def anonymous(pairs: ScoredPairs) -> ScoredPairs:
    """Return pairs with numbers for the names of identities, in alphabetical order.

    Runs on the same list get the same numbers, and resamples of the identities stay the same.

    Args:
      pairs: the pairs of a list.
    """
    if pairs.identities is None:
        return pairs
    _, numbers = np.unique(pairs.identities, return_inverse=True)
    return dataclasses.replace(pairs, identities=np.char.zfill(numbers.reshape(-1, 2).astype(str), _DIGITS))


def _without_names(diagnosis: DiagnosisResult) -> DiagnosisResult:
    errors = dataclasses.replace(diagnosis.label_errors, images=())
    return dataclasses.replace(diagnosis, paragraph="", findings=(), identities=None, label_errors=errors)


def _public_config(config: dict[str, Any]) -> dict[str, Any]:
    public = copy.deepcopy(config)
    for part in [public, *(public.get("members") or {}).values()]:
        part["data"] |= dict.fromkeys(_PATHS, "") | {"dir": "LFW"}
    return public


if __name__ == "__main__":
    main()
