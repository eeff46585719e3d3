"""An evaluation needs neither optimiser nor state, and a run decodes each list once."""

import csv
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import base, quickstart
from lfw_jax.data.experiment_data import ExperimentData
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.verification_bin import write_verification_bin
from lfw_jax.data.protocols.lfw_lists import generate_pairs
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.decision import read_calibration
from lfw_jax.evaluation.cross_pairs import all_pairs
from lfw_jax.evaluation.embeddings import read_embeddings
from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.evaluation.intervals.interval import WILSON_INDEPENDENT
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.train_and_evaluate import run
from lfw_jax.jobs.training_run import train_to_the_end, training_of
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.state import State
from lfw_jax.typed_json import to_json


def tiny(folder: Path, **changes) -> ConfigDict:
    config = base.get_config()
    config.data.update(
        source="folder", dir=str(folder), side=16, crop=0.6, margin=1, loader="pillow", validation_people=0.3, pairs=30
    )
    config.sampler.batch_size = 16
    config.model = ConfigDict(dict(name="patch_resnet", embedding_dim=8, features=(4,), dropout=0.1, winograd=False))
    config.loss = ConfigDict(dict(name="adacos"))
    config.training.update(epochs=2.0, log_every=2, devices=1)
    config.evaluation.update(every_epochs=1.0, batch_size=32, shift=1, false_match_rate=0.1, cohort=5)
    config.update_from_flattened_dict(changes)
    return config.lock()


def one_run(config: ConfigDict, workdir: Path, *, train: bool = True) -> None:
    run(config, str(workdir), name="tiny", train=train, command="python launch.py")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    return write_folder(folder, people=24, images_per_person=4, side=40, seed=0)


@pytest.fixture(scope="module")
def finished(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workdir = tmp_path_factory.mktemp("runs") / "tiny"
    one_run(tiny(faces), workdir)
    return workdir


def metrics(workdir: Path) -> dict:
    return json.loads((workdir / "metrics.json").read_text())


def history(workdir: Path) -> list[dict]:
    return [json.loads(line) for line in (workdir / "history.jsonl").read_text().splitlines()]


def last_state(config: ConfigDict, workdir: Path) -> State:
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        return checkpoints.restore("last", training_of(build_experiment(config, workdir)).state)


def assert_equal_scores(one: Path, other: Path) -> None:
    ours, theirs = read_scores(one / "scores.npz"), read_scores(other / "scores.npz")
    assert ours.keys() == theirs.keys()
    for role, scored in ours.items():
        np.testing.assert_array_equal(scored.distances, theirs[role].distances)


def test_an_evaluation_needs_no_optimizer_in_configuration_or_checkpoint(finished: Path, faces: Path, tmp_path: Path):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir, ignore=shutil.ignore_patterns("checkpoints", "metrics.json", "scores.npz"))
    with Checkpoints(finished / "checkpoints") as before, Checkpoints(workdir / "checkpoints") as after:
        state = before.restore("best", training_of(build_experiment(tiny(faces), finished)).state)
        after.save("best", state.replace(opt_state=(), objective_state={}))
    config = tiny(faces, **{"optimizer.name": "unknown", "evaluation.cohort": 0})
    (workdir / "config.json").write_text(config.to_json_best_effort())
    one_run(config, workdir, train=False)
    assert metrics(workdir)["evaluation"] == metrics(finished)["evaluation"]
    assert metrics(workdir)["step"] == metrics(finished)["step"]
    assert metrics(workdir)["calibration"] == metrics(finished)["calibration"]
    assert "score_normalisation" not in metrics(workdir)  # without a cohort
    assert_equal_scores(workdir, finished)


def test_an_evaluation_that_fails_leaves_all_files_of_the_earlier_one(
    finished: Path, faces: Path, tmp_path: Path, monkeypatch
):
    workdir = tmp_path / "run"
    shutil.copytree(finished, workdir)
    names = ("metrics.json", "scores.npz", "embeddings.npz", "calibration.json", "report.html")
    before = {name: (workdir / name).read_bytes() for name in names}

    def fail(*_):
        raise UserError("the manifest is damaged")

    monkeypatch.setattr("lfw_jax.jobs.results.diagnosis_of", fail)
    with pytest.raises(UserError, match="the manifest is damaged"):
        one_run(tiny(faces, **{"evaluation.cohort": 0, "evaluation.shift": 0}), workdir, train=False)
    assert {name: (workdir / name).read_bytes() for name in names} == before


