"""One run end to end on drawn faces: files, figures, resumption, and what bad input is told."""

import json
import shutil

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import base
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.evaluation.verification import verify, with_held_out_threshold
from lfw_jax.evaluation.with_intervals import with_intervals
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.train_and_evaluate import run
from lfw_jax.typed_json import to_json


def tiny(folder, **changes):
    """A configuration that trains for a few steps on drawn faces."""
    config = base.get_config()
    config.data.update(
        source="folder", dir=str(folder), side=16, crop=0.6, loader="pillow", validation_people=0.3, pairs=30
    )
    config.sampler.batch_size = 16
    config.model = ConfigDict(dict(name="patch_resnet", embedding_dim=8, features=(4,), dropout=0.1, winograd=False))
    config.loss = ConfigDict(dict(name="cosface", margin=0.2, scale="adacos"))
    config.training.update(epochs=2.0, log_every=1, devices=2)
    config.evaluation.update(every_epochs=1.0, batch_size=32)
    config.update_from_flattened_dict(changes)
    return config.lock()


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("drawn") / "faces", people=24, images_per_person=4, side=40, seed=0)


@pytest.fixture(scope="module")
def finished(faces, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "tiny"
    run(tiny(faces), str(workdir), name="tiny", train=True, command="python launch.py")
    return workdir


def metrics(workdir):
    return json.loads((workdir / "metrics.json").read_text())


def history(workdir):
    return [json.loads(line) for line in (workdir / "history.jsonl").read_text().splitlines()]


def test_a_run_leaves_metrics_report_events_and_checkpoints(finished):
    found = metrics(finished)
    scores = found["evaluation"]["pairsDevTest"]
    assert {t["rule"]: t["chosen_on"] for t in scores["thresholds"]} == {
        "accuracy": "pairsDevTrain",
        "f1": "pairsDevTrain",
    }
    assert scores["held_out_threshold"]["chosen_on"] == "held-out identities"
    assert 0.0 <= scores["auc"] <= 1.0
    raw = found["raw_pixels"]["pairsDevTest"]
    assert raw["pairs"] == scores["pairs"]
    assert raw["auc"] != scores["auc"]
    assert found["seed"] == 0
    assert found["training_seconds"] > 0
    page = (finished / "report.html").read_text()
    assert "Comparison with raw pixels" in page
    assert "pairsDevTest" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert list((finished / "tensorboard").glob("events*"))
    assert {path.name for path in (finished / "checkpoints").iterdir()} == {"last", "best"}


def test_the_scores_of_a_run_give_its_metrics_again(finished):
    lists = read_scores(finished / "scores.npz")
    assert set(lists) == {"test", "development", "held_out"}
    test = lists["test"]
    again = with_held_out_threshold(verify(test, lists["development"]), lists["held_out"])
    again = with_intervals(again, development=lists["development"], held_out=lists["held_out"])
    assert json.loads(json.dumps(to_json(again.metrics))) == metrics(finished)["evaluation"]["pairsDevTest"]
    np.testing.assert_array_equal(test.identities[:, 0] == test.identities[:, 1], test.same)


def test_every_step_is_logged_once_and_every_epoch_validated(finished):
    rows = history(finished)
    assert sum("validation_accuracy" in row for row in rows) == 2
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 7))


def test_nobody_whom_the_test_names_trains_or_validates(faces, tmp_path):
    parts = build_experiment(tiny(faces), tmp_path).split
    tested = parts.test.identities()
    assert tested
    assert not tested & set(parts.training.names)
    assert not tested & parts.validation.identities()
    assert not parts.validation.identities() & set(parts.training.names)


def test_a_stopped_run_resumes_to_the_same_end(finished, faces, tmp_path):
    workdir = tmp_path / "resumed"
    # A run that pauses at once, again and again, takes one step each time and ends where the uninterrupted one did.
    paused = tiny(faces, **{"training.max_minutes": 1e-9})
    for _ in range(2):
        run(paused, str(workdir), name="tiny", train=True, command="python launch.py")
    assert not (workdir / "metrics.json").exists()
    # How images are fetched may change meanwhile: it changes no batch.
    other = tiny(faces, **{"data.keep_decoded": True, "data.loader": "pillow"})
    run(other, str(workdir), name="tiny", train=True, command="python launch.py")
    ours, theirs = (
        {row["step"]: row["loss"] for row in history(path) if "loss" in row} for path in (workdir, finished)
    )
    assert len(ours) == 6
    assert ours == pytest.approx(theirs)
    assert metrics(workdir)["evaluation"] == metrics(finished)["evaluation"]


