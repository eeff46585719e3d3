"""A run of several members, each trained in a work directory of its own, whose scores are fused."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import jax
from ml_collections import ConfigDict

from lfw_jax.evaluation.embeddings import read_embeddings
from lfw_jax.evaluation.finished_runs import FinishedRun, read_finished_run
from lfw_jax.evaluation.fusion.members import members_result
from lfw_jax.evaluation.fusion.results import MembersResult
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.evaluation.scores import ScoredPairs, read_scores
from lfw_jax.faces.configured_descriptors import KINDS
from lfw_jax.inference.fused import FusedEmbedder, FusedMember, MemberData
from lfw_jax.jobs import descriptor_run, network_run
from lfw_jax.jobs.call import Call, check_data, print_split
from lfw_jax.jobs.evaluation import evaluate_and_write
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.fusion_file import FUSION, SavedFusion, fuse, write_fusion
from lfw_jax.jobs.member_training import begin_members, checked_members, member_folder, run_members
from lfw_jax.jobs.results import Run
from lfw_jax.jobs.run_data import read_run_data
from lfw_jax.jobs.saved_model import saved_members
from lfw_jax.jobs.system import System
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.report.terminal_text import print_notes


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
    begin_members(workdir.path, members, data)
    if not run_members(call, members):
        return
    folders = {name: member_folder(workdir.path, name) for name in members}
    scores = {name: read_scores(folder / "scores.npz") for name, folder in folders.items()}
    fitted_on = "held_out" if data.split.validation is not data.split.development else "development"
    fusion = fuse(config.fusion.name, {name: lists[fitted_on] for name, lists in scores.items()})
    write_fusion(workdir.path / FUSION, fusion)
    finished = {name: read_finished_run(folder) for name, folder in folders.items()}
    fused = FusedEmbedder({name: _member(members[name], finished[name]) for name in members}, dict(fusion.weights))
    evaluate_and_write(
        Run(call.name, call.command, workdir, data, _described(fusion, list(finished.values()), fused), "last", 0),
        fused,
        call.deliver,
        system=saved_members(config, folders, fusion.weights, flip=fused.flip, shift=fused.shift),
        members=partial(_members_result, scores, fusion, fitted_on, config.seed),
    )


def _member(config: ConfigDict, run_of: FinishedRun) -> FusedMember:
    known, views = read_embeddings(run_of.folder / "embeddings.npz"), run_of.metrics.views
    return FusedMember(views.flip, views.shift, partial(_load, config, run_of.folder), known)


def _load(config: ConfigDict, folder: Path) -> MemberData:
    """Return the data as a member sees them, and what embeds them."""
    workdir = Workdir(folder, config)
    if config.model.name in KINDS:
        data = read_run_data(config, folder, jax.local_devices())
        representation, _ = descriptor_run.fitted_descriptors(data, workdir, fit=False)
    else:
        data = build_experiment(config, folder)
        representation = network_run.load(data, workdir)
    return MemberData(data.embedded_by(representation), data.split, data.evaluation_plan)


def _described(fusion: SavedFusion, finished: Sequence[FinishedRun], fused: FusedEmbedder) -> System:
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
