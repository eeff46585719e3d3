"""`--mode=embed` writes the embeddings of any source, skips what cannot be embedded, and continues."""

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from configs import quickstart
from lfw_jax.data.formats.array import write_array
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.errors import UserError
from lfw_jax.inference.model import bulk
from lfw_jax.inference.model.directory import read_model, write_model
from lfw_jax.inference.model.embedding_table import manifest_path, read_table
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.photos import Photo
from lfw_jax.jobs import embed as embed_job
from lfw_jax.jobs import photo_embedding
from lfw_jax.jobs.dispatch import Request, run_job
from tests.jobs.embedded_faces import asked, embedded_faces


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory) / "faces"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory) / "run"


def embed(model: Path | str, given: Path | str, output: Path, **changes: Any) -> dict[str, Any]:
    return asked("embed", model, input=str(given), output=str(output), **changes)


@pytest.mark.parametrize("ending", [".npz", ".parquet"])
def test_every_photo_has_its_embedding(workdir: Path, faces: Path, tmp_path: Path, ending: str, capsys: Any):
    output = tmp_path / f"faces{ending}"
    delivered = embed(workdir, faces, output)
    table, manifest = read_table(output)
    images = read_folder(faces)
    assert table.sources.tolist() == [str(path) for path in images.images]
    assert list(zip(table.identities.tolist(), table.numbers.tolist(), strict=True)) == images.keys()
    expected = FaceVerifier.load(workdir / "model").embed(list(images.images))
    np.testing.assert_allclose(table.embeddings, expected, atol=1e-6)
    assert table.embeddings.dtype == np.float32
    assert np.isnan(table.boxes).all()
    assert (manifest.photos, manifest.embedded, manifest.dim, manifest.skipped) == (48, 48, 8, ())
    assert manifest.sha256 == read_model(workdir / "model").card.sha256
    assert json.loads(manifest_path(output).read_text())["embedded"] == delivered["embedded"] == 48
    assert "48 embeddings of length 8; 0 of 48 photos skipped" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == [output.name, manifest_path(output).name]


def test_pixels_are_embedded_like_files(workdir: Path, faces: Path, tmp_path: Path):
    write_array(tmp_path / "faces_in.npz", read_folder(faces))
    embed(workdir / "model", tmp_path / "faces_in.npz", tmp_path / "a.npz")
    embed(workdir / "model", faces, tmp_path / "b.npz")
    one, other = read_table(tmp_path / "a.npz")[0], read_table(tmp_path / "b.npz")[0]
    np.testing.assert_array_equal(one.embeddings, other.embeddings)
    assert one.sources[0] == f"{one.identities[0]}, image {one.numbers[0]}"


