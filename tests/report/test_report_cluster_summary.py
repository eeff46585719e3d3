"""A clustering in words: counts, bounded lists and lines of at most 80 letters."""

import pytest

from lfw_jax.evaluation.clustering import ClusteringScores, PrecisionRecall
from lfw_jax.inference.clustering_result import ClusteringResult, PhotoCluster
from lfw_jax.inference.model.embedding_table import SkippedPhoto
from lfw_jax.report.cluster_summary import cluster_lines, identities_text, sheet_title


def result(
    clusters: tuple[PhotoCluster, ...], scores: ClusteringScores | None = None, skipped: int = 0
) -> ClusteringResult:
    faces = sum(one.faces for one in clusters) + 1
    photos = tuple(SkippedPhoto(f"photo {number}", "found no face") for number in range(skipped))
    return ClusteringResult(1, "model", "0", "photos", 0.001, 0.9, faces, 1, clusters, scores, photos)


def test_ten_clusters_and_five_skipped_photos_are_listed():
    clusters = tuple(PhotoCluster(number, 3, f"{'folder/' * 20}{number}.jpg", {}, "") for number in range(1, 13))
    lines = cluster_lines(result(clusters, skipped=7))
    assert lines[0] == "37 faces: 36 in 12 clusters, 1 unclustered; 7 photos skipped"
    assert sum(line.startswith("skipped photo") for line in lines) == 5
    listed = [line for line in lines if "around folder/" in line]
    assert len(listed) == 10
    assert all(len(line) == 80 and line.endswith("…") for line in listed)
    assert lines[-1] == "  … and 2 more"
    assert max(map(len, lines)) == 80


def test_scores_are_a_table():
    scores = ClusteringScores(4, 2, 1, 1, PrecisionRecall(1, 0.5, 2 / 3), PrecisionRecall(1, 0.75, 6 / 7))
    lines = cluster_lines(result((PhotoCluster(1, 3, "a.jpg", {"Ann": 3}, "cluster_001.png"),), scores))
    assert lines[0] == "4 faces: 3 in 1 cluster, 1 unclustered; 0 photos skipped"
    assert "Clusters:" in lines
    assert lines[-2:] == ["  pairwise       1.000     0.500     0.667", "  BCubed         1.000     0.750     0.857"]


def test_no_cluster_is_said_in_the_first_line():
    assert cluster_lines(result(()))[0] == "1 face: 0 in 0 clusters, 1 unclustered; 0 photos skipped"
    assert len(cluster_lines(result(()))) == 3


@pytest.mark.parametrize(
    ("identities", "shown", "title"),
    [
        ({}, 9, "Cluster 2, 9 faces"),
        ({"Ann": 9}, 9, "Cluster 2, 9 faces: Ann 9"),
        ({"Ann": 8, "Bob": 1}, 4, "Cluster 2, 9 faces, 4 shown, 2 identities: Ann 8, Bob 1"),
    ],
)
def test_the_title_of_a_sheet_names_the_identities(identities: dict[str, int], shown: int, title: str):
    assert sheet_title(PhotoCluster(2, 9, "a.jpg", identities, ""), shown) == title


def test_many_identities_are_counted():
    assert identities_text(dict.fromkeys("abcdefg", 1)) == "a 1, b 1, c 1, d 1 and 3 more"
