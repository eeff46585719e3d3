"""Pairs of near faces form groups; the largest picture is to keep, and two identities are a label error."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.inference.model.duplicate_photos import NearPictures, duplicate_groups, duplicate_pairs
from lfw_jax.inference.model.embedding_table import EmbeddingTable
from lfw_jax.inference.model.gallery import Gallery
from lfw_jax.inference.model.near_faces import groups_of, near_faces
from tests.inference.tables import directions, table_of


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=15))
def test_groups_are_connected_components(pairs: list[tuple[int, int]]):
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    reach = {item: {item} for pair in pairs for item in pair}
    for _ in reach:
        for one, other in pairs:
            reach[one] = reach[other] = reach[one] | reach[other]
            for item in reach[one]:
                reach[item] = reach[item] | reach[one]
    expected = sorted({tuple(sorted(members)) for members in reach.values()})
    assert sorted(tuple(group.tolist()) for group in groups_of(edges, 13)) == expected


def near_table() -> EmbeddingTable:
    """Return 30 faces; rows 3, 4 and 5 are one identity. Row 4 nearly equals 3, 20 equals 7, and 25 is near 9."""
    embeddings = directions(30, dim=32)
    embeddings[4] = embeddings[3] + 0.01 * directions(1, dim=32, seed=3)[0]
    embeddings[20] = embeddings[7]
    embeddings[25] = embeddings[9] + 0.3 * directions(1, dim=32, seed=4)[0]
    return table_of(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))


@pytest.mark.parametrize("exact_below", [1, 100])
def test_near_faces_are_the_pairs_below_the_limits(exact_below: int):
    table = near_table()
    gallery = Gallery.of(table, "model", exact_below=exact_below)
    expected = []
    for one, other in itertools.combinations(range(30), 2):
        distance = pair_distances(table.embeddings, np.array([one]), np.array([other]))[0]
        limit = 0.1 if table.identities[one] == table.identities[other] else 0.4
        if distance < limit:
            expected.append([one, other])
    assert expected == [[3, 4], [7, 20], [9, 25]]
    assert near_faces(gallery, 0.1, 0.4).tolist() == expected
    assert near_faces(gallery, 0.1, 0.1).tolist() == [[3, 4], [7, 20]]
    unnamed = EmbeddingTable(**(vars(table) | {"identities": np.full(30, "")}))
    assert near_faces(Gallery(unnamed, "model"), 0.1, 0.4).tolist() == [[3, 4], [7, 20]]


def test_many_equal_faces_are_one_group():
    table = table_of(np.repeat(directions(1), 90, axis=0))
    pairs = near_faces(Gallery(table, "model"), 0.1, 0.1)
    assert [len(group) for group in groups_of(pairs, 90)] == [90]
    assert near_faces(Gallery(table_of(directions(1)), "model"), 0.1, 0.1).shape == (0, 2)


def test_many_copies_do_not_hide_that_they_are_under_two_identities():
    rng = np.random.default_rng(0)
    one = np.zeros(16)
    one[0] = 1
    other = one + 0.0996 * np.eye(16)[1]
    embeddings = np.concatenate([np.tile(one, (40, 1)), np.tile(other, (40, 1)), 4 * np.eye(16)[2:]])
    embeddings += 1e-4 * rng.standard_normal(embeddings.shape)
    table = table_of(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))
    names = np.repeat(["a", "b", "c"], [40, 40, 14])
    table = EmbeddingTable(**(vars(table) | {"identities": names}))
    pairs = near_faces(Gallery(table, "model"), 0.2, 0.4)
    assert len(pairs) == 80 * 79 // 2
    assert [len(group) for group in groups_of(pairs, len(table))] == [80]
    # Below the limit of two identities alone, each face has its nearest of the other.
    across = near_faces(Gallery(table, "model"), 0.05, 0.4)
    assert set(across[names[across[:, 0]] != names[across[:, 1]]].ravel().tolist()) == set(range(80))


def test_the_largest_picture_with_the_best_score_is_to_keep():
    table = near_table()
    table = EmbeddingTable(**(vars(table) | {"scores": np.linspace(0.8, 0.9, 30).astype(np.float32)}))
    sizes = np.full((30, 2), 100)
    sizes[3] = 101, 100
    pictures = {(3, 4): NearPictures(7, same_bytes=False), (10, 11): NearPictures(0, same_bytes=True)}
    pairs = duplicate_pairs(table, pictures, np.array([[3, 4], [4, 5], [7, 20]]))
    assert [(pair.first, pair.second, pair.hash_bits, pair.same_bytes) for pair in pairs] == [
        (3, 4, 7, False), (4, 5, None, False), (7, 20, None, False), (10, 11, 0, True),
    ]  # fmt: skip
    groups = duplicate_groups(table, pairs, sizes)
    assert [[photo.row for photo in group.photos] for group in groups] == [[20, 7], [11, 10], [3, 5, 4]]
    assert [group.label_error for group in groups] == [True, False, False]
    assert [[photo.keep for photo in group.photos] for group in groups[1:]] == [[True, False], [True, False, False]]
    assert (groups[2].photos[0].width, groups[2].photos[0].height) == (101, 100)
    assert pairs[2].face_distance == 0
    assert duplicate_groups(table, (), sizes) == ()
