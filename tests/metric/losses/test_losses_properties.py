"""What must hold for any batch and selection: order, rotation and names do not matter, nothing is NaN, nothing is B³."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.metric.losses.similarity import circle, multi_similarity
from lfw_jax.metric.losses.softmax import n_pairs, ntxent, supcon
from lfw_jax.metric.losses.structured import generalized_lifted_structure, lifted_structure
from lfw_jax.metric.pairs import compare
from lfw_jax.metric.selection import PairWeights

SIZE, DIM, CLASSES = 12, 5, 5
LOSSES = {
    "multi_similarity": multi_similarity,
    "circle": circle,
    "ntxent": ntxent,
    "ntxent_cold": partial(ntxent, temperature=0.01),
    "supcon": supcon,
    "supcon_cold": partial(supcon, temperature=0.01),
    "lifted": lifted_structure,
    "generalized": generalized_lifted_structure,
    "n_pairs": n_pairs,
}
ORDERED = list(LOSSES).index("n_pairs")  # the first pair of a class depends on the order, and nothing else does


def every_loss(embeddings, labels, times):
    """The losses of pairs selected so many times."""
    pairs = compare(embeddings, labels)
    weights = PairWeights(times * pairs.positive, times * pairs.negative)
    return jnp.stack([loss(pairs, weights) for loss in LOSSES.values()])


def everything(embeddings, labels, times):
    """The losses, and the gradient of each."""
    found, pullback = jax.vjp(lambda embeddings: every_loss(embeddings, labels, times), embeddings)
    return found, jax.vmap(pullback)(jnp.eye(len(LOSSES)))[0]


compiled = jax.jit(everything)


def drawn(seed: int, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, labels, and the count of each pair."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, SIZE).astype(np.int32)
    embeddings = rng.normal(size=(SIZE, DIM)) + spread * rng.normal(size=(CLASSES, DIM))[labels]
    return embeddings.astype(np.float32), labels, rng.integers(0, 3, (SIZE, SIZE)).astype(np.float32)


@st.composite
def batches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Any classes and selections, one class and all different ones among them, some duplicates and zeros."""
    seed = draw(st.integers(0, 2**32 - 1))
    embeddings, labels, times = drawn(seed, draw(st.floats(0, 3)))
    rng = np.random.default_rng(seed)
    if draw(st.integers(0, 3)) == 0:
        labels = np.full(SIZE, 2, np.int32) if draw(st.booleans()) else np.arange(SIZE, dtype=np.int32)
    for _ in range(draw(st.integers(0, 3))):
        embeddings[rng.integers(SIZE)] = embeddings[rng.integers(SIZE)]
    if draw(st.booleans()):
        embeddings[rng.integers(SIZE)] = 0
    if draw(st.booleans()):
        times[rng.integers(SIZE)] = 0
    return embeddings, labels, times


