"""`--mode=inspect` end to end: what it leaves, what it refuses, and that it is in nobody's way."""

import csv
import importlib
import json
import os
import re
import shutil

import pytest
from ml_collections import ConfigDict

from configs import base
from lfw_jax.data.batches.sampling import build_sampler
from lfw_jax.data.formats.array import write_array
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.spreadsheet_cells import from_cell
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.jobs import inspect as job
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.refusals import refusals
from lfw_jax.jobs.training_run import training_of
from lfw_jax.jobs.workdir import INSPECTION, Workdir


def tiny(folder, **changes):
    config = base.get_config()
    config.data.update(source="folder", dir=str(folder), side=16, crop=0.6, validation_people=0.3, pairs=30)
    config.sampler.batch_size = 16
    config.loss = ConfigDict(dict(name="cosface", margin=0.2, scale="adacos"))
    config.update_from_flattened_dict(changes)
    return config.lock()


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("drawn") / "faces", people=24, images_per_person=4, side=40, seed=0)


def inspect(config, workdir="", name="tiny"):
    run_job(Request(mode="inspect", config=config, name=name, workdir=str(workdir), command="python launch.py"))


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_terminal_and_four_files_tell_what_is_there(faces, tmp_path, capsys):
    person, other = sorted(path for path in faces.iterdir() if path.is_dir())[:2]
    folder = shutil.copytree(faces, tmp_path / "faces")
    shutil.copy(next(iter(sorted(person.iterdir()))), folder / other.name / "again_0099.jpg")
    (folder / person.name / "notes.txt").write_text("no picture")
    (folder / "Nobody").mkdir()
    (folder / "Nobody" / "a.jpg").write_text("<html>")
    inspect(tiny(folder), tmp_path / "seen")
    said = capsys.readouterr().out
    assert "Training cannot begin" not in said
    assert str(tmp_path / "seen" / "inspection.html") in said
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == sorted(INSPECTION)
    facts = json.loads((tmp_path / "seen" / "inspection.json").read_text())
    assert (facts["identities"], facts["images"]) == (24, 97)
    assert facts["unreadable"]["reasons"] == {"not an image": 2}
    assert facts["duplicates"]["same_bytes"]["across_identities"] == 1
    assert facts["split"]["left_out"]["no readable image"]["examples"] == ["Nobody"]
    assert facts["plan"] == {"side": 16, "crop": 0.6, "loss": "cosface", "compares": False, "aligned": False}
    head, *identities = rows(tmp_path / "seen" / "inspection_identities.csv")
    assert head == ["identity", "images", "part", "why_not_training"]
    assert len(identities) == 25
    assert all((part == "training") != bool(why) for _, _, part, why in identities)
    _, pair = rows(tmp_path / "seen" / "inspection_duplicates.csv")
    assert {pair[1], pair[4]} == {person.name, other.name}
    assert pair[6] == "yes"
    page = (tmp_path / "seen" / "inspection.html").read_text()
    assert "List of serious duplicates" in page
    assert "notes.txt" in page


def test_a_set_that_cannot_train_is_shown_whole_and_exits_with_1(faces, tmp_path, capsys):
    config = tiny(faces, **{"data.protocol": "view9", "loss.name": "triplet"})
    with pytest.raises(SystemExit) as ended:
        inspect(config, tmp_path / "seen")
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "Training cannot begin" in said
    assert "view9" in said
    facts = json.loads((tmp_path / "seen" / "inspection.json").read_text())
    assert facts["images"] == 96
    assert facts["sampler"]["of_all_images"]
    assert facts["plan"]["compares"]
    assert {part for _, _, part, _ in rows(tmp_path / "seen" / "inspection_identities.csv")[1:]} == {""}
    assert "view9" in (tmp_path / "seen" / "inspection.html").read_text()


