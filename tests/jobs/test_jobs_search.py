"""`--mode=search` finds the nearest faces of a gallery, and says what a hit means."""

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs import quickstart
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.errors import UserError
from lfw_jax.inference.model.directory import read_model, write_model
from lfw_jax.inference.model.embedding_table import read_table, write_table
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.gallery import Gallery
from lfw_jax.inference.model.photos import Photo
from lfw_jax.jobs import photo_embedding
from lfw_jax.jobs import search as search_job
from lfw_jax.jobs.dispatch import Request
from tests.jobs.embedded_faces import asked, embedded_faces


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory)


def photos(made: Path, count: int) -> list[Path]:
    return sorted((made / "faces").glob("*/*.jpg"))[:count]


def test_hits_are_those_of_the_gallery_with_the_evidence_of_the_model(made: Path, tmp_path: Path, capsys: Any):
    photo = shutil.copy(photos(made, 5)[4], tmp_path / "new.jpg")
    found = asked("search", made / "run", gallery=made / "faces.npz", input=photo, top=4)
    table = read_table(made / "faces.npz")[0]
    verifier = FaceVerifier.load(made / "run" / "model")
    expected = Gallery(table, verifier.card.sha256).search(verifier.embed(photo), 4)
    (query,) = found["queries"]
    assert [hit["row"] for hit in query["hits"]] == expected.rows[0].tolist()
    assert [hit["source"] for hit in query["hits"]] == table.sources[expected.rows[0]].tolist()
    assert [hit["identity"] for hit in query["hits"]] == table.identities[expected.rows[0]].tolist()
    first, second = query["hits"][:2]
    assert (first["rank"], first["row"], first["distance"]) == (1, 4, pytest.approx(0, abs=1e-6))
    compared = verifier.compare(photo, second["source"])
    assert second["distance"] == pytest.approx(compared.distance, abs=1e-6)
    assert second["log_likelihood_ratio"] == pytest.approx(compared.log_likelihood_ratio, abs=1e-4)
    ratio = np.exp(second["log_likelihood_ratio"])
    assert second["probability"] == pytest.approx(ratio / (ratio + 48))
    point = found["operating_point"]
    assert point["target_rate"] == 0.1
    assert [hit["within"] for hit in query["hits"]] == [hit["distance"] < point["threshold"] for hit in query["hits"]]
    rate = point["false_match_rate"] or 0.1
    assert found["chance"]["expected"] == pytest.approx(48 * rate)
    assert found["chance"]["false_positive_identification_rate"] == pytest.approx(1 - (1 - rate) ** 48)
    printed = capsys.readouterr().out
    assert "A hit is a candidate, not a proof: among 48 faces, about" in printed
    assert "The probability is that of each hit by itself, at a prior of 1 / 49" in printed
    assert "Exact search." in printed
    assert f"The sources of the hits are in {made / 'faces'}" in printed
    table_lines = [line for line in printed.splitlines() if re.match(r"[ *]+\d +\d\.\d{3} ", line)]
    assert len(table_lines) == 4
    assert max(map(len, table_lines)) <= 80
    assert table_lines[0].strip().startswith("*")


def test_fmr_changes_the_threshold_and_one_that_is_too_small_is_refused(made: Path):
    flags = {"gallery": made / "faces.npz", "input": photos(made, 1)[0]}
    loose, usual = (asked("search", made / "run", fmr=fmr, **flags)["operating_point"] for fmr in (0.5, None))
    assert loose["threshold"] > usual["threshold"]
    with pytest.raises(UserError, match="fmr is 1e-09; this model supports false match rates of"):
        asked("search", made / "run", fmr=1e-9, **flags)


