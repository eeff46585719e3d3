"""Clusters of unit embeddings: separated identities are found, and every member passes the decision against the medoid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.evaluation.clustering import UNCLUSTERED, score_clustering
from lfw_jax.inference import face_clusters
from lfw_jax.inference.face_clusters import FaceClusters, cluster_faces


def sampled(sizes: list[int], spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return unit embeddings around random centres, and the identity of each, in random order."""
    rng = np.random.default_rng(seed)
    identities = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centres = np.linalg.qr(rng.normal(size=(64, 64)))[0][: len(sizes)]  # orthogonal: √2 apart
    noise = rng.normal(size=(len(identities), 64)) * spread / 8
    embeddings = centres[identities] + noise
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), identities


@pytest.mark.parametrize("sizes", [[5, 4, 3, 2], [2, 2], [3, 1], [2, 1, 1], [4], [2], [6, 5, 1, 1, 1, 1, 1]])
def test_separated_identities_are_found_and_single_faces_are_unclustered(sizes: list[int]):
    embeddings, identities = sampled(sizes, 0.2)
    found = cluster_faces(embeddings, 0.8)
    single = np.array(sizes)[identities] == 1
    np.testing.assert_array_equal(found.clusters == UNCLUSTERED, single)
    assert score_clustering(found.clusters, identities).pairwise.f == 1
    assert np.bincount(found.clusters[~single]).tolist() == sorted((size for size in sizes if size > 1), reverse=True)


@pytest.mark.parametrize("count", [2, 3, 12])
def test_faces_of_different_identities_form_no_cluster(count: int):
    embeddings, _ = sampled([1] * count, 0.1)
    found = cluster_faces(embeddings, 0.8)
    assert (found.clusters == UNCLUSTERED).all()
    assert (found.probabilities == 0).all()
    assert found.medoids.shape == (0,)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 8), min_size=1, max_size=8), st.floats(0.1, 2), st.floats(0.3, 1.5), st.integers(0, 99))
def test_members_are_close_to_the_medoid_and_numbers_fall_with_size(sizes, spread, threshold, seed):
    embeddings, _ = sampled([2, *sizes], spread, seed)
    found = cluster_faces(embeddings, threshold)
    counts = np.bincount(found.clusters[found.clusters >= 0], minlength=len(found.medoids))
    assert (counts >= 2).all()
    assert (np.diff(counts) <= 0).all()
    assert np.isnan(found.distances[found.clusters < 0]).all()
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()
    for cluster, medoid in enumerate(found.medoids):
        rows = found.members(cluster)
        assert rows[0] == medoid
        expected = np.linalg.norm(embeddings[rows].astype(float) - embeddings[medoid], axis=1)
        np.testing.assert_allclose(found.distances[rows], expected, atol=2e-3)
        assert (found.distances[rows] < threshold).all()
        assert (np.diff(found.distances[rows]) >= 0).all()


def test_a_stricter_threshold_only_removes_members():
    embeddings, _ = sampled([9, 8, 7, 3, 2, 1, 1], 0.9)
    loose, strict = cluster_faces(embeddings, 1.0), cluster_faces(embeddings, 0.85)
    assert 0 < (strict.clusters >= 0).sum() < (loose.clusters >= 0).sum()
    assert (loose.clusters[strict.clusters >= 0] >= 0).all()


def test_the_order_of_the_faces_does_not_matter():
    embeddings, identities = sampled([7, 6, 5, 4, 1, 1], 0.7)
    order = np.random.default_rng(1).permutation(len(embeddings))
    one, other = cluster_faces(embeddings, 1.0), cluster_faces(embeddings[order], 1.0)
    np.testing.assert_array_equal(one.clusters[order], other.clusters)
    np.testing.assert_allclose(one.probabilities[order], other.probabilities)
    assert score_clustering(one.clusters, identities).pairwise.precision == 1


@pytest.mark.parametrize("copies", [2, 7])
def test_copies_of_one_photo_are_a_cluster_without_warnings(copies: int):
    embeddings, identities = sampled([1, 1, 1, 1], 0.1)
    rows = np.repeat(np.arange(4), [copies, copies, 1, 1])
    found = cluster_faces(embeddings[rows], 0.8)
    assert found.clusters[: 2 * copies].tolist() == [0] * copies + [1] * copies
    assert np.isfinite(found.probabilities).all()
    assert score_clustering(found.clusters, identities[rows]).bcubed.f == 1
    whole = cluster_faces(embeddings[np.zeros(copies, int)], 0.8)
    assert isinstance(whole, FaceClusters)
    assert whole.clusters.tolist() == [0] * copies
    assert whole.probabilities.tolist() == [1] * copies


def test_the_number_of_faces_is_limited(monkeypatch: pytest.MonkeyPatch):
    embeddings, _ = sampled([5], 0.1)
    with pytest.raises(ValueError, match="found 1 faces, expected 2 to"):
        cluster_faces(embeddings[:1], 1.0)
    monkeypatch.setattr(face_clusters, "MOST_FACES", 4)
    with pytest.raises(ValueError, match="found 5 faces, expected 2 to 4"):
        cluster_faces(embeddings, 1.0)
