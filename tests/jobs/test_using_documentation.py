"""The examples of docs/using.md run in their order, on a system whose photos are aligned by a detector."""

import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from configs import base
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.inference.model.bulk import embed_in_bulk
from lfw_jax.inference.model.face_finder import NoFaceError, SeveralFacesError
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.photos import Photo
from lfw_jax.jobs.dispatch import Request, run_job
from tests.jobs.tiny_members import files_of, network, one_run, with_data

PAGE = Path(__file__).parents[2] / "docs" / "using.md"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    return write_folder(folder, people=16, images_per_person=4, side=120, seed=0)


@pytest.fixture(scope="module")
def finished(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    config = with_data(network(), faces)
    config.data.update(align=True, align_dir=str(folder / "aligned"), crop=base.get_config().data.crop)
    config.align.engine = "jax"
    config.evaluation.batch_size = 8
    one_run(config, folder / "mine")
    return folder / "mine"


@pytest.fixture
def model(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished / "model", tmp_path / "runs" / "mine" / "model")


def documented(pattern: str) -> list[str]:
    return re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def run_command(text: str, config: ConfigDict) -> None:
    """Run a command of the page, at a false match rate that a small evaluation supports."""
    flags: dict[str, Any] = {}
    for word in text.split():
        name, _, value = word.removeprefix("--").partition("=")
        flags[name] = value or True
    if "fmr" in flags:
        flags["fmr"] = 0.1
    run_job(Request(flags.pop("mode"), config, "arcface", **flags))


def test_the_examples_run(model: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    for name, file in zip("abc", sorted(faces.glob("*/*.jpg")), strict=False):
        shutil.copy(file, tmp_path / f"{name}.jpg")
    shutil.copytree(faces, tmp_path / "photos", ignore=shutil.ignore_patterns("*_000[3-9].jpg", "*.txt", "*.csv"))
    (tmp_path / "pairs.csv").write_text("path1,path2\na.jpg,b.jpg\n")
    assert (tmp_path / "runs" / "mine" / "model") == model
    monkeypatch.chdir(tmp_path)
    commands = [text for text in documented(r"^python launch\.py (.*?)$") if "--mode=serve" not in text]
    assert {text.split()[0] for text in commands} == {
        f"--mode={mode}" for mode in ("verify", "embed", "search", "dedupe", "cluster", "export-model")
    }
    config = base.get_config()
    config.align.engine = "jax"
    for text in commands:
        run_command(text, config)
    found = {
        "decisions.csv",
        "photos.npz",
        "hits",
        "duplicates",
        "clusters",
        "model.onnx",
        "model_int8.onnx",
        "saved_model",
    }
    assert found <= {path.name for path in tmp_path.iterdir()}
    examples = documented(r"^```python\n(.*?)^```")
    assert len(examples) == 5
    scope: dict[str, Any] = {}
    for example in examples:
        assert len(example.splitlines()) <= 10
        exec(compile(example, str(PAGE), "exec"), scope)
    assert scope["cosines"].argmax() == 0
    expected = scope["verifier"].embed(["a.jpg", "b.jpg"])
    np.testing.assert_allclose(scope["unit"], expected, atol=1e-4)
    assert "must not decide about people without their consent" in capsys.readouterr().out


def test_photos_are_aligned_as_in_the_evaluation(model: Path, finished: Path, faces: Path):
    pairs = read_scores(finished / "scores.npz")["test"]
    verifier = FaceVerifier.load(model, detector="jax", fallback=True)
    compared = verifier.compare(*files_of(pairs, faces))
    assert isinstance(compared, list)
    np.testing.assert_allclose([one.distance for one in compared], pairs.distances, atol=1e-5)


def test_crops_of_the_alignment_need_no_detector(model: Path, finished: Path, faces: Path):
    (aligned,) = (finished.parent / "aligned").glob("*/align.json")
    crops = sorted(aligned.parent.glob("*/*.jpg"))[:3]
    originals = [faces / crop.parent.name / crop.name for crop in crops]
    verifier = FaceVerifier.load(model, detector="jax", fallback=True)
    found = FaceVerifier.load(model).embed(crops, aligned=True)
    # Which photos are in a batch of the detector moves landmarks by the rounding of floats, and with them a pixel by one.
    np.testing.assert_allclose(found, verifier.embed(originals), atol=2e-3)


def verify_without_face(model: Path, faces: Path, empty: np.ndarray, folder: Path) -> None:
    """A pair with a photo without a face is not decided, and does not stop the others."""
    first, second = sorted(faces.glob("*/*.jpg"))[:2]
    Image.fromarray(empty).save(folder / "empty.png")
    (folder / "pairs.csv").write_text(f"path1,path2\n{first},{folder / 'empty.png'}\n{first},{second}\n")
    config, delivered = base.get_config(), []
    config.align.engine = "jax"
    flags: dict[str, Any] = {"model": str(model), "output": str(folder / "decisions.csv"), "deliver": delivered.append}
    run_job(Request("verify", config, "arcface", input=str(folder / "pairs.csv"), **flags))
    assert [one["path2"] for one in delivered[0]["decisions"]] == [str(second)]
    (undecided,) = delivered[0]["undecided"]
    assert undecided["path2"] == str(folder / "empty.png")
    assert undecided["fault"].startswith(f"{folder / 'empty.png'}: found no face. Choose a photo")
    row, other = (folder / "decisions.csv").read_text().splitlines()[1:]
    assert ",,,,," in row
    assert other.endswith(",")
    with pytest.raises(UserError, match=r"^.*empty\.png: found no face"):
        run_job(Request("verify", config, "arcface", input=f"{first},{folder / 'empty.png'}", **flags))


def test_a_photo_needs_a_face_and_may_be_limited_to_one(model: Path, faces: Path, tmp_path: Path):
    one, other = (np.asarray(Image.open(path)) for path in sorted(faces.glob("*/*.jpg"))[:2])
    empty, two = np.full_like(one, 128), np.concatenate([one, other], axis=1)
    verifier = FaceVerifier.load(model, detector="jax")
    with pytest.raises(NoFaceError, match="image 2: found no face"):
        verifier.embed([one, empty])
    assert FaceVerifier.load(model, detector="jax", fallback=True).embed(empty).shape == (1, 8)
    bulk = embed_in_bulk(
        verifier, [partial(Photo, name, pixels) for name, pixels in (("a", empty), ("b", one))], aligned=False
    )
    assert bulk.faults[0].startswith("a: found no face")
    assert (bulk.found, bulk.faults[1]) == ((0, 1), "")
    np.testing.assert_allclose(bulk.embeddings[1:], verifier.embed(one), atol=2e-3)
    assert not bulk.embeddings[0].any()
    verify_without_face(model, faces, empty, tmp_path)
    found = verifier.detect(two)
    assert len(found) == 2
    for wrong in ({"detector": "foo"}, {"face": "foo"}):
        with pytest.raises(UserError, match=r"FaceVerifier\.load: (detector|face) is 'foo'; expected one of "):
            FaceVerifier.load(model, **wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="found int, expected one picture or several"):
        verifier.embed(3)  # pyright: ignore[reportArgumentType]
    strict = FaceVerifier.load(model, detector="jax", face="only")
    with pytest.raises(SeveralFacesError, match="image 1: found 2 faces, expected one"):
        strict.embed(two)
    both = verifier.embed_faces(two, sorted(found, key=lambda face: face.box[0]))
    np.testing.assert_allclose(both[0] @ strict.embed(one)[0], 1, atol=0.05)
