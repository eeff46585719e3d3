"""`--mode=cluster` groups photos by identity, scores the groups against named folders, and shows them on contact sheets."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from configs import quickstart
from lfw_jax.errors import UserError
from lfw_jax.evaluation.clustering import score_clustering
from lfw_jax.inference.model.directory import read_model, write_model
from lfw_jax.inference.model.embedding_table import EmbeddingTable, Manifest, read_table, write_table
from lfw_jax.jobs import cluster as cluster_job
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.report import cluster_files
from tests.jobs.embedded_faces import asked, embedded_faces


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory) / "faces"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory) / "run"


def cluster(model: Path | str, given: Path | str, output: Path | str, **changes: Any) -> dict[str, Any]:
    return asked("cluster", model, input=str(given), output=str(output), **changes)


def embeddings_file(
    workdir: Path, path: Path, embeddings: np.ndarray, identities: list[str], sources: list[str]
) -> Path:
    count = len(embeddings)
    table = EmbeddingTable(
        embeddings.astype(np.float32), np.array(identities, np.str_), np.arange(count), np.array(sources, np.str_),
        np.full((count, 4), np.nan, np.float32), np.full(count, np.nan, np.float32), np.zeros(count, np.int64),
    )  # fmt: skip
    card = read_model(workdir / "model").card
    write_table(path, table, Manifest(1, card.name, card.sha256, "photos", False, count, count, embeddings.shape[1]))
    return path


def axes(*indices: int) -> np.ndarray:
    """Return unit vectors along axes, each turned a little towards another one."""
    vectors = np.eye(8)[list(indices)]
    vectors += 0.02 * np.eye(8)[np.arange(len(indices)) % 8]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_clustered_scored_and_shown(workdir: Path, faces: Path, tmp_path: Path, capsys: Any):
    found = cluster(workdir, faces, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "clusters.json").read_text())
    assert found == written | {"output": str(tmp_path / "out")}
    assert written["faces"] == 48
    assert written["target_rate"] == read_model(workdir / "model").card.calibration.result.target_rate
    rows = rows_of(tmp_path / "out" / "clusters.csv")
    assert sorted(row["source"] for row in rows) == sorted(map(str, faces.glob("*/*.jpg")))
    assert all(row["identity"] == Path(row["source"]).parent.name for row in rows)
    clusters = np.array([int(row["cluster"] or 0) - 1 for row in rows])
    scores = score_clustering(clusters, np.array([row["identity"] for row in rows]))
    assert written["scores"]["bcubed"]["f"] == pytest.approx(scores.bcubed.f)
    assert (scores.clusters, scores.unclustered) == (len(written["clusters"]), written["unclustered"])
    assert scores.clusters > 0
    for row in rows:
        assert (row["probability"] == row["distance"] == "") == (row["cluster"] == "")
        assert not row["cluster"] or float(row["distance"]) < written["threshold"]
    for one in written["clusters"]:
        assert one["faces"] == sum(one["identities"].values()) == (clusters == one["number"] - 1).sum()
        with Image.open(tmp_path / "out" / one["sheet"]) as sheet:
            assert np.asarray(sheet).std() > 10
    text = capsys.readouterr().out
    assert "48 faces: " in text
    assert "Scores against the 16 identities of the input" in text
    (line,) = [line.split() for line in text.splitlines() if line.startswith("  BCubed ")]
    assert line[1:] == [f"{value:.3f}" for value in vars(scores.bcubed).values()]
    assert max(map(len, [line for line in text.splitlines() if str(tmp_path) not in line])) <= 80


def test_photos_without_identities_are_not_scored(workdir: Path, faces: Path, tmp_path: Path, capsys: Any):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in sorted(faces.glob("*/*.jpg"))[:12]:
        shutil.copy(path, flat)
    (flat / "notes.txt").write_text("not a photo")
    found = cluster(workdir, flat, tmp_path / "out", fmr=0.2)
    assert (found["faces"], found["scores"]) == (12, None)
    assert found["target_rate"] == 0.2
    assert {one["source"] for one in found["skipped"]} == {str(flat / "notes.txt")}
    assert all(one["identities"] == {} for one in found["clusters"])
    assert {row["identity"] for row in rows_of(tmp_path / "out" / "clusters.csv")} == {""}
    text = capsys.readouterr().out
    assert "Scores" not in text
    assert "1 photo skipped" in text


def test_known_embeddings_give_the_clusters_that_they_show(workdir: Path, tmp_path: Path, capsys: Any):
    sources = ["nowhere/\udcff\n.jpg", *(f"nowhere/{number}.jpg" for number in range(7))]
    given = embeddings_file(
        workdir, tmp_path / "in.npz", axes(0, 0, 0, 1, 1, 2, 3, 0), [*"aaabbcd", "e" * 200], sources
    )
    found = cluster(workdir, given, tmp_path / "out")
    assert [(one["faces"], one["identities"]) for one in found["clusters"]] == [
        (4, {"a": 3, "e" * 200: 1}),
        (2, {"b": 2}),
    ]
    assert found["unclustered"] == 2
    rows = rows_of(tmp_path / "out" / "clusters.csv")
    assert [row["cluster"] for row in rows] == ["1", "1", "1", "1", "2", "2", "", ""]
    assert [row["distance"] for row in rows if row["distance"] == "0"] == ["0", "0"]
    text = capsys.readouterr().out
    assert "    1      4 faces  a 3, eee" in text
    assert max(map(len, [line for line in text.splitlines() if str(tmp_path) not in line])) <= 80


def test_sheets_and_their_faces_are_bounded_and_what_is_left_out_is_said(
    workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    monkeypatch.setattr(cluster_files, "FACES_PER_SHEET", 3)
    for module in (cluster_files, cluster_job):
        monkeypatch.setattr(module, "SHEETS", 1)
    monkeypatch.setattr(cluster_job, "FACES_PER_SHEET", 3)
    given = embeddings_file(
        workdir, tmp_path / "in.npz", axes(*[0] * 5, 1, 1, 2, 2), [*"aaaaabbcc"], [f"{number}" for number in range(9)]
    )
    found = cluster(workdir, given, tmp_path / "out")
    assert [one["sheet"] for one in found["clusters"]] == ["cluster_001.png", "", ""]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cluster_001.png", "clusters.csv", "clusters.json",
    ]  # fmt: skip
    text = capsys.readouterr().out
    assert "1 contact sheet\nWithout a contact sheet: 2 smaller clusters; clusters.csv has them." in text
    assert "A sheet shows at most 3 faces of a cluster" in text
    assert cluster_files.shown_members(np.arange(10)).tolist() == [0, 4, 9]


def test_bad_requests_are_refused_in_a_sentence(workdir: Path, faces: Path, tmp_path: Path, monkeypatch: Any):
    (tmp_path / "there" / "mine").mkdir(parents=True)
    (tmp_path / "one").mkdir()
    shutil.copy(next(faces.glob("*/*.jpg")), tmp_path / "one")
    saved = read_model(workdir / "model")
    write_model(tmp_path / "other", type(saved)(saved.card, {name: array + 1 for name, array in saved.arrays.items()}))
    table = embeddings_file(workdir, tmp_path / "in.npz", axes(0, 0), ["", ""], ["0", "1"])
    out = tmp_path / "out"
    for model, given, output, fmr, words in (
        (workdir, faces, "", None, "--mode=cluster needs --output: a folder"),
        (workdir, "", out, None, "--mode=cluster needs --input: photos"),
        (workdir, faces, tmp_path / "there", None, r"--output: .*there exists already\. Choose another name"),
        ("", faces, out, None, "--mode=cluster needs --model: a model directory"),
        (workdir, tmp_path / "none", out, None, "found no such file or folder"),
        (workdir, faces, out, 1e-9, "fmr is 1e-09; this model supports false match rates of"),
        (workdir, faces, out, 0.0, r"fmr is 0; expected a false match rate above 0 and below 1"),
        (workdir, faces, out, 2.0, r"fmr is 2; expected a false match rate above 0 and below 1"),
        (workdir, tmp_path / "one", out, None, "--input: found one face in .*one; expected two or more to cluster"),
        (tmp_path / "other", table, out, None, r"--input: .*in\.npz has embeddings of another model"),
    ):
        with pytest.raises(UserError, match=words):
            cluster(model, given, output, fmr=fmr)
    monkeypatch.setattr(cluster_job, "MOST_FACES", 1)
    for given in (faces, table):
        with pytest.raises(UserError, match=r"--input: found \d+ photos at .*; expected at most 1\. Split them"):
            cluster(workdir, given, out)
    assert not out.exists()


def test_photos_without_a_face_are_refused_together(workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def faceless(*_: Any) -> Any:
        raise OSError("found no face")

    monkeypatch.setattr("lfw_jax.jobs.photo_embedding._photo", faceless)
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "b.png")
    with pytest.raises(UserError, match=r"--input: none of 2 photos could be embedded; .*a\.png: found no face"):
        cluster(workdir, f"{tmp_path}/a.png,{tmp_path}/b.png", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_of_embeddings_gives_what_its_photos_give(workdir: Path, faces: Path, tmp_path: Path):
    run_job(
        Request(
            "embed", quickstart.get_config(), "quickstart", model=str(workdir), input=str(faces),
            output=str(tmp_path / "faces.npz"), aligned=True,
        )
    )  # fmt: skip
    assert len(read_table(tmp_path / "faces.npz")[0]) == 48
    one = cluster(workdir, tmp_path / "faces.npz", tmp_path / "a")
    other = cluster(workdir, faces, tmp_path / "b", aligned=True)
    assert one["clusters"] == other["clusters"]
    assert (tmp_path / "a" / "clusters.csv").read_text() == (tmp_path / "b" / "clusters.csv").read_text()