def test_evaluate_judges_without_training(finished, faces, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    (copy / "metrics.json").unlink()
    run(tiny(faces), str(copy), name="tiny", train=False, command="python launch.py --mode=evaluate")
    assert metrics(copy)["evaluation"] == metrics(finished)["evaluation"]
    assert history(copy) == history(finished)


def test_people_without_lists_are_split_and_judged(faces, tmp_path):
    images = tmp_path / "faces"
    shutil.copytree(faces, images, ignore=shutil.ignore_patterns("*.txt", "*.json"))
    workdir = tmp_path / "run"
    run(
        tiny(images, **{"data.protocol": "generated", "training.epochs": 1.0}),
        str(workdir),
        name="tiny",
        train=True,
        command="python launch.py",
    )
    (scores,) = metrics(workdir)["evaluation"].values()
    assert scores["list"] == "test identities"
    assert scores["thresholds"][0]["chosen_on"] == "validation identities"
    assert scores["held_out_threshold"] is None  # it is the same


def test_files_that_are_no_images_are_skipped_counted_and_named(faces, tmp_path, capsys):
    images = shutil.copytree(faces, tmp_path / "faces")
    person = next(path for path in sorted(images.iterdir()) if path.is_dir())
    (person / "notes.txt").write_text("not a picture")
    run(
        tiny(images, **{"training.epochs": 1.0}),
        str(tmp_path / "run"),
        name="tiny",
        train=True,
        command="python launch.py",
    )
    said = capsys.readouterr().out
    assert "1 file was skipped" in said
    assert "notes.txt" in said
    assert "notes.txt" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.dir": "/nowhere"}, ["--config.data.dir", "/nowhere", "quickstart"]),
        ({"data.dir": ""}, ["--config.data.dir", "quickstart"]),
        ({"data.source": "web"}, ["web", "lfw, folder, synthetic, array"]),
        ({"data.protocol": "view9"}, ["view9", "view1"]),
        ({"data.loader": "mxnet"}, ["mxnet", "tfdata"]),
        ({"sampler.batch_size": 15}, ["15", "2 devices"]),
        ({"sampler.batch_size": 10_000}, ["10000", "training images"]),
        ({"sampler.name": "people_images", "sampler.batch_size": 200}, ["50 identities", "--config.sampler"]),
        ({"sampler.name": "random"}, ["random", "uniform"]),
        ({"training.devices": 64}, ["64", "--config.training.devices"]),
        ({"model.name": "resnet18"}, ["resnet18", "resnet50"]),
        ({"loss.name": "arcfaces"}, ["arcfaces", "arcface"]),
        ({"loss.scale": "big"}, ["big", "adacos"]),
        ({"miner.name": "hardest"}, ["hardest"]),
        ({"optimizer.name": "sgdd"}, ["sgdd", "adamw"]),
        ({"optimizer.constant_epochs": 50.0}, ["50", "--config.training.epochs"]),
        ({"evaluation.checkpoint": "first"}, ["first", "best or last"]),
        ({"evaluation.shift": 4}, ["--config.data.margin"]),
        ({"data.crop": 1.5}, ["1.5", "--config.data"]),
    ],
)
def test_a_mistake_is_told_in_words_and_nothing_is_written(faces, tmp_path, changes, words):
    workdir = tmp_path / "run"
    with pytest.raises(UserError) as caught:
        run(tiny(faces, **changes), str(workdir), name="tiny", train=True, command="python launch.py")
    assert all(word in str(caught.value) for word in words), caught.value
    assert not workdir.exists()


def test_a_work_directory_of_another_configuration_is_refused_and_kept(finished, faces):
    before = sorted((path.name, path.stat().st_mtime_ns) for path in finished.rglob("*"))
    with pytest.raises(UserError, match=r"config\.loss\.margin was 0\.2, now 0\.3"):
        run(tiny(faces, **{"loss.margin": 0.3}), str(finished), name="tiny", train=True, command="python launch.py")
    assert sorted((path.name, path.stat().st_mtime_ns) for path in finished.rglob("*")) == before


@pytest.mark.parametrize("train", [True, False])
def test_data_whose_identities_changed_are_refused_and_nothing_is_written(finished, faces, tmp_path, train):
    copy, images = shutil.copytree(finished, tmp_path / "run"), shutil.copytree(faces, tmp_path / "faces")
    first = build_experiment(tiny(faces), tmp_path).split.training.names[0]
    renamed = f"zz_{first}"  # the last in order, so that every prototype would belong to another identity
    (images / first).rename(images / renamed)
    for path in (images / renamed).iterdir():
        path.rename(path.with_name(path.name.replace(first, renamed)))
    for path in images.glob("*.txt"):
        path.write_text(path.read_text().replace(first, renamed))
    before = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=f"trained on other data.*training: .*new '{renamed}'; missing '{first}'"):
        run(tiny(images), str(copy), name="tiny", train=train, command="python launch.py")
    assert {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_no_work_directory_is_refused(faces, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="not a work directory"):
        run(tiny(faces), str(tmp_path), name="tiny", train=True, command="python launch.py")


def test_evaluating_an_untrained_work_directory_is_told(faces, tmp_path):
    with pytest.raises(UserError, match="train there first"):
        run(tiny(faces), str(tmp_path / "none"), name="tiny", train=False, command="python launch.py")
    assert not (tmp_path / "none").exists()


def test_a_list_that_names_missing_images_is_told(faces, tmp_path):
    images = shutil.copytree(faces, tmp_path / "faces")
    listed = (images / "pairsDevTest.txt").read_text().splitlines()[1].split()
    (images / listed[0] / f"{listed[0]}_{int(listed[1]):04d}.jpg").unlink()
    with pytest.raises(UserError, match="pairsDevTest"):
        run(tiny(images), str(tmp_path / "run"), name="tiny", train=True, command="python launch.py")
    assert not (tmp_path / "run").exists()


def test_the_array_source_gives_the_result_of_the_folder_it_was_made_from(faces, finished, tmp_path):
    from lfw_jax.data.formats.array import write_array
    from lfw_jax.data.formats.folder import read_folder

    write_array(tmp_path / "faces.npz", read_folder(faces))
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt", "peopleDevTrain.txt"):
        shutil.copy(faces / name, tmp_path / name)
    run(
        tiny(tmp_path / "faces.npz", **{"data.source": "array"}),
        str(tmp_path / "run"),
        name="tiny",
        train=True,
        command="python launch.py",
    )
    ours, theirs = (metrics(path)["evaluation"]["pairsDevTest"]["auc"] for path in (tmp_path / "run", finished))
    np.testing.assert_allclose(ours, theirs)
