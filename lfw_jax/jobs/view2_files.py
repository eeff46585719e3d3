"""The result over the folds of View 2: `view2.json`, `view2.html` and the terminal."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lfw_jax.atomic_files import written_atomically
from lfw_jax.evaluation.finished_runs import FinishedRun
from lfw_jax.evaluation.view2 import view2_metrics
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.report.view2 import print_view2, write_view2_page
from lfw_jax.typed_json import to_json

FILES = ("view2.json", "view2.html")


def write_view2(runs: Sequence[FinishedRun], folder: Path, *, command: str) -> Any:
    """Write the metrics over the folds of View 2 atomically, and print them.

    Args:
      runs: at least two runs, one per fold, in the order of the folds.
      folder: the folder of `FILES`.
      command: the command line that reproduces them.

    Returns:
      The content of `view2.json`.
    """
    metrics = view2_metrics(runs, command=command)
    content = to_json(metrics)
    with written_atomically(*(folder / name for name in FILES), replace=True) as (metrics_file, page):
        metrics_file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        write_view2_page(page, runs, metrics)
    print_view2(metrics)
    print_lines(f"report: {folder / FILES[1]}")
    return content
