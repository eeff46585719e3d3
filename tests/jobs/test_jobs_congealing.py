"""Alignment learned from the training images, in the job, in a training and in the decisions of its network."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import base
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.faces.congealing import AlignmentModel
from lfw_jax.faces.congealing.model import CongealingSettings
from lfw_jax.faces.engines import engine_of
from lfw_jax.faces.manifest import read_manifest
from lfw_jax.inference.model.directory import read_model
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.jobs import alignment
from lfw_jax.jobs.align import align
from lfw_jax.jobs.alignment import MODEL, alignment_engine
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.report.progress import stage
from tests.jobs.tiny_members import files_of


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("set") / "faces", people=14, images_per_person=2, side=80, seed=5)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    """One small regressor in place of the whole fit."""
    monkeypatch.setattr(
        alignment, "CongealingSettings", lambda crop: CongealingSettings(crop, 1, (1.0,), samples=2, images=20)
    )


def config(faces: Path, cache: Path, **changes):
    made = base.get_config()
    made.align.engine = "congealing"
    made.data.update(source="folder", dir=str(faces), side=16, pairs=20, validation_people=0.2, align_dir=str(cache))
    made.data.update(align=True, loader="pillow")
    made.align.height = made.align.width = 16
    made.model = ConfigDict(dict(name="siamese", embedding_dim=4))
    made.sampler.batch_size = 8
    made.align.update(changes)
    return made


def spied(monkeypatch: pytest.MonkeyPatch) -> list:
    """Record the training sets that an alignment is learned from."""
    given, learn = [], alignment.learn_alignment

    def spy(training, *rest, **options):
        given.append(training)
        return learn(training, *rest, **options)

    monkeypatch.setattr(alignment, "learn_alignment", spy)
    return given


def test_only_training_images_of_the_split_take_part(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = spied(monkeypatch)
    built = build_experiment(config(faces, tmp_path / "cache"), tmp_path / "run")
    assert built.alignment is not None
    (training,) = given
    assert set(training.names) == set(built.split.training.names)
    evaluated = built.split.test.identities() | built.split.validation.identities()
    assert len(evaluated) >= 4
    assert not evaluated & set(training.names)
    # The test images are aligned all the same.
    assert built.pixels(built.split.test).shape[1:] == (16, 16, 3)
    # Again: the model and the crops are those of the cache.
    models = list((tmp_path / "cache" / "models").iterdir())
    again = build_experiment(config(faces, tmp_path / "cache"), tmp_path / "other")
    assert again.alignment is not None
    assert again.alignment.digest() == built.alignment.digest()
    assert list((tmp_path / "cache" / "models").iterdir()) == models


def test_crops_of_another_model_are_others(faces: Path, tmp_path: Path):
    made = config(faces, tmp_path / "cache")
    images, engine = read_folder(faces), alignment_engine(made, read_folder(faces), faces, tmp_path / "run")
    assert engine.model is not None
    changed = dataclasses.replace(engine.model, offsets=engine.model.offsets + 0.05)
    changed.save(tmp_path / "changed.npz")
    made.align.model = str(tmp_path / "changed.npz")
    first, other = (
        Path(str(aligned_images(images, made, stage=stage, engine=one)[0].images[0]))
        for one in (engine, engine_of(made.align))
    )
    assert first.parents[1] != other.parents[1]
    assert first.read_bytes() != other.read_bytes()


def test_the_job_writes_crops_and_the_model_and_continues(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    given = spied(monkeypatch)
    images, out = shutil.copytree(faces, tmp_path / "in"), tmp_path / "out"
    request = Request("align", config(faces, tmp_path / "cache"), "base", input=str(images), output=str(out))
    align(request)
    rows = read_manifest(out / "manifest.csv")
    assert len(rows) == 28
    assert not any(row.fallback or row.fault for row in rows)
    model = AlignmentModel.load(out / MODEL)
    # A later image is aligned by the model of the folder, which is not learned again.
    some = next(path for path in sorted(images.iterdir()) if path.is_dir())
    shutil.copy(next(some.iterdir()), some / "later.jpg")
    capsys.readouterr()
    align(request)
    assert "1 aligned now" in capsys.readouterr().out
    assert len(given) == 1
    assert AlignmentModel.load(out / MODEL).digest() == model.digest()


def test_a_run_keeps_its_model_for_the_decisions_of_its_network(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    given, run = spied(monkeypatch), str(tmp_path / "run")
    made = config(faces, tmp_path / "cache")
    made.loss = ConfigDict(dict(name="cosface", margin=0.2, scale="adacos"))
    made.training.update(epochs=1.0, devices=1)
    made.evaluation.update(every_epochs=1.0, cohort=0, false_match_rate=0.4)
    run_job(Request("train", made, "tiny", workdir=run))
    kept = AlignmentModel.load(tmp_path / "run" / MODEL)
    shutil.rmtree(tmp_path / "cache")
    pairs = read_scores(tmp_path / "run" / "scores.npz")["test"]
    model = shutil.copytree(tmp_path / "run" / "model", tmp_path / "model")
    compared = FaceVerifier.load(model).compare(*files_of(pairs, faces))
    assert isinstance(compared, list)
    # The few pairs are embedded in a smaller batch than those of the evaluation.
    np.testing.assert_allclose([one.distance for one in compared], pairs.distances, atol=1e-6)
    two = read_folder(faces).images[:2]
    delivered: list = []
    run_job(Request("verify", made, "tiny", workdir=run, input=",".join(map(str, two)), deliver=delivered.append))
    (decision,) = delivered[0]["decisions"]
    expected = FaceVerifier.load(model).compare(*two)
    assert decision["distance"] == pytest.approx(expected.distance, abs=1e-6)
    assert len(given) == 1
    assert read_model(model).card.system.alignment.detector == f"congealing {kept.digest()}"


def test_a_model_needs_its_engine_and_its_crop(tmp_path: Path):
    made = base.get_config().align
    made.model = str(tmp_path / "model.npz")
    with pytest.raises(UserError, match=r"--config\.align\.engine is 'auto', which uses no model"):
        engine_of(made)
    made.engine = "congealing"
    with pytest.raises(UserError, match=r"model\.npz: not an alignment model"):
        engine_of(made)
    zeros = np.zeros((1, 512, 4), np.float32)
    AlignmentModel(zeros[..., 0], zeros, zeros[:, 0], CongealingSettings(0.5, stages=(1.0,))).save(made.model)
    with pytest.raises(UserError, match=r"expected the same --config\.align\.fallback_crop, found 0\.544"):
        engine_of(made)
    made.model = ""
    with pytest.raises(UserError, match=r"expected its file in --config\.align\.model"):
        engine_of(made)
