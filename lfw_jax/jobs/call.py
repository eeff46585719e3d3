"""One call of `--mode=train` or `--mode=evaluate`, in its work directory."""

import dataclasses

from ml_collections import ConfigDict

from lfw_jax.data.protocols.data_record import record_of
from lfw_jax.data.protocols.splits import Split
from lfw_jax.jobs.run_data import RunData
from lfw_jax.jobs.standard_output import Deliver
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.report.terminal_text import print_notes


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """The request of one run.

    Attributes:
      config: the configuration.
      workdir: the work directory, which no other process uses.
      name: the name of the configuration in reports.
      train: true to train, or to continue, before the evaluation.
      command: the command line, for the report.
      deliver: takes the result: the content of metrics.json, or, if training paused, that of `Paused`.
      member: true for a member of a fused system. Evaluation sets and identification protocols, which it has in common with the
        whole, are evaluated with the fusion only.
    """

    config: ConfigDict
    workdir: Workdir
    name: str
    train: bool
    command: str
    deliver: Deliver
    member: bool = False

    def evaluated(self, data: RunData) -> RunData:
        """Return the data that the run is evaluated on.

        Args:
          data: its data.
        """
        return data.without_sets() if self.member else data


@dataclasses.dataclass(frozen=True)
class Paused:
    """A training that paused before its end, which `--json` prints in place of metrics.

    Attributes:
      paused: true.
      workdir: its work directory.
      step: number of steps taken and saved.
      total_steps: number of steps at the end of the training.
    """

    paused: bool
    workdir: str
    step: int
    total_steps: int


def check_data(data: RunData, workdir: Workdir) -> None:
    """Check that the data of a work directory are those that it began with, and print notes on them.

    Args:
      data: the data.
      workdir: the work directory.

    Raises:
      UserError: the data differ, or the record of the data cannot be read or written.
    """
    plan = data.evaluation_plan
    for note in workdir.check_data(record_of(data.split, plan.sets, plan.identification)):
        print_notes(note)


def print_split(split: Split) -> None:
    """Print what was excluded from the data.

    Args:
      split: the split.
    """
    for note in split.notes:
        print_notes(note)
    if skipped := split.source.skipped:
        files = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
        print_notes(f"{files} skipped as not readable, the first: {skipped[0].path}: {skipped[0].reason}")