def test_a_set_that_fails_costs_no_other_result(finished: Path, faces: Path, tmp_path: Path, monkeypatch, capsys):
    images = read_folder(faces)
    pairs = generate_pairs(dict.fromkeys(images.names[:4], 4), pairs=8, seed=0)
    for name in ("good", "bad", "worse"):
        write_verification_bin(tmp_path / f"{name}.bin", images, pairs)
    decode_list = ExperimentData.decode_list

    def decode(self, pairs, of=None):
        if of and of.name == "bad":
            raise UserError("image 3 of bad cannot be decoded.")
        if of and of.name == "worse":
            raise MemoryError("40 GB")
        return decode_list(self, pairs, of)

    monkeypatch.setattr(ExperimentData, "decode_list", decode)
    sets = tuple(str(tmp_path / f"{name}.bin") for name in ("bad", "good", "worse"))
    workdir = shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("metrics.json", "scores.npz"))
    with pytest.raises(
        UserError, match=r"bad could not be evaluated: image 3 of bad cannot be decoded.*worse could not"
    ):
        one_run(tiny(faces, **{"evaluation.sets": sets}), workdir, train=False)
    found = metrics(workdir)
    assert found["evaluation"] == metrics(finished)["evaluation"]
    assert found["failed_sets"] == {"bad": "image 3 of bad cannot be decoded.", "worse": "MemoryError: 40 GB."}
    assert list(found["sets"]) == ["good"]
    assert read_finished_run(workdir).metrics.failed_sets.keys() == {"bad", "worse"}
    assert found["sets"]["good"]["thresholds"][0]["intervals"]["accuracy"]["method"] == WILSON_INDEPENDENT
    scores = read_scores(workdir / "scores.npz")
    assert not scores["sets/good"].named  # a .bin names no identities
    assert scores["test"].named
    assert "bad could not be evaluated" in (workdir / "report.html").read_text()
    assert "evaluation set bad could not be evaluated" in capsys.readouterr().out


def test_all_pairs_of_the_test_images_are_evaluated_at_the_thresholds_of_the_run(finished: Path):
    found, images = metrics(finished), read_embeddings(finished / "embeddings.npz")["test"]
    result = found["evaluation"]["pairsDevTest"]
    thresholds = {
        item["chosen_on"]: item["threshold"] for item in (result["thresholds"][0], result["held_out_threshold"])
    }
    assert list(thresholds) == ["pairsDevTrain", "held-out identities"]
    assert json.loads(json.dumps(to_json(all_pairs(images, thresholds)))) == found["all_pairs"]
    assert found["all_pairs"]["images"] == len(images)
    assert "acquisition" not in found  # no face was detected: these images are read as they are
    assert read_finished_run(finished).metrics.all_pairs == all_pairs(images, thresholds)


@pytest.mark.parametrize("train", [True, False])
def test_every_list_is_decoded_once_per_run(finished: Path, faces: Path, tmp_path: Path, monkeypatch, train: bool):
    decoded, decode_list = [], ExperimentData.decode_list

    def counted(self, pairs, of=None):
        decoded.append(pairs.name)
        return decode_list(self, pairs, of)

    monkeypatch.setattr(ExperimentData, "decode_list", counted)
    workdir = tmp_path / "run" if train else shutil.copytree(finished, tmp_path / "run")
    one_run(tiny(faces), workdir, train=train)
    assert sorted(decoded) == ["held-out identities", "pairsDevTest", "pairsDevTrain"]


@pytest.mark.parametrize("checkpoint_every", [0.34, 1.5])
def test_a_run_with_other_checkpoints_ends_with_the_same_metrics(
    finished: Path, faces: Path, tmp_path: Path, checkpoint_every: float
):
    config = tiny(faces, **{"training.checkpoint_every_epochs": checkpoint_every})
    one_run(config, tmp_path / "run")
    assert metrics(tmp_path / "run")["evaluation"] == metrics(finished)["evaluation"]
    assert_equal_scores(tmp_path / "run", finished)


def test_a_run_that_broke_off_resumes_from_a_checkpoint_between_evaluations(
    finished: Path, faces: Path, tmp_path: Path
):
    config, path = tiny(faces, **{"training.checkpoint_every_epochs": 0.34}), tmp_path / "run"  # 3 steps per epoch

    def broken(_: State):
        raise KeyboardInterrupt

    experiment, workdir = build_experiment(config, path), Workdir(path, config)
    with Checkpoints(workdir.checkpoints) as checkpoints, pytest.raises(KeyboardInterrupt):
        train_to_the_end(experiment, training_of(experiment), workdir, checkpoints, broken)
    with Checkpoints(workdir.checkpoints) as checkpoints:
        assert (checkpoints.step("last"), checkpoints.step("best")) == (2, None)
    assert [row["step"] for row in history(path) if "seconds" in row] == [1, 2]
    one_run(tiny(faces), path)  # how often checkpoints are written may change
    assert metrics(path)["evaluation"] == metrics(finished)["evaluation"]
    assert_equal_scores(path, finished)
    jax.tree.map(np.testing.assert_array_equal, last_state(config, path), last_state(config, finished))

    def by_step(workdir: Path, key: str) -> dict[int, float]:
        return {row["step"]: row[key] for row in history(workdir) if key in row}

    for key in ("loss", "validation_auc", "validation_accuracy"):
        assert by_step(path, key) == by_step(finished, key)