def test_an_unfinished_call_continues(
    workdir: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    monkeypatch.setattr(embed_job, "PART", 10)
    done: list[int] = []

    def counted(verifier: Any, photos: Any, **options: Any) -> Any:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(len(photos))
        return bulk.embed_in_bulk(verifier, photos, **options)

    monkeypatch.setattr(photo_embedding, "embed_in_bulk", counted)
    output = tmp_path / "faces.npz"
    with pytest.raises(KeyboardInterrupt):
        embed(workdir, faces, output)
    assert not output.exists()
    assert f"{output}.parts keeps 20 embedded photos; the same command continues." in capsys.readouterr().out
    # Another model and other photos are refused, and cost nothing.
    saved = read_model(workdir / "model")
    arrays = {name: array + 1 for name, array in saved.arrays.items()}
    write_model(tmp_path / "other", type(saved)(saved.card, arrays))
    with pytest.raises(UserError, match=r"an unfinished call embedded another model\. Continue it with what it began"):
        embed(tmp_path / "other", faces, output)
    fewer = shutil.copytree(faces, tmp_path / "fewer")
    shutil.rmtree(next(path for path in sorted(fewer.iterdir()) if path.is_dir()))
    with pytest.raises(UserError, match="other photos"):
        embed(workdir, fewer, output)
    done.clear()
    monkeypatch.setattr(photo_embedding, "embed_in_bulk", bulk.embed_in_bulk)
    embed(workdir, faces, output)
    assert f"{output}.parts: continuing after 20 of 48 photos" in capsys.readouterr().out
    embed(workdir, faces, tmp_path / "again.npz")
    one, other = read_table(output)[0], read_table(tmp_path / "again.npz")[0]
    np.testing.assert_array_equal(one.embeddings, other.embeddings)
    assert not list(tmp_path.glob("*.parts"))


def test_what_cannot_be_embedded_is_skipped_and_named(workdir: Path, faces: Path, tmp_path: Path, capsys: Any):
    copied = shutil.copytree(faces, tmp_path / "faces")
    cut, damaged = sorted(copied.glob("*/*.jpg"))[4:6]
    picture = Image.open(damaged).convert("RGB")
    cut.write_bytes(cut.read_bytes()[:300])
    damaged.unlink()
    picture.save(damaged := damaged.with_suffix(".png"))
    content = bytearray(damaged.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)  # the header is right, the pixels are not
    damaged.write_bytes(content)
    embed(workdir, copied, tmp_path / "faces.npz")
    table, manifest = read_table(tmp_path / "faces.npz")
    assert len(table) == 46
    assert {one.source for one in manifest.skipped} == {str(cut), str(damaged)}
    assert (manifest.photos, manifest.embedded) == (48, 46)
    printed = capsys.readouterr().out
    assert f"skipped {cut}: a JPEG that is cut off" in printed
    assert f"skipped {damaged}: " in printed


def test_a_set_without_a_good_photo_leaves_nothing_that_a_repaired_one_would_reuse(
    workdir: Path, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def unreadable(*_: Any) -> Any:
        raise OSError("no such disk")

    with monkeypatch.context() as broken:
        broken.setattr(photo_embedding, "_photo", unreadable)
        with pytest.raises(UserError, match=r"none of 48 photos could be embedded; .*: no such disk"):
            embed(workdir, faces, tmp_path / "faces.npz")
    assert not list(tmp_path.iterdir())
    assert embed(workdir, faces, tmp_path / "faces.npz")["embedded"] == 48


def test_devices_share_the_photos(workdir: Path, faces: Path):
    assert len(jax.local_devices()) > 1
    verifier = FaceVerifier.load(workdir / "model")
    prepared = [verifier.system.prepare_aligned(photo) for photo in map(_photo, read_folder(faces).images)]
    found = bulk.embed_on(verifier.system, prepared, jax.local_devices())
    np.testing.assert_allclose(found, bulk.embed_on(verifier.system, prepared, jax.local_devices()[:1]), atol=1e-5)


def _photo(path: Any) -> Any:
    return Photo(str(path), path.read_bytes())


def test_bad_requests_are_refused_in_a_sentence(workdir: Path, faces: Path, tmp_path: Path):
    (tmp_path / "there.npz").write_text("")
    for model, given, output, words in (
        (workdir, faces, "", "--mode=embed needs --output"),
        (workdir, faces, tmp_path / "faces.csv", r"faces\.csv; expected a file that ends in \.npz or \.parquet"),
        (workdir, faces, tmp_path / "there.npz", r"there\.npz exists already"),
        ("", faces, tmp_path / "a.npz", "--mode=embed needs --model: a model directory"),
        (faces, faces, tmp_path / "a.npz", r"found no card\.json; expected a model directory"),
        (workdir, tmp_path / "none", tmp_path / "a.npz", "found no such file or folder"),
    ):
        with pytest.raises(UserError, match=words):
            embed(model, given, output)  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        UserError,
        match="--mode=embed needs --input: photos, such as a folder; or a --config whose data are not synthetic",
    ):
        run_job(
            Request("embed", quickstart.get_config(), "quickstart", str(workdir), output=str(tmp_path / "none.npz"))
        )
    with pytest.raises(UserError, match="--aligned is given with --mode=verify; it is a flag of --mode=embed"):
        run_job(Request("verify", quickstart.get_config(), "quickstart", aligned=True))
    words = "it is a flag of --mode=align, --mode=combine, .* and --mode=export-model. Leave it out"
    for mode, flag in (("train", "output"), ("inspect", "input"), ("serve", "input")):
        with pytest.raises(UserError, match=f"--{flag} is given with --mode={mode}; {words}"):
            run_job(Request(mode, quickstart.get_config(), "quickstart", **{flag: "photos"}))  # pyright: ignore


@pytest.mark.parametrize("name", ["a.npz", "a.parquet"])
def test_a_damaged_file_of_embeddings_is_refused(tmp_path: Path, name: str):
    with pytest.raises(UserError, match="found no such file"):
        read_table(tmp_path / name)
    (tmp_path / name).write_bytes(b"no table")
    with pytest.raises(UserError, match="cannot be read as embeddings"):
        read_table(tmp_path / name)
