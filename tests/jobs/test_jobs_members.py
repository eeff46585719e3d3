"""Descriptors, networks with a backend, and several members fused run from a configuration like a network alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_collections import ConfigDict

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.jobs.fitted_files import read_parts
from lfw_jax.jobs.fusion_file import read_fusion
from lfw_jax.jobs.member_configs import member_configs
from tests.jobs.tiny_members import cosines, decided, descriptors, fused, network, one_run, with_data


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    return write_folder(folder, people=24, images_per_person=4, side=40, seed=0)


@pytest.fixture(scope="module")
def finished(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workdir = tmp_path_factory.mktemp("runs") / "fused"
    one_run(fused(faces), workdir)
    return workdir


def test_the_fused_score_is_the_weighted_sum_of_the_members_cosines(finished: Path):
    weights = read_fusion(finished / "fusion.json").weights
    assert weights.keys() == {"texture", "network"}
    whole = read_scores(finished / "scores.npz")
    parts = {name: read_scores(finished / "members" / name / "scores.npz") for name in weights}
    for role, pairs in whole.items():
        expected = sum(weights[name] * cosines(parts[name][role]) for name in weights)
        np.testing.assert_allclose(cosines(pairs), expected, atol=1e-6)


def test_members_are_evaluated_on_the_pairs_of_the_whole_and_reported(finished: Path):
    metrics = read_finished_run(finished).metrics
    assert metrics.members is not None
    assert [member.scores.name for member in metrics.members.members] == ["network", "texture"]  # sorted by name
    for member in metrics.members.members:
        alone = read_finished_run(finished / "members" / member.scores.name).metrics
        assert member.scores.auc == alone.test.auc
    assert metrics.members.fused.auc == metrics.test.auc
    assert metrics.training_seconds > 0
    assert "Members and fusion" in (finished / "report.html").read_text()


def test_a_repeated_call_leaves_finished_members_and_gives_the_same(finished: Path, faces: Path, tmp_path: Path):
    workdir = shutil.copytree(finished, tmp_path / "fused")
    before = {file: file.stat().st_mtime_ns for file in workdir.glob("members/*/*.json")}
    again = one_run(fused(faces), workdir)
    assert before == {file: file.stat().st_mtime_ns for file in workdir.glob("members/*/*.json")}
    assert again["evaluation"] == json.loads((finished / "metrics.json").read_text())["evaluation"]


@pytest.mark.parametrize("part", ["", "members/texture", "members/network"])
def test_files_are_verified_with_the_distances_of_the_evaluation(finished: Path, faces: Path, part: str):
    pairs = read_scores(finished / part / "scores.npz")["test"]
    assert decided(finished / part, faces, pairs) == pytest.approx(pairs.distances[0], abs=1e-5)


def test_an_evaluation_fits_and_trains_nothing(finished: Path, faces: Path, tmp_path: Path):
    workdir = shutil.copytree(finished, tmp_path / "fused")
    fitted = (workdir / "members" / "texture" / "backend.npz").stat().st_mtime_ns
    one_run(fused(faces, **{"evaluation.false_match_rate": 0.2}), workdir, train=False)
    assert (workdir / "members" / "texture" / "backend.npz").stat().st_mtime_ns == fitted
    calibration = json.loads((workdir / "calibration.json").read_text())
    assert calibration["result"]["target_rate"] == 0.2


def test_a_member_is_evaluated_again_when_its_evaluation_changes(finished: Path, faces: Path, tmp_path: Path):
    workdir = shutil.copytree(finished, tmp_path / "fused")
    files = {name: workdir / "members" / name / "metrics.json" for name in ("texture", "network")}
    before = {name: file.stat().st_mtime_ns for name, file in files.items()}
    config = fused(faces, **{"members.texture.evaluation.flip": False})
    one_run(config, workdir)
    assert files["texture"].stat().st_mtime_ns > before["texture"]
    assert files["network"].stat().st_mtime_ns == before["network"]
    pairs = read_scores(workdir / "members" / "texture" / "scores.npz")["test"]
    assert decided(workdir / "members" / "texture", faces, pairs) == pytest.approx(pairs.distances[0], abs=1e-5)


def test_a_member_that_was_evaluated_before_its_end_is_trained_further(finished: Path, faces: Path, tmp_path: Path):
    workdir = shutil.copytree(finished, tmp_path / "fused")
    metrics = workdir / "members" / "network" / "metrics.json"
    content = json.loads(metrics.read_text())
    metrics.write_text(json.dumps(content | {"checkpoint": "last", "step": content["step"] - 1}))
    one_run(fused(faces), workdir)
    assert json.loads(metrics.read_text())["step"] == content["step"]


def test_a_backend_is_fitted_again_for_other_test_time_augmentation(faces: Path, tmp_path: Path):
    config = with_data(network(), faces)
    config.backend = ConfigDict(dict(name="joint_bayesian", pca_dimension=4))
    one_run(config, tmp_path / "run")
    (before,) = read_parts(tmp_path / "run" / "backend.npz")[0]
    config = config.copy_and_resolve_references()
    config.evaluation.flip = False
    one_run(config, tmp_path / "run", train=False)
    (after,) = read_parts(tmp_path / "run" / "backend.npz")[0]
    assert before.replace("flip True", "flip False") == after != before


def test_a_pause_of_a_member_pauses_the_whole_and_the_same_command_continues(faces: Path, tmp_path: Path):
    paused = one_run(
        fused(faces, **{"training.max_minutes": 1e-9, "members.network.training.epochs": 3.0}), tmp_path / "run"
    )
    assert paused["paused"]
    assert paused["workdir"].endswith("members/network")
    assert not (tmp_path / "run" / "metrics.json").exists()
    done = one_run(fused(faces, **{"members.network.training.epochs": 3.0}), tmp_path / "run")
    assert done["members"]["members"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss.name": "arcface"}, "--config.loss.name is 'arcface', but it belongs to the members"),
        ({"optimizer.learning_rate": 0.5}, "--config.optimizer.learning_rate is 0.5, but it belongs to the members"),
        ({"evaluation.shift": 1}, "--config.evaluation.shift is 1, but it belongs to the members"),
        ({"members.texture.training.epochs": 3.0}, "--config.members.texture.training.epochs is 3.0, but descriptors are fitted"),
        ({"fusion.name": "median"}, "expected a name, logistic or equal"),
        ({"evaluation.sets": ("cfp.bin",)}, "--config.evaluation.sets: cfp.bin: found nothing there"),
        ({"members.network.evaluation.sets": ("cfp.bin",)}, "--config.members.network.evaluation.sets is ('cfp.bin',)"),
        ({"members.network.training.epochs": -1.0}, "--config.members.network.training.epochs is -1.0"),
        ({"members.network.model.name": "members"}, "--config.members.network.model.name is members"),
        ({"members.texture.model.kind": "sift"}, "kind is 'sift'"),
        ({"members.texture.evaluation.shift": 1}, "--config.members.texture.evaluation.shift is 1"),
        ({"members.texture.backend": ConfigDict(dict(name="none"))}, "--config.members.texture.backend.name is none"),
    ],
)  # fmt: skip
def test_what_cannot_be_fused_is_refused_in_words(faces: Path, tmp_path: Path, changes: dict[str, Any], words: str):
    with pytest.raises(UserError) as caught:
        one_run(fused(faces, **changes), tmp_path / "run")
    assert words in str(caught.value)
    assert not list(tmp_path.glob("run/**/metrics.json"))


def test_one_member_is_no_fusion(faces: Path, tmp_path: Path):
    config = fused(faces)
    del config.members.network
    with pytest.raises(UserError, match="at least two"):
        one_run(config, tmp_path / "run")


def test_descriptors_are_fitted_once(finished: Path, faces: Path, tmp_path: Path):
    config = with_data(descriptors(), faces)
    first = one_run(config, tmp_path / "run")
    fitted = (tmp_path / "run" / "backend.npz").stat().st_mtime_ns
    assert one_run(config, tmp_path / "run")["evaluation"] == first["evaluation"]
    assert (tmp_path / "run" / "backend.npz").stat().st_mtime_ns == fitted
    backends, seconds = read_parts(tmp_path / "run" / "backend.npz")
    assert set(backends) == {"00", "01", "joint"}
    assert first["training_seconds"] == pytest.approx(seconds, abs=0.06)
    assert read_scores(tmp_path / "run" / "scores.npz").keys() == read_scores(finished / "scores.npz").keys()


def test_fisher_vectors_are_fitted_once_and_restored(faces: Path, tmp_path: Path):
    config = with_data(descriptors(), faces)
    config.model = ConfigDict(
        dict(name="fisher", gaussians=3, components=6, descriptors=400, stride=6, scales=(1.0,), cell=4)
    )
    first = one_run(config, tmp_path / "run")
    fitted = (tmp_path / "run" / "backend.npz").stat().st_mtime_ns
    assert one_run(config, tmp_path / "run")["evaluation"] == first["evaluation"]
    assert (tmp_path / "run" / "backend.npz").stat().st_mtime_ns == fitted
    parts, _ = read_parts(tmp_path / "run" / "backend.npz")
    assert set(parts) == {"00", "descriptors"}
    assert parts["descriptors"]["means"].shape == (3, 6 + 2)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (dict(name="fisher", gaussians=0), "--config.model.gaussians is 0"),
        (dict(name="fisher", stride=0), "--config.model.stride is 0"),
        (dict(name="fisher", depth=3), "--config.model.depth: these descriptors have no such option"),
        (dict(name="descriptors", kind="lbp", scales=()), "--config.model.scales is empty"),
        (
            dict(name="descriptors", kind="lbp", scales=(33.0,), depth=3),
            "--config.model.depth: these descriptors have no",
        ),
    ],
)
def test_descriptors_that_do_not_exist_are_refused_in_words(
    faces: Path, tmp_path: Path, model: dict[str, Any], words: str
):
    config = with_data(descriptors(), faces)
    config.model = ConfigDict(model)
    with pytest.raises(UserError) as caught:
        one_run(config, tmp_path / "run")
    assert words in str(caught.value)


def test_a_damaged_file_of_backends_is_refused_in_words(finished: Path, faces: Path, tmp_path: Path):
    workdir = shutil.copytree(finished / "members" / "texture", tmp_path / "run")
    (workdir / "backend.npz").write_bytes(b"PK\x03\x04 cut off")
    config = member_configs(fused(faces))["texture"]
    with pytest.raises(UserError, match=r"backend.npz: cannot be read as fitted backends .* Remove the file"):
        one_run(config, workdir)


def test_a_network_with_a_backend_is_compared_by_it(faces: Path, tmp_path: Path):
    backend = dict(name="joint_bayesian", pca_dimension=4)
    config = with_data(network(), faces)
    alone = one_run(config, tmp_path / "alone")
    config = with_data(network(), faces)
    config.backend = ConfigDict(backend)
    learned = one_run(config, tmp_path / "learned")
    assert learned["step"] == alone["step"]
    assert learned["evaluation"] != alone["evaluation"]
    (arrays,) = read_parts(tmp_path / "learned" / "backend.npz")[0].values()
    part = FittedBackend.from_arrays(arrays)
    assert part.name == "joint_bayesian"
    assert part.projection is not None
    assert part.projection.matrix.shape == (8, 4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "svm"}, "--config.backend.name is 'svm'; the known backends are"),
        ({"name": "joint_bayesian", "depth": 3}, "--config.backend.depth: joint_bayesian has no such option"),
        ({"name": "joint_bayesian", "pca_dimension": 4000}, "--config.backend"),
    ],
)
def test_a_backend_that_cannot_be_fitted_is_refused_in_words(
    faces: Path, tmp_path: Path, changes: dict[str, Any], words: str
):
    config = with_data(descriptors(), faces)
    config.backend = ConfigDict(changes)
    with pytest.raises(UserError) as caught:
        one_run(config, tmp_path / "run")
    assert words in str(caught.value)
    assert not (tmp_path / "run" / "backend.npz").exists()
