"""`--mode=combine`: the metrics over the folds of View 2, one model per fold."""

from pathlib import Path

from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import find_folders, read_view2_folds
from lfw_jax.jobs.config_keys import differing_keys
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.view2_files import write_view2


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
    request.deliver(write_view2(runs, output, command=request.command))
