"""A gallery finds the nearest faces, exactly for few and by an index for many."""

import builtins
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.errors import UserError
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.inference.model.gallery import Gallery
from lfw_jax.inference.model.gallery_index import GalleryIndex, UnfitIndexError, manifest_of
from tests.inference.tables import directions, table_of

MODEL = "a" * 64


def brute_force(queries: np.ndarray, faces: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest rows by sorting every distance."""
    both = np.concatenate([queries, faces])
    distances = np.stack(
        [
            pair_distances(both, np.full(len(faces), query), len(queries) + np.arange(len(faces)))
            for query in range(len(queries))
        ]
    )
    rows = np.argsort(distances, axis=1, kind="stable")[:, :top]
    return rows, np.take_along_axis(distances, rows, axis=1)


@settings(max_examples=40, deadline=None)
@given(
    faces=st.integers(1, 60), queries=st.integers(1, 5), top=st.integers(1, 70), seed=st.integers(0, 99), repeated=st.booleans()
)  # fmt: skip
def test_exact_search_equals_sorting_every_distance(faces: int, queries: int, top: int, seed: int, repeated: bool):
    embeddings = directions(faces, seed=seed)
    if repeated:  # equal faces are ordered by their rows
        embeddings = embeddings[np.random.default_rng(seed).integers(0, max(1, faces // 4), faces)]
    wanted = np.concatenate([directions(queries, seed=seed + 1), embeddings[:1]])
    hits = Gallery(table_of(embeddings), MODEL).search(wanted, top)
    rows, distances = brute_force(wanted, embeddings, top)
    np.testing.assert_array_equal(hits.rows, rows)
    np.testing.assert_allclose(hits.distances, distances, atol=1e-7)  # embeddings are normalised in float32 once more


def test_the_length_of_an_embedding_does_not_matter():
    embeddings = directions(30)
    scaled = Gallery(table_of(3 * embeddings), MODEL).search(7 * embeddings[:4], 5)
    plain = Gallery(table_of(embeddings), MODEL).search(embeddings[:4], 5)
    np.testing.assert_array_equal(scaled.rows, plain.rows)
    np.testing.assert_allclose(scaled.distances, plain.distances, atol=1e-6)


def test_an_index_finds_nearly_what_exact_search_finds_and_says_how_much(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(GalleryIndex, "build", partial(GalleryIndex.build, threads=1))  # always the same index
    embeddings = directions(3000)
    progress: list[int] = []
    gallery = Gallery.of(table_of(embeddings), MODEL, exact_below=1000, progress=progress.append)
    assert progress[-1] == 3000
    exact = Gallery.of(table_of(embeddings), MODEL)
    assert (gallery.index is None, exact.index is None) == (False, True)
    queries = directions(40, seed=5)
    found, expected = gallery.search(queries, 10), exact.search(queries, 10)
    assert np.mean(found.rows == expected.rows) > 0.95
    same = found.rows == expected.rows
    np.testing.assert_array_equal(found.distances[same], expected.distances[same])
    assert (np.diff(found.distances, axis=1) >= 0).all()
    recall = gallery.recall(queries, 10)
    assert recall is not None
    assert recall.share > 0.95
    assert (recall.top, recall.queries) == (10, 100)
    assert exact.recall(queries, 10) is None
    one = gallery.search(queries[:1], 10)
    np.testing.assert_array_equal(one.rows, found.rows[:1])


def test_recall_measures_an_index_that_misses_faces():
    embeddings = directions(300)

    class Half(GalleryIndex):
        """Proposes the odd rows."""

        def __init__(self) -> None: ...

        def propose(self, queries: np.ndarray, count: int) -> np.ndarray:
            assert count <= 150
            return np.tile(np.arange(1, 300, 2), (len(queries), 1))

    gallery = Gallery(table_of(embeddings), MODEL, index=Half())
    recall = gallery.recall(embeddings[:0], 1)
    assert recall is not None
    # The sample is faces of the gallery, which do not count as their own neighbours.
    sample = np.linspace(0, 299, 100).round().astype(int)
    distances = np.linalg.norm(embeddings[sample][:, None] - embeddings, axis=2)
    distances[np.arange(100), sample] = np.inf
    assert recall.share == pytest.approx(np.mean(distances.argmin(1) % 2 == 1))
    assert (recall.top, recall.queries) == (1, 100)


def test_a_search_for_more_faces_than_the_graph_reaches_is_exact():
    embeddings = directions(50)
    gallery = Gallery.of(table_of(embeddings), MODEL, exact_below=1)
    assert gallery.search(embeddings[:2], 60).rows.shape == (2, 50)
    assert gallery.search(embeddings[:0], 5).rows.shape == (0, 5)
    assert Gallery(table_of(embeddings), MODEL).search(embeddings[:0], 5).distances.shape == (0, 5)


def test_an_index_is_built_once_and_kept_beside_the_embeddings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "photos.npz"
    table = table_of(directions(200))
    first = Gallery.of(table, MODEL, path=path, exact_below=100)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["photos.npz.usearch", "photos.npz.usearch.json"]
    monkeypatch.setattr(GalleryIndex, "build", None)
    second = Gallery.of(table, MODEL, path=path, exact_below=100)
    queries = directions(5, seed=3)
    np.testing.assert_array_equal(first.search(queries, 3).rows, second.search(queries, 3).rows)
    assert first.note == second.note == ""


def test_an_index_of_others_or_a_damaged_one_is_built_again_and_says_so(tmp_path: Path):
    path, index = tmp_path / "photos.npz", tmp_path / "photos.npz.usearch"
    table, other = table_of(directions(200)), table_of(directions(200, seed=1))
    Gallery.of(other, MODEL, path=path, exact_below=100)
    embeddings = Gallery(table, MODEL).table.embeddings
    with pytest.raises(
        UnfitIndexError, match=r"photos\.npz\.usearch: found an index of 200 other embeddings\. Remove it"
    ):
        GalleryIndex.read(index, MODEL, embeddings)
    with pytest.raises(UnfitIndexError, match=r"an index of another model \(aaaaaaaaaaaa\), expected one of bbbb"):
        GalleryIndex.read(index, "b" * 64, embeddings)
    found = Gallery.of(table, MODEL, path=path, exact_below=100)
    assert found.note == f"The index was built again: {index}: found an index of 200 other embeddings."
    queries = directions(5, seed=3)
    np.testing.assert_array_equal(found.search(queries, 3).rows, brute_force(queries, embeddings, 3)[0])
    for content in (index.read_bytes()[:-100], bytes(1000), b""):
        index.write_bytes(content)
        with pytest.raises(UnfitIndexError, match="is damaged, its checksum is not that of its manifest"):
            GalleryIndex.read(index, MODEL, embeddings)
        assert "is damaged" in Gallery.of(table, MODEL, path=path, exact_below=100).note
    assert Gallery.of(table, MODEL, path=path, exact_below=100).note == ""


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("settings", "usearch 1, 8 edges", "an index of usearch 1, 8 edges, expected usearch"),
        ("schema", 7, "7, expected 1"),
    ],
)
def test_an_index_of_another_version_or_other_settings_is_built_again(tmp_path: Path, key: str, value: Any, words: str):
    path, described = tmp_path / "photos.npz", manifest_of(tmp_path / "photos.npz.usearch")
    table = table_of(directions(200))
    Gallery.of(table, MODEL, path=path, exact_below=100)
    described.write_text(json.dumps(json.loads(described.read_text()) | {key: value}))
    assert words in Gallery.of(table, MODEL, path=path, exact_below=100).note
    assert Gallery.of(table, MODEL, path=path, exact_below=100).note == ""


def test_a_file_that_is_no_index_of_this_project_is_refused_and_kept(tmp_path: Path):
    path, index = tmp_path / "photos.npz", tmp_path / "photos.npz.usearch"
    index.write_bytes(b"mine")
    table = table_of(directions(200))
    with pytest.raises(
        UserError, match=r"found no manifest photos\.npz\.usearch\.json beside it.*Remove it and its \.json"
    ):
        Gallery.of(table, MODEL, path=path, exact_below=100)
    manifest_of(index).write_text(json.dumps({"schema": 7}))
    with pytest.raises(UserError, match="schema version 7, expected 1"):
        Gallery.of(table, MODEL, path=path, exact_below=100)
    assert index.read_bytes() == b"mine"


def test_an_index_that_cannot_be_kept_is_used_all_the_same(tmp_path: Path):
    (tmp_path / "file").write_text("")
    gallery = Gallery.of(table_of(directions(200)), MODEL, path=tmp_path / "file" / "photos.npz", exact_below=100)
    assert gallery.note.startswith("The index is not kept: ")
    assert gallery.index is not None


def test_what_cannot_be_searched_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    gallery = Gallery(table_of(directions(9)), MODEL)
    with pytest.raises(UserError, match="gallery: found no face; expected at least one"):
        Gallery(table_of(directions(9)).rows(np.arange(0)), MODEL)
    broken = directions(9)
    broken[3] = np.nan
    with pytest.raises(UserError, match="gallery: 1 of 9 embeddings are not finite"):
        Gallery(table_of(broken), MODEL)
    with pytest.raises(UserError, match="top is 0; expected 1 or more"):
        gallery.search(directions(2), 0)
    with pytest.raises(UserError, match="found embeddings of length 4, expected 16 as in the gallery"):
        gallery.search(directions(2, dim=4), 1)
    plain = builtins.__import__

    def without_usearch(name: str, *others: Any) -> Any:
        if name.startswith("usearch"):
            raise ImportError(name)
        return plain(name, *others)

    monkeypatch.setattr(builtins, "__import__", without_usearch)
    with pytest.raises(UserError, match="needs the package usearch, which is not installed; run `pip install usearch`"):
        Gallery.of(table_of(directions(200)), MODEL, exact_below=100)
