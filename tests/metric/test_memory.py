"""A memory of earlier batches: the numbers of pytorch-metric-learning's CrossBatchMemory, and a ring that loses nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.metric import losses, memory, miners
from lfw_jax.metric.losses.similarity import multi_similarity
from lfw_jax.metric.losses.softmax import ntxent
from lfw_jax.metric.pairs import compare
from tests.metric.golden import golden

GOLDEN = golden("similarity")
STEPS = jnp.asarray(GOLDEN["memory/embeddings"]), jnp.asarray(GOLDEN["memory/labels"])
LOSSES = {"contrastive": losses.contrastive, "multi_similarity": multi_similarity, "ntxent": ntxent}
SIZE, BATCH, DIM = 14, 6, 6

remember = jax.jit(memory.remember)


@jax.jit
def step(state: memory.Memory, batch: tuple[jax.Array, jax.Array]):
    """One training step without a network: remember, compare, compute losses."""

    def values(embeddings):
        after = memory.remember(state, embeddings, batch[1])
        pairs = memory.compare_with(after, embeddings, batch[1])
        return jnp.stack([loss(pairs) for loss in LOSSES.values()]), after

    found, pullback, after = jax.vjp(values, batch[0], has_aux=True)
    return after, (found, jax.vmap(pullback)(jnp.eye(len(LOSSES)))[0])


def test_five_steps_around_the_ring_have_the_losses_and_gradients_of_pml():
    state = memory.init(SIZE, DIM)
    for place in range(5):
        state, (values, gradients) = step(state, (STEPS[0][place], STEPS[1][place]))
        for name, value, gradient in zip(LOSSES, values, gradients, strict=True):
            expected = GOLDEN[f"memory/{name}/losses"][place]
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5, err_msg=f"{name} {place}")
            expected = GOLDEN[f"memory/{name}/gradients"][place]
            np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-5, err_msg=f"{name} {place}")
    assert (GOLDEN["memory/contrastive/losses"] > 0).all()
    assert int(state.count) == SIZE
    assert int(state.place) == 5 * BATCH % SIZE


def test_a_scan_over_the_steps_is_the_steps_one_by_one():
    state, alone = memory.init(SIZE, DIM), []
    for place in range(5):
        state, found = step(state, (STEPS[0][place], STEPS[1][place]))
        alone.append(found)
    last, together = jax.lax.scan(step, memory.init(SIZE, DIM), STEPS)
    for ours, theirs in zip(jax.tree.leaves(last), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for place, found in enumerate(alone):
        for ours, theirs in zip(together, found, strict=True):
            np.testing.assert_allclose(ours[place], theirs, rtol=1e-5, atol=1e-5)


@settings(max_examples=30)
@given(st.lists(st.sampled_from([1, 2, 3, 5, 7]), min_size=1, max_size=12))
def test_the_ring_holds_the_latest_embeddings_and_no_others(sizes: list[int]):
    size = 7
    state, seen = memory.init(size, 1), []
    for batch in sizes:
        latest = np.arange(len(seen) + 1, len(seen) + 1 + batch, dtype=np.float32)
        seen += latest.tolist()
        state = remember(state, jnp.asarray(latest)[:, None], jnp.asarray(latest, jnp.int32))
        held = state.embeddings[: int(state.count), 0]
        assert sorted(held.tolist()) == seen[-size:]
        np.testing.assert_array_equal(state.labels[: int(state.count)], held)
        assert state.embeddings[int(state.place) - 1, 0] == seen[-1]


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_pairs_are_those_of_comparing_with_what_was_seen(batch: int):
    # All embeddings are equal, of two classes, so that an anchor's own slot is identified by index and not by value.
    rng = np.random.default_rng(batch)
    state, seen = memory.init(5, 2), np.zeros(0, np.int32)
    for _ in range(6):
        labels = rng.integers(0, 2, batch).astype(np.int32)
        state = remember(state, jnp.ones((batch, 2)), jnp.asarray(labels))
        pairs = memory.compare_with(state, jnp.ones((batch, 2)), jnp.asarray(labels))
        seen = np.concatenate([seen, labels])
        earlier = seen[-5:]
        for row, label in enumerate(labels):
            same = int(np.sum(earlier == label)) - 1
            assert int(pairs.positive[row].sum()) == same
            assert int(pairs.negative[row].sum()) == int(np.sum(earlier != label))
        own = (int(state.place) - batch + np.arange(batch)) % 5
        assert not np.any(pairs.positive[np.arange(batch), own] | pairs.negative[np.arange(batch), own])
        assert not np.any((pairs.positive | pairs.negative)[:, int(state.count) :])


@jax.jit
def of_pairs(pairs):
    """Losses of all pairs and of mined ones."""
    found = [loss(pairs) for loss in LOSSES.values()]
    found += [losses.contrastive(pairs, mine(pairs)) for mine in (miners.batch_hard, miners.triplet_margin)]
    return jnp.stack(found)


def test_a_memory_of_one_batch_is_the_batch_compared_with_itself():
    embeddings, labels = STEPS[0][0], STEPS[1][0]
    state = remember(memory.init(SIZE, DIM), embeddings, labels)
    ours, theirs = memory.compare_with(state, embeddings, labels), compare(embeddings, labels)
    np.testing.assert_array_equal(ours.positive[:, :BATCH], theirs.positive)
    np.testing.assert_array_equal(ours.negative[:, :BATCH], theirs.negative)
    assert not ours.self_compared
    np.testing.assert_allclose(of_pairs(ours), of_pairs(theirs), rtol=1e-5)
    assert (of_pairs(ours) > 0).all()


def test_earlier_embeddings_get_no_gradient():
    first, second = STEPS[0][0], STEPS[0][1]

    def loss(first, second):
        state = memory.remember(memory.init(SIZE, DIM), first, STEPS[1][0])
        state = memory.remember(state, second, STEPS[1][1])
        return losses.contrastive(memory.compare_with(state, second, STEPS[1][1]))

    of_first, of_second = jax.grad(loss, argnums=(0, 1))(first, second)
    assert not np.any(of_first)
    assert np.any(of_second)


def test_bfloat16_embeddings_are_kept_in_float32():
    short = STEPS[0][0].astype(jnp.bfloat16)
    state = remember(memory.init(SIZE, DIM), short, STEPS[1][0])
    assert state.embeddings.dtype == jnp.float32
    np.testing.assert_array_equal(state.embeddings[:BATCH], short.astype(jnp.float32))
    pairs = memory.compare_with(state, short, STEPS[1][0])
    assert losses.contrastive(pairs).dtype == jnp.float32


def test_a_metric_and_raw_lengths_are_passed_on():
    state = remember(memory.init(2, 1), jnp.array([[2.0], [5.0]]), jnp.array([0, 1]))
    pairs = memory.compare_with(state, jnp.array([[2.0], [5.0]]), jnp.array([0, 1]), metric="squared", normalize=False)
    assert (pairs.metric, pairs.normalized) == ("squared", False)
    assert pairs.distances[0].tolist() == [0.0, 9.0]


EMPTY = memory.init(4, 2)


@pytest.mark.parametrize(
    ("error", "call", "words"),
    [
        (ValueError, lambda: memory.init(0, 2), "size and the dim .* at least 1, found size 0"),
        (ValueError, lambda: memory.init(3, -1), "found size 3 and dim -1"),
        (
            ValueError,
            lambda: memory.remember(EMPTY, jnp.ones((5, 2)), jnp.arange(5)),
            "batch of 5 does not fit .* of 4",
        ),
        (
            ValueError,
            lambda: memory.remember(EMPTY, jnp.ones((3, 1)), jnp.arange(3)),
            "2 dimensions, found a batch of 1",
        ),
        (ValueError, lambda: memory.remember(EMPTY, jnp.ones((3, 2)), jnp.arange(2)), "one label for each of 3"),
        (TypeError, lambda: memory.remember(EMPTY, jnp.ones((3, 2)), jnp.ones(3)), "labels must be integers"),
        (TypeError, lambda: memory.remember(EMPTY, jnp.ones((3, 2), int), jnp.arange(3)), "floating-point"),
        (ValueError, lambda: memory.compare_with(EMPTY, jnp.ones((5, 2)), jnp.arange(5)), "does not fit"),
        (
            ValueError,
            lambda: memory.compare_with(EMPTY, jnp.ones((2, 2)), jnp.arange(2), metric="manhattan"),
            "unknown metric 'manhattan'",
        ),
    ],
)
def test_misuse_is_told_in_words(error: type[Exception], call, words: str):
    with pytest.raises(error, match=words):
        call()
