"""A run of several members, each trained in a work directory of its own, whose scores are fused."""

import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import read_embeddings
from lfw_jax.evaluation.finished_runs import FinishedRun, read_finished_run
from lfw_jax.evaluation.fusion.members import members_result
from lfw_jax.evaluation.fusion.results import MembersResult
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.evaluation.scores import ScoredPairs, read_scores
from lfw_jax.inference.fused import FusedMember, FusedRepresentation, known_embeddings
from lfw_jax.inference.representation import Representation
from lfw_jax.jobs import descriptor_run, network_run
from lfw_jax.jobs.call import Call, check_data, print_split
from lfw_jax.jobs.completion import evaluated_early
from lfw_jax.jobs.descriptor_settings import KINDS
from lfw_jax.jobs.evaluation import evaluate_and_write
from lfw_jax.jobs.experiment import build_experiment, checked_network
from lfw_jax.jobs.fusion_file import FUSION, RULES, SavedFusion, fuse, write_fusion
from lfw_jax.jobs.member_configs import member_configs
from lfw_jax.jobs.results import Run
from lfw_jax.jobs.run_data import read_run_data
from lfw_jax.jobs.system import System
from lfw_jax.jobs.without_effect import STEPS, refuse_without_effect
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.jobs.workdir_lock import locked
from lfw_jax.report.terminal_text import print_lines, print_notes

_FILES = ("metrics.json", "scores.npz", "embeddings.npz")


def member_folder(workdir: Path, name: str) -> Path:
    """Return the work directory of a member.

    Args:
      workdir: that of the fused system.
      name: the member.
    """
    return workdir / "members" / name


def run(call: Call) -> None:
    """Train the members one after the other, fuse them, evaluate and write the results.

    A member that is finished is left as it is, unless the call is to evaluate.

    Args:
      call: the request.

    Raises:
      UserError: the configuration, the data or a work directory are invalid.
    """
    config, workdir = call.config, call.workdir
    members = checked_members(config)
    data = read_run_data(config, workdir.path, jax.local_devices())
    print_split(data.split)
    check_data(data, workdir)
    if not workdir.begun:
        data.write_beginning(workdir.path)
    workdir.begin()
    if not _run_members(call, members):
        return
    folders = {name: member_folder(workdir.path, name) for name in members}
    scores = {name: read_scores(folder / "scores.npz") for name, folder in folders.items()}
    fitted_on = "held_out" if data.split.validation is not data.split.development else "development"
    fusion = fuse(config.fusion.name, {name: lists[fitted_on] for name, lists in scores.items()})
    write_fusion(workdir.path / FUSION, fusion)
    finished = {name: read_finished_run(folder) for name, folder in folders.items()}
    fused = FusedRepresentation(
        {name: _member(members[name], finished[name]) for name in members}, dict(fusion.weights)
    )
    evaluate_and_write(
        Run(call.name, call.command, workdir, data, _described(fusion, list(finished.values()), fused), "last", 0),
        fused,
        call.deliver,
        members=partial(_members_result, scores, fusion, fitted_on, config.seed),
    )


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


def _check_member(name: str, config: ConfigDict) -> None:
    try:
        if config.model.name in KINDS:
            descriptor_run.check_descriptors(config)
        else:
            checked_network(config)
    except UserError as error:
        raise UserError(str(error).replace("--config.", f"--config.members.{name}.")) from error


def _run_members(call: Call, members: Mapping[str, ConfigDict]) -> bool:
    """Train and evaluate the members that are not finished. Return false if one paused before its end."""
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
            kind(dataclasses.replace(call, config=config, workdir=workdir, name=name, deliver=delivered.append))
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


def _member(config: ConfigDict, run_of: FinishedRun) -> FusedMember:
    known = known_embeddings(read_embeddings(run_of.folder / "embeddings.npz"))
    views = run_of.metrics.views
    return FusedMember(views.flip, views.shift, partial(_load, config, run_of.folder), known)


def _load(config: ConfigDict, folder: Path) -> tuple[Representation, Sequence[ImageSet]]:
    """Return the representation of a member and its image sets."""
    workdir = Workdir(folder, config)
    if config.model.name in KINDS:
        data = read_run_data(config, folder, jax.local_devices())
        representation, _ = descriptor_run.fitted_descriptors(data, workdir, fit=False)
    else:
        data = build_experiment(config, folder)
        representation = network_run.load(data, workdir)
    return representation, (data.split.source, *data.split.external.values())


def _described(fusion: SavedFusion, finished: Sequence[FinishedRun], fused: FusedRepresentation) -> System:
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in fusion.weights.items())
    print_notes(f"weights of the members' cosines ({fusion.rule}): {weights}")
    parameters = [run_of.metrics.parameters or 0 for run_of in finished]
    return System(
        objective=f"fusion of {', '.join(fusion.weights)}",
        sampling="that of each member",
        views=Views(flip=fused.flip, shift=fused.shift),
        parameters=sum(parameters) or None,
        seconds=sum(run_of.metrics.training_seconds for run_of in finished),
    )


def _members_result(
    members: Mapping[str, Mapping[str, ScoredPairs]],
    fusion: SavedFusion,
    fitted_on: str,
    seed: int,
    fused: Mapping[str, ScoredPairs],
) -> MembersResult:
    return members_result(
        {name: lists["test"] for name, lists in members.items()},
        fused["test"],
        fusion.weights,
        held_out={name: lists[fitted_on] for name, lists in members.items()},
        fused_held_out=fused[fitted_on],
        seed=seed,
    )
