"""`--mode=dedupe` groups duplicate photos with their evidence, marks label errors, and deletes nothing."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.errors import UserError
from lfw_jax.inference.model.embedding_table import EmbeddingTable, read_table, write_table
from lfw_jax.jobs import dedupe as dedupe_job
from tests.jobs.embedded_faces import asked, embedded_faces


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory)


@pytest.fixture
def photos(made: Path, tmp_path: Path) -> tuple[Path, list[Path]]:
    """Return a folder with a few identities, and its copies: of one identity, of another, and one rewritten at twice the size."""
    people = sorted(path for path in (made / "faces").iterdir() if path.is_dir())[:3]
    folder = tmp_path / "photos"
    for person in people:
        shutil.copytree(person, folder / person.name)
    originals = sorted(folder.glob("*/*_0001.jpg"))
    again = originals[0].with_name(originals[0].name.replace("0001", "0008"))
    other = originals[2].with_name(originals[2].name.replace("0001", "0009"))
    larger = originals[1].with_name(originals[1].name.replace("0001", "0007"))
    shutil.copy(originals[0], again)
    shutil.copy(originals[0], other)
    Image.fromarray(decode_whole(originals[1].read_bytes())).resize((80, 80)).save(larger, quality=95)
    return folder, [again, other, larger]


def test_copies_are_grouped_and_label_errors_come_first(
    made: Path, photos: tuple[Path, list[Path]], tmp_path: Path, capsys: Any
):
    folder, (again, other, larger) = photos
    before = sorted(folder.rglob("*"))
    found = asked("dedupe", made / "run", input=folder, output=tmp_path / "out", fmr=0.1)
    first = next(group for group in found["groups"] if str(again) in [photo["source"] for photo in group["photos"]])
    assert found["groups"][0] == first
    assert first["label_error"]
    original = again.with_name(again.name.replace("0008", "0001"))
    assert {str(original), str(again), str(other)} <= {photo["source"] for photo in first["photos"]}
    exact = [pair for pair in first["pairs"] if pair["same_bytes"]]
    assert len(exact) == 3
    assert sum(pair["label_error"] for pair in exact) == 2
    assert max(pair["face_distance"] for pair in exact) < 1e-6
    group = next(group for group in found["groups"] if str(larger) in [photo["source"] for photo in group["photos"]])
    kept = [photo for photo in group["photos"] if photo["keep"]]
    assert [(photo["source"], photo["width"], photo["height"]) for photo in kept] == [(str(larger), 80, 80)]
    pair = next(pair for pair in group["pairs"] if not pair["same_bytes"] and pair["hash_bits"] is not None)
    assert pair["hash_bits"] <= 50
    printed = capsys.readouterr().out
    assert "3 pairs with the same bytes" in printed
    assert "LABEL ERROR" in printed
    assert "Nothing was deleted" in printed
    assert sorted(folder.rglob("*")) == before
    with open(tmp_path / "out" / "duplicates.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == [photo["source"] for one in found["groups"] for photo in one["photos"]]
    assert {row["recommendation"] for row in rows if row["group"] == "1"} == {"check label"}
    with open(tmp_path / "out" / "duplicate_pairs.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == sum(len(one["pairs"]) for one in found["groups"])
    assert decode_whole((tmp_path / "out" / "duplicates_01.png").read_bytes()).shape[2] == 3


def test_the_largest_picture_is_to_keep_however_long_its_metadata_is(made: Path, tmp_path: Path):
    (original, *_) = sorted((made / "faces").glob("*/*.jpg"))
    folder = tmp_path / "photos" / "one"
    folder.mkdir(parents=True)
    picture = Image.fromarray(decode_whole(original.read_bytes()))
    picture.save(folder / "one_0001.jpg", quality=95)
    picture.resize((120, 120)).save(folder / "one_0002.jpg", quality=95, icc_profile=bytes(100_000))
    (group,) = asked("dedupe", made / "run", input=tmp_path / "photos", fmr=0.1)["groups"]
    kept = [(Path(photo["source"]).name, photo["width"]) for photo in group["photos"] if photo["keep"]]
    assert kept == [("one_0002.jpg", 120)]


def test_embeddings_without_files_are_compared_by_their_faces(made: Path, tmp_path: Path, capsys: Any):
    table, manifest = read_table(made / "faces.npz")
    embeddings = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0].astype(np.float32)
    few = table.rows(np.arange(8))
    nowhere = np.array([f"record, image {row}" for row in range(8)])
    embeddings[5] = embeddings[0]
    few = EmbeddingTable(**(vars(few) | {"embeddings": embeddings, "sources": nowhere}))
    write_table(tmp_path / "few.npz", few, manifest)
    found = asked("dedupe", made / "run", input=tmp_path / "few.npz", output=tmp_path / "out")
    assert [[photo["row"] for photo in group["photos"]] for group in found["groups"]] == [[0, 5]]
    assert found["groups"][0]["pairs"][0]["hash_bits"] is None
    assert (found["files"], found["photos"]) == (0, 8)
    assert "8 photos are not files of their own: only their faces were compared" in capsys.readouterr().out


def test_a_set_without_duplicates_has_no_groups(made: Path, tmp_path: Path, capsys: Any):
    table, manifest = read_table(made / "faces.npz")
    embeddings = np.eye(8, dtype=np.float32)
    few = EmbeddingTable(**(vars(table.rows(np.arange(8))) | {"embeddings": embeddings, "sources": np.full(8, "none")}))
    write_table(tmp_path / "few.npz", few, manifest)
    found = asked("dedupe", made / "run", input=tmp_path / "few.npz", output=tmp_path / "out")
    assert found["groups"] == []
    assert "0 groups of duplicates with 0 photos" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["duplicate_pairs.csv", "duplicates.csv"]


def test_the_number_of_sheets_is_bounded(
    made: Path, photos: tuple[Path, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dedupe_job, "ROWS", 1)
    monkeypatch.setattr(dedupe_job, "SHEETS", 1)
    asked("dedupe", made / "run", input=photos[0], output=tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.png"))) == 1


def test_bad_requests_are_refused_in_a_sentence(made: Path, tmp_path: Path):
    with pytest.raises(
        UserError, match=r"--mode=dedupe needs --input: a folder of photos, or a \.npz or \.parquet file"
    ):
        asked("dedupe", made / "run")
    with pytest.raises(UserError, match="--mode=dedupe needs --model"):
        asked("dedupe", "", input=made / "faces.npz")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("")
    with pytest.raises(UserError, match=r"--output: .*out exists already"):
        asked("dedupe", made / "run", input=made / "faces.npz", output=tmp_path / "out")
    with pytest.raises(UserError, match="fmr is 1e-09; this model supports"):
        asked("dedupe", made / "run", input=made / "faces.npz", fmr=1e-9)
    with pytest.raises(UserError, match="--top is given with --mode=dedupe; it is a flag of --mode=search"):
        asked("dedupe", made / "run", input=made / "faces.npz", top=3)
