"""`--mode=combine`: the metrics over the folds of View 2, one model per fold."""

import json
from pathlib import Path

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import find_folders, read_view2_folds
from lfw_jax.evaluation.view2 import view2_metrics
from lfw_jax.jobs.config_keys import differing_keys
from lfw_jax.jobs.dispatch import Request
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.report.view2 import print_view2, write_view2_page
from lfw_jax.typed_json import to_json


def combine(request: Request) -> None:
    """Combine the folds of View 2 in the work directories `--input` into one result.

    It is written to `view2.json` and `view2.html` in the folder `--output`.

    Args:
      request: The flags; `--input` is a glob pattern such as `runs/fold*`, or several separated by commas.

    Raises:
      UserError: If `--output` is a file, a folder has no results, a fold is missing or given twice, or the configurations differ.
    """
    if not request.input or not request.output:
        raise UserError(
            "--mode=combine needs --input, a pattern of work directories such as 'runs/fold*', and --output, a folder."
        )
    output = Path(request.output)
    if output.is_file():
        raise UserError(f"--output: {output} is a file; expected a folder, or a name that is not taken.")
    runs = read_view2_folds(find_folders(request.input), differing_keys)
    metrics = view2_metrics(runs, command=request.command)
    with written_atomically(output / "view2.json", output / "view2.html", replace=True) as (metrics_file, page):
        metrics_file.write_text(json.dumps(to_json(metrics), indent=2) + "\n", encoding="utf-8")
        write_view2_page(page, runs, metrics)
    request.deliver(to_json(metrics))
    print_view2(metrics)
    print_lines(f"report: {output / 'view2.html'}")