def test_an_evaluation_saves_its_calibration_and_reports_it(finished: Path):
    saved, reported = read_calibration(finished / "calibration.json"), read_finished_run(finished).metrics
    assert saved.result == reported.calibration
    assert (saved.checkpoint, saved.step) == (reported.checkpoint, reported.step)
    assert (saved.views.flip, saved.views.shift) == (True, 1)
    assert saved.result.fitted_on == "held-out identities"
    assert reported.score_normalisation is not None
    assert reported.score_normalisation.cohort_identities == 5
    page = (finished / "report.html").read_text()
    assert all(title in page for title in ("Thresholds for false match rates", "Calibration", "Score normalisation"))


def verify(workdir: Path, given: str, output: str = "", config: ConfigDict | None = None) -> list:
    config = config or quickstart.get_config()
    delivered: list = []
    deliver = delivered.append
    flags = {"workdir": str(workdir), "input": given, "output": output}
    run_job(Request("verify", config.copy_and_resolve_references(), "any", **flags, deliver=deliver))
    return delivered


def test_decisions_have_the_distances_of_the_evaluation(finished: Path, faces: Path, tmp_path: Path, capsys):
    scored = read_scores(finished / "scores.npz")["test"]
    assert scored.identities is not None
    assert scored.images is not None
    files = [
        [str(faces / name / f"{name}_{number:04d}.jpg") for name, number in zip(names, numbers, strict=True)]
        for names, numbers in zip(scored.identities[:12], scored.images[:12], strict=True)
    ]
    (tmp_path / "pairs.csv").write_text("\n".join(["path1,path2", *map(",".join, files)]))
    (delivered,) = verify(finished, str(tmp_path / "pairs.csv"), str(tmp_path / "decisions.csv"))
    with open(tmp_path / "decisions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose([float(row["distance"]) for row in rows], scored.distances[:12], atol=2e-5)
    threshold = read_calibration(finished / "calibration.json").result.threshold()
    assert threshold is not None
    assert [row["same"] == "1" for row in rows] == (scored.distances[:12] < threshold.chosen.threshold).tolist()
    assert [[one["path1"], one["path2"]] for one in delivered["decisions"]] == files
    assert [str(int(one["same"])) for one in delivered["decisions"]] == [row["same"] for row in rows]
    assert delivered["threshold"]["chosen"]["target_rate"] == 0.1
    printed = capsys.readouterr().out
    assert printed.count("probability of one identity") == 12
    assert "The threshold was chosen for a false match rate (FMR) of 10 %." in printed
    verify(finished, ",".join(files[0]), config=tiny(faces))  # the configuration of the run may be given
    assert capsys.readouterr().out.startswith(f"{files[0][0]} and {files[0][1]}: ")


def test_what_cannot_be_verified_is_refused_in_a_sentence(finished: Path, faces: Path, tmp_path: Path):
    one, other = sorted(map(str, faces.glob("*/*_0001.jpg")))[:2]
    workdir, pair = shutil.copytree(finished, tmp_path / "run"), f"{one},{other}"
    with pytest.raises(UserError, match=r"--mode=verify needs --input"):
        verify(workdir, "")
    with pytest.raises(UserError, match=r"--output is answers; expected a \.csv"):
        verify(workdir, pair, "answers")
    with pytest.raises(UserError, match=r"expected two image files separated by a comma, or a \.csv file"):
        verify(workdir, one)
    with pytest.raises(UserError, match=r"nothing\.jpg is not a file"):
        verify(workdir, f"{one},nothing.jpg")
    with pytest.raises(UserError, match=r"--config: --mode=verify uses the configuration of --workdir.*Omit --config"):
        verify(workdir, pair, config=tiny(faces, **{"model.embedding_dim": 16}))
    with pytest.raises(UserError, match=r"found no card\.json; expected a model directory"):
        verify(tmp_path / "none", pair)
    with pytest.raises(
        UserError, match=r"--mode=verify needs --model: a model directory, or a work directory with one"
    ):
        run_job(Request("verify", quickstart.get_config(), "any", input=pair))
    shutil.move(workdir / "model", tmp_path / "moved")
    with pytest.raises(UserError, match=r"found no folder model; .* evaluate again with --mode=evaluate"):
        verify(workdir, pair)
    run_job(Request("verify", quickstart.get_config(), "any", input=pair, model=str(tmp_path / "moved")))
    card = json.loads((tmp_path / "moved" / "card.json").read_text())
    card["calibration"]["result"]["thresholds"] = []
    (tmp_path / "moved" / "card.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match=r"moved: card\.json: found no threshold for the false match rate 0\.1"):
        run_job(Request("verify", quickstart.get_config(), "any", input=pair, model=str(tmp_path / "moved")))
    (workdir / "config.json").write_text('{"model": 3}')
    with pytest.raises(UserError, match=r"cannot be read as a configuration"):
        verify(workdir, pair)
