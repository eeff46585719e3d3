"""`--mode=export-model` writes a network that equals JAX in every format, or nothing."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from configs import quickstart
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.inference.export import checking, quantisation, saved_model, writing
from lfw_jax.inference.export.manifest import ExportManifest
from lfw_jax.inference.export.onnx_model import run_onnx
from lfw_jax.inference.export.saved_model import run_saved_model
from lfw_jax.inference.export.squares import aligned_squares
from lfw_jax.inference.export.stablehlo import run_stablehlo
from lfw_jax.inference.model.directory import SavedModel, read_model, write_model
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.systems import FusedSystem
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.typed_json import read_json
from tests.jobs.embedded_faces import asked, embedded_faces


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory) / "faces"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory) / "run"


def export(model: Path | str, output: Path | str, given: Path | str = "", **changes: Any) -> dict[str, Any]:
    return asked("export-model", model, input=str(given), output=str(output), **changes)


def squares_of(workdir: Path, faces: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the stored squares of some photos and their embeddings."""
    verifier = FaceVerifier.load(workdir / "model")
    files = [path for path in read_folder(faces).images if isinstance(path, Path)][:count]
    return aligned_squares(verifier, files), verifier.embed(files)


@pytest.mark.parametrize(
    ("name", "run"),
    [("a.onnx", run_onnx), ("a.stablehlo", run_stablehlo), ("folder", run_saved_model)],
)
def test_every_format_gives_the_embeddings_of_jax(
    name: str, run: Any, workdir: Path, faces: Path, tmp_path: Path, capsys: Any
):
    output = tmp_path / name
    delivered = export(workdir, output)
    squares, expected = squares_of(workdir, faces, 7)
    for batch in (1, 7):
        np.testing.assert_allclose(run(output, squares[:batch]), expected[:batch], atol=1e-5)
    path = output / "manifest.json" if name == "folder" else tmp_path / f"{name}.json"
    manifest = read_json(path, ExportManifest, schema=1, remedy="")
    card = read_model(workdir / "model").card
    assert (manifest.sha256, manifest.limits, manifest.thresholds) == (card.sha256, card.limits, card.curve)
    assert (manifest.input.shape, manifest.output.shape) == (("batch", 18, 18, 3), ("batch", 8))
    assert manifest.difference is not None
    assert manifest.difference.largest < 1e-5
    assert delivered["path"] == str(output)
    assert delivered["bytes"] > 1000
    printed = capsys.readouterr().out
    assert "squares uint8 [batch, 18, 18, 3] → embeddings float32 [batch, 8]" in printed
    assert "on 16 synthetic faces" in printed
    written = {output.name} | ({path.name} if path.parent == tmp_path else set())
    assert {one.name for one in tmp_path.iterdir()} == written


def test_an_onnx_file_describes_itself(workdir: Path, faces: Path, tmp_path: Path):
    export(workdir / "model", tmp_path / "a.onnx", faces)
    model = onnx.load(tmp_path / "a.onnx")
    properties = {one.key: one.value for one in model.metadata_props}
    manifest = json.loads((tmp_path / "a.onnx.json").read_text())
    assert properties.keys() == manifest.keys()
    assert properties["sha256"] == manifest["sha256"]
    assert json.loads(properties["thresholds"]) == manifest["thresholds"]
    assert manifest["difference"]["source"] == f"faces of {faces}"
    assert [entry.version for entry in model.opset_import] == [17]


def test_int8_is_calibrated_on_identities_without_a_test_pair(workdir: Path, faces: Path, tmp_path: Path, capsys: Any):
    named = read_scores(workdir / "scores.npz")["test"].identities
    assert named is not None
    tested = set(named.ravel().tolist())
    delivered = export(workdir, tmp_path / "a.onnx", faces, int8=True, aligned=True)
    effect, others = delivered["quantisation"], 3 * (16 - len(tested))
    assert [one["batch"] for one in effect["latencies"]] == [1, min(32, effect["measured_faces"])]
    assert all(one["float_milliseconds"] > 0 < one["int8_milliseconds"] for one in effect["latencies"])
    assert effect["calibration_faces"] + effect["measured_faces"] == others
    assert 0.9 < effect["smallest_cosine"] <= effect["mean_cosine"] < 1
    assert 0 < effect["mean_distance_change"] <= effect["largest_distance_change"] < 0.5
    assert effect["float_nodes"] == ["stem"]
    printed = capsys.readouterr().out
    assert "ms in int8 (median of 7)" in printed
    assert f"{3 * len(tested)} photos of identities of the evaluation are left out of the calibration" in printed
    assert f"{others} faces are few for a calibration; 100 or more are better" in printed
    squares, expected = squares_of(workdir, faces, 7)
    cosines = (run_onnx(tmp_path / "a.onnx", squares) * expected).sum(axis=1)
    assert (cosines > 0.9).all()
    assert 1e-4 < delivered["difference"]["largest"] < 1  # of the model that was written, not of its float32 original
    model = onnx.load(tmp_path / "a.onnx")
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in model.graph.node}
    assert json.loads({one.key: one.value for one in model.metadata_props}["quantisation"]) == effect


