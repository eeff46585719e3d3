"""`--mode=train` and `--mode=evaluate`: train a configuration, and evaluate a trained network."""

from ml_collections import ConfigDict

from lfw_jax.errors import UserError
from lfw_jax.faces.configured_descriptors import KINDS
from lfw_jax.jobs import descriptor_run, members_run, network_run
from lfw_jax.jobs.call import Call
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.standard_output import Deliver, ignored
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.jobs.workdir_lock import locked

# What is run for a `config.model.name`; every other name is that of a network.
_KINDS = {"members": members_run.run} | dict.fromkeys(KINDS, descriptor_run.run)


def train(request: Request) -> None:
    """Train, or resume, and evaluate at the end: `--mode=train`.

    Args:
      request: The flags and the configuration.

    Raises:
      UserError: As `run`.
    """
    run(
        request.config,
        str(request.folder),
        name=request.name,
        train=True,
        command=request.command,
        deliver=request.deliver,
    )


def evaluate(request: Request) -> None:
    """Evaluate the trained network of a work directory: `--mode=evaluate`.

    Args:
      request: The flags and the configuration.

    Raises:
      UserError: As `run`.
    """
    run(
        request.config,
        str(request.folder),
        name=request.name,
        train=False,
        command=request.command,
        deliver=request.deliver,
    )


def run(
    config: ConfigDict, directory: str, *, name: str, train: bool, command: str, deliver: Deliver = ignored
) -> None:
    """Train or resume if requested, then evaluate the configured checkpoint and write the results.

    Args:
      config: The configuration.
      directory: The work directory.
      name: The name of the configuration in reports.
      train: True to train before the evaluation. An evaluation alone builds no optimiser and no training state.
      command: The command line, for the report.
      deliver: Takes the result: the content of metrics.json, or, if training paused, that of `Paused`.

    Raises:
      UserError: If the configuration, the data or the work directory are invalid. An evaluation set that fails is reported
        after all other results are written.
    """
    workdir = Workdir(directory, config)
    if not train and not workdir.trained:
        raise UserError(f"--workdir: found no checkpoints in {directory}; train there first with --mode=train.")
    if not train and workdir.changes:
        raise UserError(
            f"{', '.join(sorted(workdir.changes))} changed, which only --mode=train can do. Give the configuration that "
            f"{directory} was trained with."
        )
    run_kind = _KINDS.get(config.model.name, network_run.run)
    with locked(workdir.path, "train" if train else "evaluate"):
        run_kind(Call(config, workdir, name, train, command, deliver))
