"""A run writes a model directory that gives the distances of its evaluation, without its training data."""

import dataclasses
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.inference.model.directory import ARRAYS, CARD, SavedModel, read_model, write_model
from lfw_jax.inference.model.face_verifier import FaceVerifier
from tests.jobs.tiny_members import files_of, fused, network, one_run, with_data

PARTS = ("", "members/texture", "members/network")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    return write_folder(folder, people=24, images_per_person=4, side=40, seed=0)


@pytest.fixture(scope="module")
def finished(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workdir = tmp_path_factory.mktemp("runs") / "fused"
    one_run(fused(faces, **{"members.network.evaluation.shift": 1}), workdir)
    return workdir


@pytest.fixture
def model(finished: Path, tmp_path: Path) -> Path:
    """The model directory of the member network, away from everything else."""
    return shutil.copytree(finished / "members" / "network" / "model", tmp_path / "model")


@pytest.mark.parametrize("part", PARTS)
def test_a_model_directory_gives_the_distances_of_the_evaluation(
    finished: Path, faces: Path, tmp_path: Path, part: str
):
    folder = shutil.copytree(finished / part / "model", tmp_path / "model")
    pairs = read_scores(finished / part / "scores.npz")["test"]
    verifier = FaceVerifier.load(folder)
    compared = verifier.compare(*files_of(pairs, faces))
    assert isinstance(compared, list)
    found = np.array([one.distance for one in compared], np.float32)
    np.testing.assert_array_equal(found, pairs.distances.astype(np.float32))
    assert sorted(path.name for path in folder.iterdir()) == [CARD, ARRAYS]


def test_a_backend_is_part_of_the_model(faces: Path, tmp_path: Path):
    config = with_data(network(), faces)
    config.backend = ConfigDict(dict(name="joint_bayesian", pca_dimension=4))
    one_run(config, tmp_path / "run")
    pairs = read_scores(tmp_path / "run" / "scores.npz")["test"]
    compared = FaceVerifier.load(tmp_path / "run" / "model").compare(*files_of(pairs, faces))
    assert isinstance(compared, list)
    np.testing.assert_allclose([one.distance for one in compared], pairs.distances, rtol=1e-6)


def test_the_card_says_what_the_model_is_and_what_it_may_not_do(finished: Path):
    metrics = read_finished_run(finished).metrics
    card = read_model(finished / "model").card
    assert card.system.members.keys() == {"network", "texture"}
    assert sum(card.system.weights.values()) == pytest.approx(1)
    assert card.test.accuracy == metrics.test.by_rule("accuracy").accuracy  # its development pairs are held out
    assert card.training.identities + card.training.held_out_identities < 24
    assert any("consent" in sentence for sentence in card.limits)
    assert "terms of the training data are not recorded" in card.licence
    scored = read_scores(finished / "scores.npz")["test"]
    assert sum(card.histogram.same) == scored.same.sum()
    assert sum(card.histogram.different) == (~scored.same).sum()
    text = (finished / "model" / CARD).read_text()
    assert "person" not in text.replace("people", "")  # no identity of the training set: they are named person_…


def test_photos_may_be_paths_contents_pixels_and_pillow_images(model: Path, faces: Path):
    verifier = FaceVerifier.load(model)
    path, other = sorted(faces.glob("*/*_0001.jpg"))[:2]
    with Image.open(path) as opened:
        pillow = opened.convert("RGB")
    expected = verifier.embed(path)
    assert expected.shape == (1, 8)
    np.testing.assert_allclose(np.linalg.norm(expected), 1, rtol=1e-6)
    for same in (str(path), path.read_bytes()):
        np.testing.assert_array_equal(verifier.embed(same), expected)
    pixels = np.asarray(pillow)
    np.testing.assert_array_equal(verifier.embed(pixels), verifier.embed(pillow))
    np.testing.assert_allclose(verifier.embed(pixels), expected, atol=0.02)
    two = verifier.embed([path, pixels])
    np.testing.assert_allclose(two, np.concatenate([expected, verifier.embed(pixels)]), atol=1e-6)
    assert verifier.embed(np.stack([pixels, pixels])).shape == (2, 8)
    one = verifier.compare(path, other)
    np.testing.assert_allclose(one.distance, np.linalg.norm(expected - verifier.embed(other)), atol=1e-6)
    assert 0 < one.probability < 1


def test_a_decision_holds_the_rate_that_was_asked_for(model: Path, faces: Path):
    verifier = FaceVerifier.load(model)
    one, other = sorted(faces.glob("*/*_0001.jpg"))[:2]
    rates = [point.target_rate for point in verifier.card.curve]
    assert rates == sorted(rates, reverse=True)
    decision = verifier.verify(one, other, fmr=0.12)
    assert decision.target_rate == 0.1
    assert decision.same == (decision.distance < decision.threshold)
    assert decision.threshold == verifier.operating_point(0.1).threshold
    several = verifier.verify([one, one], [one, other], fmr=0.3)
    assert isinstance(several, list)
    assert several[0].same
    with pytest.raises(UserError, match=r"fmr is 1e-09; this model supports false match rates of 0\.\d+ and above, by"):
        verifier.verify(one, other, fmr=1e-9)
    with pytest.raises(UserError, match="fmr is 1; expected a false match rate above 0 and below 1"):
        verifier.operating_point(1.0)


def test_threads_get_what_one_thread_gets(model: Path, faces: Path):
    verifier = FaceVerifier.load(model)
    files = sorted(faces.glob("*/*.jpg"))[:12]
    expected = [verifier.embed(file) for file in files]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(verifier.embed, files * 3))
    np.testing.assert_array_equal(found, expected * 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nothing.jpg", "nothing.jpg: cannot be read (No such file or directory). Check the path."),
        (b"no image", "image 1: cannot be read as an image"),
        (
            np.zeros((4, 4), np.uint8),
            "image 1: found an array of uint8 [4, 4], expected uint8 RGB pixels [height, width, 3].",
        ),
        (np.zeros((4, 4, 3)), "image 1: found an array of float64 [4, 4, 3], expected uint8"),
        ([b"", 3], "image 2: found a int, expected a path"),
        ([], "found no photo; expected at least one."),
    ],
)
def test_what_is_no_photo_is_refused_in_a_sentence(model: Path, given: object, words: str):
    with pytest.raises(UserError) as caught:
        FaceVerifier.load(model).embed(given)  # pyright: ignore[reportArgumentType]
    assert words in str(caught.value)


