"""The members of a fused system: each is trained and evaluated in a work directory of its own."""

import dataclasses
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.data.duplicates.leakage import comparable_name
from lfw_jax.data.protocols.partition import EXCLUDED, read_excluded
from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.faces.configured_descriptors import KINDS
from lfw_jax.jobs import descriptor_run, network_run
from lfw_jax.jobs.call import Call
from lfw_jax.jobs.completion import evaluated_early
from lfw_jax.jobs.experiment import checked_network
from lfw_jax.jobs.fusion_file import RULES
from lfw_jax.jobs.member_configs import member_configs
from lfw_jax.jobs.run_data import RunData
from lfw_jax.jobs.without_effect import STEPS, refuse_without_effect
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.jobs.workdir_lock import locked
from lfw_jax.report.terminal_text import print_lines

_FILES = ("metrics.json", "scores.npz", "embeddings.npz")


def member_folder(workdir: Path, name: str) -> Path:
    """Return the work directory of a member.

    Args:
      workdir: that of the fused system.
      name: the member.
    """
    return workdir / "members" / name


def checked_members(config: ConfigDict) -> dict[str, ConfigDict]:
    """Return the configuration of each member, after all checks that need no data.

    Args:
      config: the configuration of the fused system.

    Raises:
      UserError: a value that no training and no evaluation can use, of the whole or of a member.
    """
    if config.fusion.name not in RULES or len(config.fusion) > 1:
        raise UserError(
            f"--config.fusion is {config.fusion.to_dict()}; expected a name, {' or '.join(RULES)}, and no other option."
        )
    for group in ("backend", "loss", "miner"):
        if config[group].name != "none":
            raise UserError(
                f"--config.{group}.name is '{config[group].name}', but it belongs to the members; set it to none, and that of a "
                f"member by --config.members.NAME.{group}."
            )
    keys = (*STEPS, "evaluation.flip", "evaluation.shift", "evaluation.checkpoint")
    refuse_without_effect(config, keys, "it belongs to the members (--config.members.NAME)")
    members = member_configs(config)
    for name, member in members.items():
        _check_member(name, member)
    return members


def begin_members(workdir: Path, members: Mapping[str, ConfigDict], data: RunData) -> None:
    """Begin the work directories of the members that have none.

    They get the exclusions and the learned alignment of the whole, whatever the evaluation sets are now.

    Args:
      workdir: the work directory of the whole, which has begun.
      members: the configuration of each member.
      data: the data of the whole.

    Raises:
      UserError: a member that was trained before excludes other identities than the whole, or a folder cannot be written.
    """
    for name, config in members.items():
        inner = Workdir(member_folder(workdir, name), config)
        if not inner.begun:
            data.write_beginning(inner.path)
            inner.begin()
            continue
        ours, theirs = (_names(excluded) for excluded in (data.evaluation_plan.excluded, read_excluded(inner.path)))
        if ours != theirs:
            raise UserError(
                f"{inner.path / EXCLUDED}: found {len(theirs)} identities that are excluded from training because of evaluation "
                f"sets, expected the {len(ours)} of the whole. Begin the whole with the evaluation sets that the member began "
                "with, or train the member again in another folder."
            )


def _names(excluded: Mapping[str, list[str]]) -> set[str]:
    return {comparable_name(name) for names in excluded.values() for name in names}


def _check_member(name: str, config: ConfigDict) -> None:
    try:
        if config.model.name in KINDS:
            descriptor_run.check_descriptors(config)
        else:
            checked_network(config)
    except UserError as error:
        raise UserError(str(error).replace("--config.", f"--config.members.{name}.")) from error


def run_members(call: Call, members: Mapping[str, ConfigDict]) -> bool:
    """Train and evaluate the members that are not finished, one after the other.

    Args:
      call: the request for the whole.
      members: the configuration of each member.

    Returns:
      False if a member paused before its end.

    Raises:
      UserError: the configuration, the data or the work directory of a member are invalid.
    """
    began, limit = time.monotonic(), call.config.training.max_minutes
    for number, (name, config) in enumerate(members.items(), 1):
        workdir = Workdir(member_folder(call.workdir.path, name), config)
        if call.train and _is_finished(workdir, config):
            print_lines(f"member {number} of {len(members)}, {name}: finished before")
            continue
        print_lines(f"member {number} of {len(members)}, {name}: {workdir.path}")
        if limit:
            left = limit - (time.monotonic() - began) / 60
            config.training.max_minutes = max(left, 0.01)
        delivered: list[Any] = []
        kind = descriptor_run.run if config.model.name in KINDS else network_run.run
        with locked(workdir.path, "train" if call.train else "evaluate"):
            kind(
                dataclasses.replace(
                    call, config=config, workdir=workdir, name=name, deliver=delivered.append, member=True
                )
            )
        if delivered and delivered[-1].get("paused"):
            call.deliver(delivered[-1])
            print_lines(f"paused in member {number} of {len(members)}, {name}; the same command continues")
            return False
    return True


def _is_finished(workdir: Workdir, config: ConfigDict) -> bool:
    """Return true if a member was trained to its end and evaluated with the settings of its configuration."""
    if not all((workdir.path / file).is_file() for file in _FILES):
        return False
    found, rows = read_finished_run(workdir.path), workdir.history(sys.maxsize)
    wanted = Views(flip=config.evaluation.flip, shift=config.evaluation.shift)
    if found.metrics.views != wanted or (rows and evaluated_early(found, rows[-1], config)):
        return False
    return not rows or found.metrics.checkpoint == config.evaluation.checkpoint
