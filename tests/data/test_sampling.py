"""Samplers: a batch is a pure function of seed and step, with the promised composition."""

import itertools
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.data.batches.images_by_identity import ImagesByIdentity, count_identities
from lfw_jax.data.batches.permutation import Permutation
from lfw_jax.data.batches.pk_sampling import PKSampler
from lfw_jax.data.batches.random_pairs import RandomPairs
from lfw_jax.data.batches.sampling import Uniform, build_sampler
from lfw_jax.errors import UserError

label_lists = st.lists(st.integers(0, 6), min_size=24, max_size=60).map(
    lambda labels: np.unique(labels, return_inverse=True)[1].astype(np.int32)
)
LABELS = np.repeat(np.arange(8, dtype=np.int32), [1, 1, 2, 3, 4, 5, 6, 7])


def samplers(labels: np.ndarray, seed: int):
    yield Uniform(labels, batch_size=8, seed=seed)
    if len(np.unique(labels)) >= 2:
        yield PKSampler(labels, batch_size=8, images_per_person=4, short="repeat", seed=seed)
        if np.bincount(labels).max() >= 2:
            yield RandomPairs(labels, batch_size=8, same_share=0.5, seed=seed)


@given(label_lists, st.integers(0, 1000), st.integers(0, 500))
def test_a_batch_depends_on_seed_and_step_alone(labels: np.ndarray, seed: int, step: int):
    for one, other in zip(samplers(labels, seed), samplers(labels, seed), strict=True):
        for before in (3, 0, 7):  # earlier calls must not matter
            other.indices(before)
        found = one.indices(step)
        np.testing.assert_array_equal(found, other.indices(step))
        assert found.shape == (8,)
        assert found.min() >= 0
        assert found.max() < len(labels)


@given(label_lists, st.integers(0, 1000), st.integers(0, 3))
def test_uniform_sampling_shows_no_image_twice_per_epoch_and_reorders_every_epoch(
    labels: np.ndarray, seed: int, epoch: int
):
    sampler = Uniform(labels, batch_size=8, seed=seed)
    steps = sampler.steps_per_epoch
    seen = np.concatenate([sampler.indices(step) for step in range(epoch * steps, (epoch + 1) * steps)])
    assert len(set(seen.tolist())) == len(seen) == 8 * (len(labels) // 8)
    following = np.concatenate([sampler.indices(step) for step in range((epoch + 1) * steps, (epoch + 2) * steps)])
    assert not np.array_equal(seen, following)


@given(label_lists, st.integers(0, 1000), st.integers(0, 30))
def test_pk_sampling_gives_p_identities_with_k_images(labels: np.ndarray, seed: int, step: int):
    if len(np.unique(labels)) < 2:
        return
    found = PKSampler(labels, batch_size=8, images_per_person=4, short="repeat", seed=seed).indices(step)
    identities = labels[found].reshape(2, 4)
    assert (identities == identities[:, :1]).all()
    assert identities[0, 0] != identities[1, 0]
    for row in found.reshape(2, 4):
        # Every image of an identity comes before any repeats.
        assert len(set(row.tolist())) == min(4, int((labels == labels[row[0]]).sum()))


def test_pk_sampling_shows_every_identity_once_per_epoch():
    sampler = PKSampler(LABELS, batch_size=8, images_per_person=4, short="repeat", seed=0)
    identities = np.concatenate([LABELS[sampler.indices(step)][::4] for step in range(sampler.steps_per_epoch)])
    assert sorted(identities.tolist()) == list(range(8))
    assert "4 with fewer than 4 images are filled up by repetition" in sampler.describe()


def test_identities_with_few_images_can_be_excluded():
    sampler = PKSampler(LABELS, batch_size=8, images_per_person=4, short="leave_out", seed=0)
    identities = {int(label) for step in range(10) for label in LABELS[sampler.indices(step)]}
    assert identities == {4, 5, 6, 7}
    assert "4 with fewer than 4 images are excluded" in sampler.describe()


@given(label_lists, st.integers(0, 1000), st.integers(0, 30))
def test_random_pairs_are_half_same_and_never_an_image_with_itself(labels: np.ndarray, seed: int, step: int):
    if len(np.unique(labels)) < 2 or np.bincount(labels).max() < 2:
        return
    found = RandomPairs(labels, batch_size=8, same_share=0.5, seed=seed).indices(step).reshape(4, 2)
    same = labels[found[:, 0]] == labels[found[:, 1]]
    assert same.sum() == 2
    assert (found[:, 0] != found[:, 1]).all()


def test_every_same_pair_can_be_sampled():
    sampler = RandomPairs(LABELS, batch_size=32, same_share=0.5, seed=1)
    seen = set()
    for step in range(400):
        for one, other in sampler.indices(step).reshape(-1, 2).tolist():
            if LABELS[one] == LABELS[other]:
                seen.add(frozenset((one, other)))
    assert len(seen) == sum(n * (n - 1) // 2 for n in np.bincount(LABELS))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "sorted"}, ["sorted", "uniform, people_images, pairs"]),
        ({"batch_size": 64}, ["64", "29 training images"]),
        ({"batch_size": 1}, ["1", "at least 2"]),
        ({"name": "people_images", "batch_size": 10}, ["10", "multiple", "4"]),
        ({"name": "people_images", "batch_size": 40}, ["10 identities", "has 8"]),
        ({"name": "people_images", "short": "leave_out", "batch_size": 24}, ["6 identities", "has 4", "repeat"]),
        ({"name": "people_images", "short": "drop"}, ["drop", "leave_out"]),
        ({"name": "pairs", "batch_size": 7}, ["7", "even"]),
        ({"name": "pairs", "same_share": 1.0}, ["1.0", "between 0 and 1"]),
    ],
)
def test_impossible_sampling_is_a_user_error(options: dict, words: list[str]):
    config = {"name": "uniform", "batch_size": 8, "images_per_person": 4, "short": "repeat", "same_share": 0.5}
    with pytest.raises(UserError) as caught:
        build_sampler(config | options, LABELS, seed=0)
    assert all(word in str(caught.value) for word in words), caught.value


