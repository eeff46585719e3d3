"""Near hashes: exactly those that a comparison of all with all finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.data.duplicates.hamming import hamming, near_pairs


def random_hashes(seed: int, count: int) -> np.ndarray:
    """Random hashes, some of them repeated and some changed in a few bits."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    copied = rng.integers(0, count, count // 2)
    bits = np.uint64(1) << rng.integers(0, 64, (3, count // 2), dtype=np.uint64)
    hashes[: count // 2] = hashes[copied] ^ (bits[0] | bits[1] | bits[2]) * rng.integers(
        0, 2, count // 2, dtype=np.uint64
    )
    return hashes


def by_all_with_all(first: np.ndarray, second: np.ndarray, distance: int) -> set[tuple[int, int]]:
    return {
        (i, j)
        for i, one in enumerate(first.tolist())
        for j, other in enumerate(second.tolist())
        if (one ^ other).bit_count() <= distance
    }


@given(st.integers(0, 10_000), st.integers(0, 60), st.integers(0, 64))
def test_a_set_with_itself_gives_every_near_pair_once(seed: int, count: int, distance: int):
    hashes = random_hashes(seed, count)
    expected = {(i, j) for i, j in by_all_with_all(hashes, hashes, distance) if i < j}
    found = near_pairs(hashes, distance=distance)
    assert found.shape == (len(expected), 2)
    assert {(i, j) for i, j in found.tolist()} == expected
    assert found.tolist() == sorted(found.tolist())


@given(st.integers(0, 10_000), st.integers(0, 40), st.integers(0, 40), st.integers(0, 64))
def test_two_sets_give_every_near_pair_once(seed: int, count: int, others: int, distance: int):
    hashes = random_hashes(seed, count + others)
    first, second = hashes[:count], hashes[count:]
    found = near_pairs(first, second, distance=distance).tolist()
    assert len(found) == len({tuple(pair) for pair in found})
    assert {(i, j) for i, j in found} == by_all_with_all(first, second, distance)


def test_many_hashes_are_compared_by_groups_with_the_same_result():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 20_000, dtype=np.uint64)
    hashes[1_000:2_000] = hashes[:1_000] ^ np.uint64(0b1001)
    found = near_pairs(hashes, distance=3)
    np.testing.assert_array_equal(found, np.stack([np.arange(1_000), np.arange(1_000, 2_000)], axis=1))
    np.testing.assert_array_equal(hamming(*hashes[found].T), np.full(1_000, 2))


@pytest.mark.parametrize("blank", [600, 3_000])
def test_blank_pictures_fill_the_list_to_its_limit_and_no_further(blank: int):
    hashes = np.full(blank, 7, np.uint64)
    found = near_pairs(hashes, distance=0, limit=100_000)
    assert len(found) == 100_000
    assert (found[:, 0] < found[:, 1]).all()
    assert len(np.unique(found, axis=0)) == len(found)
    across = near_pairs(hashes, hashes[:1], distance=0, limit=500)
    assert len(across) == 500
    assert not across[:, 1].any()


@pytest.mark.parametrize("distance", [-1, 65])
def test_a_distance_that_64_bits_do_not_have_is_refused(distance: int):
    with pytest.raises(ValueError, match="0 to 64"):
        near_pairs(np.zeros(2, np.uint64), distance=distance)
