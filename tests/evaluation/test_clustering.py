"""Clustering scores: hand-computed cases, properties, an independent derivation, and scikit-learn as a peer."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pair_confusion_matrix

from lfw_jax.evaluation.clustering import UNCLUSTERED, score_clustering

LABELS = st.integers(1, 30).flatmap(
    lambda size: st.tuples(
        st.lists(st.integers(-1, 6), min_size=size, max_size=size),
        st.lists(st.integers(0, 6), min_size=size, max_size=size),
    )
)


def by_definition(clusters: list[int], identities: list[int]) -> list[float]:
    """Return pairwise and BCubed precision and recall by loops over pairs of faces."""
    faces = range(len(clusters))

    def joined(one: int, other: int) -> bool:
        return one == other or (clusters[one] == clusters[other] and clusters[one] >= 0)

    pairs = list(itertools.combinations(faces, 2))
    put = {pair for pair in pairs if joined(*pair)}
    true = {pair for pair in pairs if identities[pair[0]] == identities[pair[1]]}
    precision, recall = [], []
    for face in faces:
        cluster = {other for other in faces if joined(face, other)}
        identity = {other for other in faces if identities[face] == identities[other]}
        precision.append(len(cluster & identity) / len(cluster))
        recall.append(len(cluster & identity) / len(identity))
    both = len(put & true)
    return [
        both / len(put) if put else 1.0, both / len(true) if true else 1.0,
        sum(precision) / len(faces), sum(recall) / len(faces),
    ]  # fmt: skip


def test_a_hand_computed_case():
    # Cluster 0 holds a, a, b; cluster 1 holds b, c; one b and one c are unclustered.
    found = score_clustering(np.array([0, 0, 0, 1, 1, -1, -1]), np.array(list("aabbcbc")))
    assert (found.faces, found.identities, found.clusters, found.unclustered) == (7, 3, 2, 2)
    # Pairs in clusters: 3 + 1, of which a-a is right. Pairs of identities: 1 + 3 + 1.
    assert (found.pairwise.precision, found.pairwise.recall) == (1 / 4, 1 / 5)
    assert found.pairwise.f == pytest.approx(2 / 9)
    # Precision of the faces: 2/3, 2/3, 1/3, 1/2, 1/2, 1, 1; recall: 1, 1, 1/3, 1/3, 1/2, 1/3, 1/2.
    assert found.bcubed.precision == pytest.approx((5 / 3 + 1 + 2) / 7)
    assert found.bcubed.recall == pytest.approx(4 / 7)


def test_the_example_of_bagga_and_baldwin():
    # 12 mentions of 3 entities (5, 2, 5). Response 1 joins the two with 5 and 2, response 2 those with 5 and 5.
    truth = np.repeat([0, 1, 2], [5, 2, 5])
    first = score_clustering(np.repeat([0, 1, 1], [5, 2, 5]), truth)
    second = score_clustering(np.repeat([0, 1, 0], [5, 2, 5]), truth)
    assert (first.bcubed.recall, second.bcubed.recall) == (1, 1)
    assert first.bcubed.precision == pytest.approx((5 + 4 / 7 + 25 / 7) / 12)  # 0.76 in the paper
    assert second.bcubed.precision == pytest.approx((2 + 50 / 10) / 12)  # 0.58


@settings(deadline=None)
@given(LABELS)
def test_scores_equal_their_definition_over_pairs_of_faces(labels: tuple[list[int], list[int]]):
    found = score_clustering(*map(np.array, labels))
    np.testing.assert_allclose(
        [found.pairwise.precision, found.pairwise.recall, found.bcubed.precision, found.bcubed.recall],
        by_definition(*labels),
    )
    for one in (found.pairwise, found.bcubed):
        assert 0 <= one.precision <= 1
        assert min(one.precision, one.recall) - 1e-12 <= one.f <= max(one.precision, one.recall) + 1e-12


@settings(deadline=None)
@given(LABELS)
def test_pairs_are_those_of_scikit_learn(labels: tuple[list[int], list[int]]):
    clusters, identities = map(np.array, labels)
    singletons = np.where(clusters < 0, 100 + np.arange(len(clusters)), clusters)
    (_, false), (missed, right) = pair_confusion_matrix(identities, singletons)
    found = score_clustering(clusters, identities).pairwise
    assert found.precision == (right / (right + false) if right + false else 1)
    assert found.recall == (right / (right + missed) if right + missed else 1)


@settings(deadline=None)
@given(LABELS, st.permutations(range(7)), st.randoms(use_true_random=False))
def test_names_of_clusters_and_order_of_faces_do_not_matter(labels, renamed, random):
    clusters, identities = map(np.array, labels)
    order = list(range(len(clusters)))
    random.shuffle(order)
    other = np.where(clusters < 0, UNCLUSTERED, np.array(renamed)[clusters])
    names = np.array([f"name {value}" for value in identities])
    one, two = score_clustering(clusters, identities), score_clustering(other[order], names[order])
    assert (one.clusters, one.unclustered, one.pairwise) == (two.clusters, two.unclustered, two.pairwise)
    np.testing.assert_allclose([one.bcubed.precision, one.bcubed.recall], [two.bcubed.precision, two.bcubed.recall])


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_extreme_clusterings_have_known_scores(identities: list[int]):
    truth, count = np.array(identities), len(identities)
    perfect = score_clustering(truth, truth)
    assert (perfect.pairwise.f, perfect.bcubed.f) == (1, 1)
    whole = score_clustering(np.zeros(count, int), truth)
    assert (whole.pairwise.recall, whole.bcubed.recall, whole.clusters) == (1, 1, 1)
    for alone in (np.arange(count), np.full(count, UNCLUSTERED)):
        single = score_clustering(alone, truth)
        assert (single.pairwise.precision, single.bcubed.precision) == (1, 1)
        assert single.bcubed.recall == pytest.approx(len(set(identities)) / count)


def test_a_million_faces_in_one_cluster_take_no_memory_for_pairs():
    count = 1_000_000
    found = score_clustering(np.zeros(count, np.int32), np.arange(count) // 2)
    assert found.pairwise.precision == pytest.approx(1 / (count - 1))
    assert found.bcubed.precision == pytest.approx(2 / count)


@pytest.mark.parametrize(("clusters", "identities"), [([], []), ([0], [0, 1]), ([[0]], [[0]])])
def test_other_shapes_are_refused(clusters: list, identities: list):
    with pytest.raises(ValueError, match="expected a cluster and an identity for each face"):
        score_clustering(np.array(clusters, int), np.array(identities, int))