def test_pairs_need_an_identity_with_two_images():
    with pytest.raises(UserError, match="one with two images"):
        RandomPairs(np.arange(10, dtype=np.int32), batch_size=4, same_share=0.5, seed=0)


@given(st.integers(2**16 + 1, 300_000), st.integers(0, 2**31))
@settings(max_examples=8)
def test_a_permutation_without_an_array_contains_every_item_once(count: int, key: int):
    order = Permutation(count, key)
    whole = np.concatenate([order(start, min(count, start + 50_000)) for start in range(0, count, 50_000)])
    np.testing.assert_array_equal(np.sort(whole), np.arange(count))
    # A slice does not depend on the slices before it.
    np.testing.assert_array_equal(order(count // 3, count // 3 + 100), whole[count // 3 : count // 3 + 100])


def test_a_permutation_without_an_array_looks_random():
    count, runs = 100_000, 400
    first = np.array([Permutation(count, key)(0, 50) for key in range(runs)])
    # At every position the items are uniform: 20 bins of 1,000 each, chi-squared of 19 degrees of freedom.
    bins = np.bincount(first.ravel() * 20 // count, minlength=20)
    assert ((bins - first.size / 20) ** 2 / (first.size / 20)).sum() < 43.8  # one in a thousand
    # Neither neighbours nor the orders of successive keys are correlated.
    scaled = first / count - 0.5
    for one, other in ((scaled[:, :-1], scaled[:, 1:]), (scaled[:-1], scaled[1:])):
        assert abs(np.mean(one * other)) * 12 < 4 / np.sqrt(one.size)
    # Adjacent items do not stay adjacent.
    assert np.mean(np.abs(np.diff(first, axis=1)) == 1) < 0.001


def test_identities_of_a_very_large_set_come_once_per_epoch():
    identities = 2**16 + 10
    sampler = PKSampler(np.repeat(np.arange(identities, dtype=np.int32), 2), batch_size=4096, images_per_person=2,
                           short="repeat", seed=3)  # fmt: skip
    steps = range(sampler.steps_per_epoch, 2 * sampler.steps_per_epoch)
    found = np.concatenate([sampler.indices(step)[::2] // 2 for step in steps])
    assert len(np.unique(found)) == len(found) == identities // 2048 * 2048


def test_every_choice_of_the_images_of_an_identity_is_equally_likely():
    labels = np.repeat(np.arange(2, dtype=np.int32), [5, 3])
    sampler = PKSampler(labels, batch_size=4, images_per_person=2, short="repeat", seed=0)
    sampled = [frozenset(row) for step in range(3000) for row in sampler.indices(step).reshape(2, 2).tolist()]
    counts = {pair: sampled.count(pair) for pair in set(sampled)}
    for images, expected in ((range(5), 300), (range(5, 8), 1000)):
        found = [counts[frozenset(pair)] for pair in itertools.combinations(images, 2)]
        assert sum(found) == 3000
        assert max(abs(count - expected) for count in found) < 5 * expected**0.5


@given(label_lists)
def test_images_by_identity_are_those_of_the_labels(labels: np.ndarray):
    index = ImagesByIdentity(labels)
    for identity in np.unique(labels):
        expected = np.flatnonzero(labels == identity)
        assert index.counts[identity] == len(expected)
        np.testing.assert_array_equal(index.at(np.full(len(expected), identity), np.arange(len(expected))), expected)
    assert count_identities(labels) == len(np.unique(labels))


def test_identities_without_images_are_never_sampled():
    labels = np.array([1, 1, 4, 4, 6, 6, 6], np.int32)
    sampler = PKSampler(labels, batch_size=6, images_per_person=2, short="repeat", seed=0)
    assert sampler.steps_per_epoch == 1
    assert sorted({int(label) for label in labels[sampler.indices(0)]}) == [1, 4, 6]
    for step in range(20):
        pairs = labels[RandomPairs(labels, batch_size=8, same_share=0.5, seed=0).indices(step)].reshape(4, 2)
        assert sorted((pairs[:, 0] == pairs[:, 1]).tolist()) == [False, False, True, True]


@pytest.mark.parametrize("name", ["uniform", "people_images", "pairs"])
def test_a_sampler_needs_no_memory_per_image_of_a_sorted_set(name: str):
    config = {"name": name, "batch_size": 64, "images_per_person": 4, "short": "repeat", "same_share": 0.5}
    labels = np.repeat(np.arange(1000, dtype=np.int32), 2000)
    tracemalloc.start()
    try:
        sampler = build_sampler(config, labels, seed=0)
        sampler.indices(0)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 0.1 * len(labels)


def test_several_threads_sample_the_same_as_one():
    labels = np.repeat(np.arange(3000, dtype=np.int32), 3)
    sampler = PKSampler(labels, batch_size=1200, images_per_person=3, short="repeat", seed=0)
    steps = [step for step in range(60) for _ in range(2)]  # epochs change every 7 steps
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(sampler.indices, steps))
    alone = PKSampler(labels, batch_size=1200, images_per_person=3, short="repeat", seed=0)
    for step, found in zip(steps, together, strict=True):
        np.testing.assert_array_equal(found, alone.indices(step))
