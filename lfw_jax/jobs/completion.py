"""The check whether an evaluated run was trained to its end."""

from ml_collections import ConfigDict

from lfw_jax.evaluation.finished_runs import FinishedRun
from lfw_jax.training.build import total_steps
from lfw_jax.training.history import HistoryRow


def evaluated_early(run: FinishedRun, last: HistoryRow, config: ConfigDict) -> bool:
    """Return true if a run was evaluated before the end of its training.

    Args:
      run: the run.
      last: the last row of its history.
      config: its configuration.
    """
    steps_per_epoch = round(last.step / last.epoch) if last.epoch else 0
    if steps_per_epoch and last.step < total_steps(config, steps_per_epoch):
        return True
    return run.metrics.checkpoint == "last" and run.metrics.step < last.step