@settings(max_examples=40)
@given(batches(), st.integers(0, 2**32 - 1))
def test_neither_order_nor_rotation_nor_names_of_classes_matter(batch, seed: int):
    embeddings, labels, times = batch
    rng = np.random.default_rng(seed)
    order, rename = rng.permutation(SIZE), rng.permutation(SIZE).astype(np.int32) - 3
    turn = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0].astype(np.float32)
    distances = np.asarray(compare(jnp.asarray(embeddings), jnp.asarray(labels)).distances)
    if np.any(distances + np.eye(SIZE) < 0.01):
        return  # where rounding decides whether two embeddings are one
    values, gradients = compiled(embeddings, labels, times)
    others, turned = compiled(embeddings @ turn, rename[labels], times)
    scale = 1 + np.abs(gradients).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(others, values, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(turned / scale, np.asarray(gradients @ turn) / scale, atol=2e-3)
    others, turned = compiled((embeddings @ turn)[order], rename[labels][order], times[order][:, order])
    np.testing.assert_allclose(others[:ORDERED], values[:ORDERED], rtol=2e-4, atol=2e-4)
    turned, gradients, scale = turned[:ORDERED], gradients[:ORDERED], scale[:ORDERED]
    np.testing.assert_allclose(turned / scale, np.asarray(gradients @ turn)[:, order] / scale, atol=2e-3)


@settings(max_examples=60)
@given(batches())
def test_every_value_and_gradient_is_finite_and_no_loss_is_below_zero(batch):
    values, gradients = compiled(*batch)
    assert np.isfinite(values).all()
    assert np.isfinite(gradients).all()
    assert (np.asarray(values) >= -1e-5).all()


def test_a_collapsed_batch_and_one_of_opposites_have_their_exact_losses():
    # All alike: every cosine is 1, so the softmax losses are those of equal logits.
    labels = np.repeat(np.arange(4, dtype=np.int32), 3)
    alike, ones = np.ones((SIZE, DIM), np.float32), np.ones((SIZE, SIZE), np.float32)
    values, gradients = compiled(alike, labels, ones)
    found = dict(zip(LOSSES, values, strict=True))
    assert not np.any(gradients)
    assert found["ntxent_cold"] == pytest.approx(np.log(10), rel=1e-5)
    assert found["supcon_cold"] == pytest.approx(np.log(11), rel=1e-5)
    assert found["n_pairs"] == pytest.approx(np.log(4), rel=1e-5)
    # Positives opposite each other: a cosine of −1 against one of 1 at temperature 0.01 costs 200.
    opposite = np.tile(np.array([[1.0], [-1.0]], np.float32), (SIZE // 2, DIM))
    values, gradients = compiled(opposite, np.repeat(np.arange(6, dtype=np.int32), 2), ones)
    found = dict(zip(LOSSES, values, strict=True))
    assert found["ntxent_cold"] == pytest.approx(200 + np.log(5), rel=1e-5)
    assert found["supcon_cold"] == pytest.approx(200 + np.log(5), rel=1e-5)
    assert np.isfinite(gradients).all()


def test_compiled_or_not_one_batch_or_several_the_numbers_are_the_same():
    several = [np.stack(arrays) for arrays in zip(*(drawn(seed) for seed in range(3)), strict=True)]

    def total(*batch):
        found = every_loss(*batch)
        return found.sum(), found

    (_, together), gradients = jax.jit(jax.vmap(jax.value_and_grad(total, has_aux=True)))(*several)
    for place in range(3):
        values, slopes = compiled(*(arrays[place] for arrays in several))
        np.testing.assert_allclose(together[place], values, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(gradients[place], slopes.sum(axis=0), rtol=1e-4, atol=1e-3)
    plain = every_loss(*(jnp.asarray(arrays[0]) for arrays in several))
    np.testing.assert_allclose(plain, together[0], rtol=1e-5, atol=1e-5)


def test_bfloat16_embeddings_are_compared_in_float32():
    embeddings, labels, times = drawn(5)
    short = jnp.asarray(embeddings, jnp.bfloat16)
    values, gradients = compiled(short, labels, times)
    assert values.dtype == jnp.float32
    assert gradients.dtype == jnp.bfloat16
    rounded, exact = compiled(short.astype(jnp.float32), labels, times)
    np.testing.assert_allclose(values, rounded, rtol=1e-6)
    scale = np.abs(exact).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(gradients.astype(jnp.float32) / scale, exact / scale, atol=0.01)
    np.testing.assert_allclose(values, compiled(embeddings, labels, times)[0], rtol=0.05)


def test_of_nothing_loss_and_gradient_are_exactly_zero():
    embeddings, labels, _ = drawn(6)
    for found in compiled(embeddings, labels, np.zeros((SIZE, SIZE), np.float32)):
        assert not np.any(found)
    of_triplets = [name not in ("multi_similarity", "generalized") for name in LOSSES]
    for alone in (np.zeros(SIZE, np.int32), np.arange(SIZE, dtype=np.int32)):
        values, gradients = compiled(embeddings, alone, np.ones((SIZE, SIZE), np.float32))
        assert not np.any(np.asarray(values)[of_triplets])
        assert not np.any(np.asarray(gradients)[of_triplets])
        assert (np.asarray(values)[~np.array(of_triplets)] > 0).all()


@pytest.mark.parametrize("loss", [multi_similarity, generalized_lifted_structure, circle, supcon, ntxent])
def test_the_mean_of_shards_of_anchors_is_the_loss_of_the_batch(loss):
    embeddings, labels, _ = (jnp.asarray(array) for array in drawn(7))
    whole = compare(embeddings, labels)
    total = shares = 0.0
    for start in range(0, SIZE, 4):
        part = slice(start, start + 4)
        shard = compare(embeddings[part], labels[part], embeddings, labels, offset=start)
        positives = int(shard.positive.sum())
        # What each of them averages over.
        share = {
            multi_similarity: 4,
            generalized_lifted_structure: 4,
            circle: int(shard.positive.any(axis=1).sum()),
            supcon: int(shard.positive.any(axis=1).sum()),
            ntxent: positives,
        }[loss]
        total, shares = total + share * loss(shard), shares + share
    assert total / shares == pytest.approx(float(loss(whole)), rel=1e-4)


def sizes(jaxpr) -> list[int]:
    """Of every array that is computed, in nested functions too."""
    found = []
    for equation in jaxpr.eqns:
        found += [variable.aval.size for variable in equation.outvars]
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found += sizes(inner)
    return found


@pytest.mark.parametrize("name", LOSSES)
def test_no_array_is_larger_than_anchors_times_references(name: str):
    # With fewer references than anchors an array of anchors squared would show.
    rng = np.random.default_rng(8)
    labels = jnp.asarray(rng.integers(0, 6, 40), jnp.int32)
    pairs = compare(jnp.asarray(rng.normal(size=(40, 3)), jnp.float32), labels, jnp.ones((9, 3)), labels[:9])

    def loss(distances):
        return LOSSES[name](dataclasses.replace(pairs, distances=distances))

    found = sizes(jax.make_jaxpr(jax.value_and_grad(loss))(pairs.distances).jaxpr)
    assert max(found) == 40 * 9


PAIRS = compare(jnp.ones((4, 2)), jnp.array([0, 0, 1, 1]))
RAW = compare(jnp.ones((4, 2)), jnp.array([0, 0, 1, 1]), normalize=False)
FEWER = PairWeights(jnp.ones((3, 3)), jnp.ones((3, 3)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: multi_similarity(PAIRS, alpha=0.0), "alpha of multi_similarity must be above 0, found 0"),
        (lambda: multi_similarity(PAIRS, beta=-1.0), "beta of multi_similarity must be above 0"),
        (lambda: circle(PAIRS, gamma=0), "gamma of circle must be above 0, found 0"),
        (lambda: ntxent(PAIRS, temperature=0.0), "temperature of ntxent must be above 0"),
        (lambda: supcon(PAIRS, temperature=float("nan")), "temperature of supcon must be above 0, found nan"),
        (
            lambda: circle(compare(jnp.ones((4, 2)), jnp.arange(4), metric="dot")),
            "circle needs cosines.*inner products",
        ),
        *(
            (partial(loss, RAW), f"{loss.__name__} needs cosines.*not normalised")
            for loss in (multi_similarity, circle, ntxent, supcon, n_pairs)
        ),
        *(
            (partial(loss, PAIRS, FEWER), r"expected weights of \(4, 4\) pairs, found \(3, 3\)")
            for loss in LOSSES.values()
        ),
    ],
)
def test_misuse_is_told_in_words(call, words: str):
    with pytest.raises(ValueError, match=words):
        call()
    # Under jit it is reported while tracing.
    with pytest.raises(ValueError, match=words):
        jax.jit(call)()