REFUSED = {
    "unknown optimiser": ({"optimizer.name": "sgd9"}, "the known optimisers are"),
    "unknown model": ({"model.name": "resnet51"}, "the known models are"),
    "unknown loss": ({"loss.name": "arcface9"}, "the known losses are"),
    "warm-up longer than the training": ({"optimizer.warmup_epochs": 500.0}, "take more than --config.training.epochs"),
    "unknown checkpoint": ({"evaluation.checkpoint": "first"}, "evaluation.checkpoint is 'first'"),
    "batch that does not divide": (
        {"sampler.batch_size": 17, "training.devices": 2},
        "not a multiple of the 2 devices",
    ),
    "augmentation": ({"augmentation.flip": 2.0}, "augmentation.flip"),
    "two faults": ({"optimizer.name": "sgd9", "model.name": "resnet51"}, "the known models are.*the known optimisers"),
    "two faults of the optimiser": (
        {"optimizer.name": "sgd9", "optimizer.warmup_epochs": 500.0},
        "take more.*the known opt",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_training_would_refuse_is_a_problem_of_its_inspection(faces, tmp_path, case):
    changes, words = REFUSED[case]
    config = tiny(faces, **changes)
    with pytest.raises(UserError) as refused:
        training_of(build_experiment(config, tmp_path / "none"))
    images = read_folder(faces)
    sampler = build_sampler(config.sampler, images.labels, seed=0)
    found = refusals(config, images, sampler)
    assert str(refused.value) in found
    assert re.search(words, " ".join(found))
    assert len(found) == (2 if case.startswith("two faults") else 1)
    assert refusals(config, images, None) == found


@pytest.mark.parametrize("name", ["arcface", "lfw_cpu", "quickstart"])
def test_a_configuration_that_can_train_has_no_problem(faces, name):
    config = importlib.import_module(f"configs.{name}").get_config()
    images = read_folder(faces)
    config.sampler.batch_size, config.training.devices = 16, 1
    assert refusals(config.lock(), images, build_sampler(config.sampler, images.labels, seed=0)) == []


def test_an_inspection_with_an_unknown_optimizer_exits_with_1_after_its_report(faces, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        inspect(tiny(faces, **{"optimizer.name": "sgd9"}), tmp_path / "seen")
    assert ended.value.code == 1
    assert "Training cannot begin" in capsys.readouterr().out
    (fault,) = json.loads((tmp_path / "seen" / "inspection.json").read_text())["faults"]
    assert "'sgd9'; the known optimisers are" in fault


def test_without_a_work_directory_it_writes_beside_the_runs(faces, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inspect(tiny(faces), name="arcface")
    assert (tmp_path / "runs" / "inspect_arcface" / "inspection.html").is_file()
    assert not (tmp_path / "runs" / "arcface").exists()
    inspect(tiny(faces, **{"sampler.batch_size": 8}), name="arcface")
    assert json.loads((tmp_path / "runs/inspect_arcface/inspection.json").read_text())["sampler"]["batch_size"] == 8


def test_an_array_tells_the_same_as_the_folder_it_was_made_from(faces, tmp_path):
    write_array(tmp_path / "faces.npz", read_folder(faces))
    for path in faces.glob("*.txt"):
        shutil.copy(path, tmp_path / path.name)
    inspect(tiny(faces), tmp_path / "folder")
    inspect(tiny(tmp_path / "faces.npz", **{"data.source": "array"}), tmp_path / "array")
    folder, array = (json.loads((tmp_path / name / "inspection.json").read_text()) for name in ("folder", "array"))
    for facts in (folder["files"], array["files"]):
        del facts["smallest"], facts["largest"]  # named by file, or by person and number
    for part in ("images_per_identity", "files", "split", "sampler", "concerns"):
        assert folder[part] == array[part]


def test_a_training_may_begin_where_an_inspection_was_with_any_configuration(faces, tmp_path):
    inspect(tiny(faces), tmp_path / "run")
    later = tiny(faces, **{"loss.margin": 0.3})
    Workdir(tmp_path / "run", later).begin()
    assert (tmp_path / "run" / "config.json").is_file()
    assert (tmp_path / "run" / "inspection.html").is_file()


def test_a_training_keeps_what_it_has(faces, tmp_path):
    Workdir(tmp_path / "run", tiny(faces)).begin()
    (tmp_path / "run" / "report.html").write_text("the report")
    before = contents(tmp_path / "run")
    inspect(tiny(faces), tmp_path / "run")
    after = contents(tmp_path / "run")
    assert after.keys() == {*before, *INSPECTION}
    assert {name: after[name] for name in before} == before


def test_the_folder_of_another_configuration_or_of_something_else_is_refused(faces, tmp_path):
    Workdir(tmp_path / "run", tiny(faces)).begin()
    with pytest.raises(UserError, match=r"config\.loss\.margin was 0\.2, now 0\.3"):
        inspect(tiny(faces, **{"loss.margin": 0.3}), tmp_path / "run")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="not a work directory"):
        inspect(tiny(faces), tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.dir": "/nowhere"}, "/nowhere"),
        ({"data.source": "web"}, "web"),
        ({"data.crop": 1.5}, "--config.data.crop is 1.5"),
        ({"data.side": 4}, "--config.data.side is 4"),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_is_written(faces, tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        inspect(tiny(faces, **changes), tmp_path / "seen")
    assert not (tmp_path / "seen").exists()


def test_a_full_disk_is_told_and_leaves_the_earlier_files(faces, tmp_path, monkeypatch):
    inspect(tiny(faces), tmp_path / "seen")
    before = contents(tmp_path / "seen")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job.json, "dump", full)
    with pytest.raises(UserError, match="No space left on device"):
        inspect(tiny(faces), tmp_path / "seen")
    assert contents(tmp_path / "seen") == before


def test_a_folder_that_cannot_be_made_is_told_before_the_long_look(faces, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(job, "survey", lambda *_, **__: pytest.fail("looked at the data first"))
    with pytest.raises(UserError, match="cannot be written"):
        inspect(tiny(faces), tmp_path / "file" / "seen")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="cannot be written"):
        inspect(tiny(faces), tmp_path / "seen")


def test_names_in_any_script_reach_page_terminal_and_tables(faces, tmp_path, capsys):
    folder = tmp_path / "faces"
    people = sorted(path for path in faces.iterdir() if path.is_dir())
    names = ["名前 山田", "Müller, J. <b>", "عمر", "new\nline", "=cmd|A0", *(f"p{i}" for i in range(19))]
    for person, name in zip(people, names, strict=True):
        shutil.copytree(person, folder / name)
    inspect(tiny(folder, **{"data.protocol": "generated"}), tmp_path / "seen")
    assert "\nline" not in capsys.readouterr().out
    table = rows(tmp_path / "seen" / "inspection_identities.csv")[1:]
    assert "'=cmd|A0" in {row[0] for row in table}  # no spreadsheet runs it
    assert {from_cell(row[0]) for row in table} == set(names)
    assert "<b>" not in (tmp_path / "seen" / "inspection.html").read_text()


def test_with_alignment_what_a_training_would_see_is_inspected(tmp_path, capsys):
    folder = write_folder(tmp_path / "faces", people=12, images_per_person=2, side=160, seed=5)
    changes = {"data.align": True, "data.align_dir": str(tmp_path / "cache"), "sampler.batch_size": 8}
    inspect(tiny(folder, **changes), tmp_path / "seen")
    said = capsys.readouterr().out
    assert "24 aligned now" in said
    assert "align them first" not in said
    facts = json.loads((tmp_path / "seen" / "inspection.json").read_text())
    assert facts["plan"]["crop"] == 1.0  # of crops without a margin all is seen
    assert [(size["width"], size["height"]) for size in facts["files"]["sizes"]] == [(112, 112)]