def test_pairs_need_as_many_second_photos(model: Path, faces: Path):
    file = next(faces.glob("*/*.jpg"))
    with pytest.raises(UserError, match="found 2 first and 1 second photos; expected as many"):
        FaceVerifier.load(model).compare([file, file], [file])


def test_a_damaged_model_is_refused_in_a_sentence(model: Path):
    content = (model / ARRAYS).read_bytes()
    (model / ARRAYS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=rf"{ARRAYS}: its SHA-256 is .* expected .* by {CARD}"):
        FaceVerifier.load(model)
    (model / ARRAYS).unlink()
    with pytest.raises(UserError, match=rf"found no {ARRAYS}; expected a model directory"):
        FaceVerifier.load(model)


def test_a_model_of_another_version_or_with_other_arrays_is_refused(model: Path):
    saved = read_model(model)
    name = next(iter(saved.arrays))
    write_model(model, SavedModel(saved.card, {key: array for key, array in saved.arrays.items() if key != name}))
    with pytest.raises(UserError, match=f"model: found no array '{name.partition('/')[2]}'"):
        FaceVerifier.load(model)
    write_model(model, SavedModel(saved.card, {key: array[:1] for key, array in saved.arrays.items()}))
    with pytest.raises(UserError, match=r"model: the array variables/.* has the shape \[1.*\], expected"):
        FaceVerifier.load(model)
    card = json.loads((model / CARD).read_text())
    (model / CARD).write_text(json.dumps(card | {"schema": 99}))
    with pytest.raises(UserError, match=r"found schema version 99, expected 1\. Write it again"):
        FaceVerifier.load(model)
    (model / CARD).write_text("{")
    with pytest.raises(UserError, match="cannot be read as JSON"):
        FaceVerifier.load(model)


def test_the_same_model_is_written_as_the_same_bytes(model: Path, tmp_path: Path):
    saved = read_model(model)
    write_model(tmp_path / "again", dataclasses.replace(saved, arrays=dict(reversed(saved.arrays.items()))))
    for name in (ARRAYS, CARD):
        assert (tmp_path / "again" / name).read_bytes() == (model / name).read_bytes()