def test_int8_that_changes_embeddings_too_much_is_refused(
    workdir: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(quantisation, "LEAST_COSINE", 1.5)
    with pytest.raises(
        UserError, match=r"--int8: .* mean cosine of \d\.\d+ with those of float32, expected at least 1\.5"
    ):
        export(workdir, tmp_path / "a.onnx", faces, int8=True, aligned=True)
    assert not list(tmp_path.iterdir())


def test_photos_that_cannot_be_read_are_left_out(workdir: Path, faces: Path, tmp_path: Path, capsys: Any):
    files = sorted(faces.glob("*/*.jpg"))[:2]
    (tmp_path / "broken.jpg").write_bytes(files[0].read_bytes()[:400])
    given = f"{tmp_path / 'broken.jpg'},{files[0]},{files[1]}"
    assert export(workdir, tmp_path / "a.onnx", given)["difference"]["faces"] == 2
    assert "1 of 3 photos skipped, the first: " in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--input: found no readable photo at .*broken\.jpg"):
        export(workdir, tmp_path / "b.onnx", tmp_path / "broken.jpg")


def test_an_export_that_differs_from_jax_leaves_nothing(workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = writing.run_onnx
    for fault in (lambda found: found + 2e-4, lambda found: found * np.nan):
        monkeypatch.setattr(writing, "run_onnx", lambda path, squares, fault=fault: fault(run(path, squares)))
        with pytest.raises(
            UserError, match=r"the exported model differs from JAX by (0\.0002|nan) .*Nothing was written"
        ):
            export(workdir, tmp_path / "out" / "a.onnx")
        assert not list(tmp_path.iterdir())


def test_squares_need_photos_and_a_single_system(workdir: Path, faces: Path):
    verifier = FaceVerifier.load(workdir / "model")
    with pytest.raises(UserError, match="found no photo"):
        aligned_squares(verifier, [])
    fused = FaceVerifier(verifier.card, FusedSystem({"one": verifier.system}, {"one": 1.0}), verifier.finder)  # pyright: ignore
    with pytest.raises(UserError, match="found a fused system"):
        aligned_squares(fused, sorted(faces.glob("*/*.jpg"))[0], aligned=True)


def test_fewer_faces_than_a_batch_are_checked_as_well():
    batches = []

    def run(squares: np.ndarray) -> np.ndarray:
        batches.append(len(squares))
        return squares[:, 0, 0].astype(np.float32)

    squares = np.arange(3 * 12, dtype=np.uint8).reshape(3, 2, 2, 3)
    found = checking.checked(run, lambda given: given[:, 0, 0].astype(np.float32), squares, "faces")
    assert sorted(batches) == [1, 3]
    assert found.largest == 0


def test_bad_requests_are_refused_in_a_sentence(workdir: Path, faces: Path, tmp_path: Path):
    (tmp_path / "there.onnx").write_text("")
    (tmp_path / "left.onnx.json").write_text("")
    one = sorted(faces.glob("*/*.jpg"))[0]
    model = workdir / "model"
    for options, words in (
        (dict(output=""), "--mode=export-model needs --output: a file that ends in .onnx or .stablehlo, or a folder"),
        (
            dict(output=tmp_path / "a.tflite"),
            r"--output is .*a\.tflite; expected a file that ends in \.onnx or \.stabl",
        ),
        (dict(output=tmp_path / "there.onnx"), r"there\.onnx exists already\. Choose another name"),
        (dict(output=tmp_path / "left.onnx"), r"left\.onnx\.json exists already"),
        (dict(output=tmp_path / "a.onnx", int8=True), "--int8 needs --input: photos of at least 100 faces"),
        (dict(output=tmp_path / "a.stablehlo", int8=True, given=faces), r"int8 is written as ONNX\. Choose a name"),
        (dict(output=tmp_path / "a.onnx", int8=True, given=one), "--int8 needs at least 20 faces .*found 1: faces of"),
        (dict(output=tmp_path / "a.onnx", given=tmp_path / "none"), "found no such file or folder"),
        (dict(output=tmp_path / "a.onnx", model=faces), r"found no card\.json; expected a model directory"),
        (dict(output=tmp_path / "a.onnx", model=""), "--mode=export-model needs --model"),
    ):
        with pytest.raises(UserError, match=words):
            export(**({"model": model} | options))  # pyright: ignore[reportArgumentType]
    assert {path.name for path in tmp_path.iterdir()} == {"there.onnx", "left.onnx.json"}
    with pytest.raises(UserError, match="--int8 is given with --mode=verify; it is a flag of --mode=export-model"):
        run_job(Request("verify", quickstart.get_config(), "quickstart", int8=True))


def test_missing_packages_are_named(workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        UserError, match=r"needs onnxruntime, which is not installed; run `pip install 'lfw-jax\[export\]'`"
    ):
        export(workdir, tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UserError, match=r"SavedModel, which needs TensorFlow .*pip install 'lfw-jax\[tensorflow\]'"):
        export(workdir, tmp_path / "folder")
    assert not list(tmp_path.iterdir())


def test_a_tensorflow_that_is_too_old_is_refused():
    with pytest.raises(UserError, match=r"runs StableHLO modules up to version \d+, found version 99 of the installed"):
        saved_model.tensorflow_version(99)


@pytest.mark.parametrize(
    ("kind", "found"), [("descriptors", r"descriptors \(descriptors\)"), ("fused", "fused members")]
)
def test_systems_that_are_no_network_are_refused(kind: str, found: str, workdir: Path, tmp_path: Path):
    model = read_model(workdir / "model")
    system = model.card.system
    other = (
        dataclasses.replace(system, model={"name": "descriptors"})
        if kind == "descriptors"
        else dataclasses.replace(system, model={"name": "members"}, geometry=None, members={"one": system})
    )
    write_model(tmp_path / "model", SavedModel(dataclasses.replace(model.card, system=other), model.arrays))
    with pytest.raises(UserError, match=rf"found {found}; expected a network, with or without a backend"):
        export(tmp_path / "model", tmp_path / "a.onnx")