def test_the_photo_itself_is_no_hit(made: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(made)
    photo = photos(made, 1)[0]
    (query,) = asked("search", "run", gallery="faces.npz", input=photo.relative_to(made), top=47)["queries"]
    assert query["left_out"] == 1
    assert len(query["hits"]) == 47
    assert 0 not in [hit["row"] for hit in query["hits"]]
    assert "is in the gallery itself and is not among the hits" in capsys.readouterr().out
    copy = shutil.copy(photo, tmp_path / photo.name)
    (query,) = asked("search", "run", gallery="faces.npz", input=copy, top=1)["queries"]
    assert (query["left_out"], query["hits"][0]["row"]) == (0, 0)
    (query,) = asked("search", "run", gallery=copy, input=copy)["queries"]
    assert query["hits"] == []
    assert "no other face in the gallery" in capsys.readouterr().out


def test_output_lists_all_hits_and_shows_them(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search_job, "ROWS", 2)
    monkeypatch.setattr(search_job, "SHEETS", 2)
    several = ",".join(map(str, photos(made, 5)))
    folder = tmp_path / "out" / "hits"
    found = asked("search", made / "run", gallery=made / "faces.npz", input=several, top=3, output=folder)
    assert sorted(path.name for path in folder.iterdir()) == ["hits.csv", "hits_01.png", "hits_02.png"]
    with open(folder / "hits.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15
    hits = [hit for query in found["queries"] for hit in query["hits"]]
    assert [(row["identity"], row["source"]) for row in rows] == [(hit["identity"], hit["source"]) for hit in hits]
    assert [int(row["within_threshold"]) for row in rows] == [hit["within"] for hit in hits]
    np.testing.assert_allclose([float(row["distance"]) for row in rows], [hit["distance"] for hit in hits], rtol=1e-5)
    sheet = decode_whole((folder / "hits_01.png").read_bytes())
    height, width = sheet.shape[:2]
    assert (height > 2 * 96, width) == (True, 6 + 4 * 102)
    frames = (np.abs(sheet.astype(int) - (0, 0x72, 0xB2)).sum(axis=2) == 0).sum()
    within = sum(hit["within"] for hit in hits[:6])
    assert frames == within * (96**2 - 86**2)
    with pytest.raises(UserError, match=r"--output: .*hits exists already\. Choose another name, or remove it"):
        asked("search", made / "run", gallery=made / "faces.npz", input=several, output=folder)


def test_an_index_is_used_for_many_faces_and_its_recall_is_reported(made: Path, tmp_path: Path, capsys: Any):
    for name in ("faces.npz", "faces.npz.json"):
        shutil.copy(made / name, tmp_path / name)
    delivered: list[dict[str, Any]] = []
    request = Request(
        "search", quickstart.get_config(), "quickstart", model=str(made / "run"), gallery=str(tmp_path / "faces.npz"),
        input=str(photos(made, 1)[0]), top=5, deliver=delivered.append,
    )  # fmt: skip
    search_job.search(request, exact_below=20)
    exact = asked("search", made / "run", gallery=tmp_path / "faces.npz", input=photos(made, 1)[0], top=5)
    assert delivered[0]["queries"] == exact["queries"]
    assert (delivered[0]["recall"], exact["recall"]) == ({"share": 1.0, "top": 5, "queries": 49}, None)
    assert (tmp_path / "faces.npz.usearch").is_file()
    printed = capsys.readouterr().out
    assert "Approximate search: the index finds 100.0 % of the 5 nearest faces" in printed
    (tmp_path / "faces.npz.usearch").write_bytes(b"damaged")
    search_job.search(request, exact_below=20)
    assert "The index was built again: " in capsys.readouterr().out


def test_a_photo_without_a_face_does_not_stop_the_others(made: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    several = photos(made, 3)
    plain = photo_embedding._photo

    def broken(images: Any, index: int, source: str) -> Photo:
        if source in bad:
            raise UserError(f"{source}: found no face. Choose a photo in which a face is larger or better lit.")
        return plain(images, index, source)

    monkeypatch.setattr(photo_embedding, "_photo", broken)
    bad = {str(several[1])}
    given = ",".join(map(str, several))
    found = asked("search", made / "run", gallery=made / "faces.npz", input=given)
    assert [query["source"] for query in found["queries"]] == [str(several[0]), str(several[2])]
    assert found["skipped"][0]["source"] == str(several[1])
    assert f"skipped {several[1]}: found no face" in capsys.readouterr().out
    bad = set(map(str, several))
    with pytest.raises(UserError, match=r"--input: none of 3 photos could be embedded; .*: found no face"):
        asked("search", made / "run", gallery=made / "faces.npz", input=given)


def test_bad_requests_are_refused_in_a_sentence(made: Path, tmp_path: Path):
    photo, gallery = photos(made, 1)[0], made / "faces.npz"
    with pytest.raises(
        UserError, match=r"--mode=search needs --gallery: a \.npz or \.parquet file of --mode=embed, or a folder"
    ):
        asked("search", made / "run", input=photo)
    with pytest.raises(UserError, match="--mode=search needs --input: photos"):
        asked("search", made / "run", gallery=gallery)
    with pytest.raises(UserError, match="--mode=search needs --model"):
        asked("search", "", gallery=gallery, input=photo)
    saved = read_model(made / "run" / "model")
    write_model(tmp_path / "other", type(saved)(saved.card, {name: array + 1 for name, array in saved.arrays.items()}))
    with pytest.raises(
        UserError, match=r"--gallery: .*faces\.npz has embeddings of another model .* Embed the photos again"
    ):
        asked("search", tmp_path / "other", gallery=gallery, input=photo)
    table, manifest = read_table(gallery)
    write_table(tmp_path / "none.npz", table.rows(np.arange(0)), manifest)
    with pytest.raises(UserError, match=r"--gallery: .*none\.npz has no embedding; expected at least one"):
        asked("search", made / "run", gallery=tmp_path / "none.npz", input=photo)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty"):
        asked("search", made / "run", gallery=tmp_path / "empty", input=photo)
    with pytest.raises(UserError, match="none"):
        asked("search", made / "run", gallery=gallery, input=tmp_path / "none.jpg")
