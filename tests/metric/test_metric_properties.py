"""What must hold for any batch: listing triplets one by one agrees, order and rotation do not matter, nothing is NaN."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.metric import PairWeights, compare, heads, losses, miners, triplets

SIZE, DIM = 12, 5


@st.composite
def batches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings and labels of one shape, so that nothing is compiled twice: any classes, some duplicates and zeros."""
    labels = np.array(draw(st.lists(st.integers(0, 4), min_size=SIZE, max_size=SIZE)), np.int32)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    embeddings = rng.normal(size=(SIZE, DIM)) + draw(st.floats(0, 3)) * rng.normal(size=(5, DIM))[labels]
    for _ in range(draw(st.integers(0, 3))):
        embeddings[rng.integers(SIZE)] = embeddings[rng.integers(SIZE)]
    if draw(st.booleans()):
        embeddings[rng.integers(SIZE)] = 0
    return embeddings.astype(np.float32), labels


def by_listing(distances: np.ndarray, labels: np.ndarray, kind: str, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Every triplet, one after the other."""
    positive, negative = np.zeros((2, *distances.shape))
    for a in range(len(labels)):
        for p in np.flatnonzero((labels == labels[a]) & (np.arange(len(labels)) != a)):
            for n in np.flatnonzero(labels != labels[a]):
                apart = distances[a, n] - distances[a, p]
                chosen = {
                    "all": apart <= margin,
                    "hard": apart <= 0,
                    "semihard": 0 < apart <= margin,
                    "easy": apart > margin,
                }[kind]
                positive[a, p] += chosen
                negative[a, n] += chosen
    return positive, negative


@pytest.mark.parametrize("how", ["chosen", "_by_sweeping", "_by_sorting"])
@pytest.mark.parametrize("kind", miners.KINDS)
def test_triplets_are_those_of_listing_them_all(kind: str, how: str):
    bounds = {"all": (-np.inf, 0.2), "hard": (-np.inf, 0.0), "semihard": (0.0, 0.2), "easy": (0.2, np.inf)}[kind]

    @jax.jit
    def mine(pairs):
        if how == "chosen":
            return miners.triplet_margin(pairs, margin=0.2, kind=kind)
        return getattr(triplets, how)(pairs, None, bounds=bounds)

    @settings(max_examples=40)
    @given(batches())
    def agree(batch):
        embeddings, labels = batch
        pairs = compare(jnp.asarray(embeddings), jnp.asarray(labels))
        expected = by_listing(np.asarray(pairs.distances), labels, kind, np.float32(0.2))
        for ours, theirs in zip(mine(pairs), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    agree()


@jax.jit
def everything(embeddings, labels):
    """Losses without random sampling, with their gradients."""

    def total(embeddings):
        pairs = compare(embeddings, labels)
        selected = [None, *(miners.triplet_margin(pairs, kind=kind) for kind in miners.KINDS), miners.batch_hard(pairs)]
        found = [losses.contrastive(pairs, weights) for weights in selected]
        found += [losses.contrastive(pairs, weights, form="squared", neg_margin=1.2) for weights in selected]
        found += [losses.margin(pairs, weights, nu=0.1) for weights in selected]
        found = jnp.stack(found)
        return found.sum(), found

    (_, values), gradient = jax.value_and_grad(total, has_aux=True)(embeddings)
    return values, gradient


@settings(max_examples=30)
@given(batches(), st.integers(0, 2**32 - 1))
def test_neither_order_nor_rotation_nor_names_of_classes_matter(batch, seed: int):
    embeddings, labels = batch
    rng = np.random.default_rng(seed)
    order, rename = rng.permutation(SIZE), rng.permutation(5).astype(np.int32)
    turn = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0].astype(np.float32)
    # Distances equal to a bound may fall on either side after rounding: leave such batches aside.
    distances = np.asarray(compare(jnp.asarray(embeddings), jnp.asarray(labels)).distances)
    apart = distances[:, :, None] - distances[:, None, :]
    apart = apart[np.broadcast_to(labels[:, None] != labels[None], distances.shape)]
    if np.any(np.abs(apart) < 1e-5) or np.any(np.abs(apart - 0.2) < 1e-5) or np.any(distances + np.eye(SIZE) < 0.01):
        return
    values, gradient = everything(embeddings, labels)
    others, turned = everything((embeddings @ turn)[order], rename[labels][order])
    np.testing.assert_allclose(others, values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(turned, np.asarray(gradient @ turn)[order], rtol=2e-3, atol=2e-3)


@settings(max_examples=60)
@given(batches())
def test_every_value_and_gradient_is_finite(batch):
    for found in everything(*batch):
        assert np.isfinite(found).all()


@pytest.mark.parametrize("labels", [np.zeros(SIZE, np.int32), np.arange(SIZE, dtype=np.int32)])
def test_without_triplets_loss_and_gradient_are_zero(labels: np.ndarray):
    embeddings = jnp.asarray(np.random.default_rng(0).normal(size=(SIZE, DIM)), jnp.float32)

    def loss(embeddings):
        pairs = compare(embeddings, jnp.asarray(labels))
        weights = miners.triplet_margin(pairs, kind="all")
        return losses.contrastive(pairs, weights) + losses.margin(pairs, weights, nu=0.1)

    value, gradient = jax.value_and_grad(loss)(embeddings)
    assert value == 0
    assert not np.any(gradient)


def test_a_shard_with_its_offset_is_the_rows_of_the_whole():
    rng = np.random.default_rng(1)
    embeddings = jnp.asarray(rng.normal(size=(SIZE, DIM)), jnp.float32)
    embeddings = embeddings.at[7].set(embeddings[2])  # the same value elsewhere is another embedding
    labels = jnp.asarray(rng.integers(0, 3, SIZE), jnp.int32).at[7].set(1).at[2].set(1)
    whole = compare(embeddings, labels)
    for start in (0, 4, 8):
        part = slice(start, start + 4)
        shard = compare(embeddings[part], labels[part], embeddings, labels, offset=start)
        for name in ("positive", "negative"):
            np.testing.assert_array_equal(getattr(shard, name), getattr(whole, name)[part])
        np.testing.assert_allclose(shard.distances, whole.distances[part], atol=1e-6)
    assert whole.positive[2, 7]
    assert not whole.positive.diagonal().any()


def test_duplicates_have_distance_zero_and_a_collapsed_batch_keeps_its_distances():
    rng = np.random.default_rng(2)
    centre = rng.normal(size=64)
    tight = jnp.asarray(centre + 1e-4 * rng.normal(size=(SIZE, 64)), jnp.float32)
    exact = np.asarray(tight, np.float64)
    exact = np.linalg.norm(exact[:, None] - exact[None], axis=-1)
    found = compare(tight, jnp.arange(SIZE), normalize=False).distances
    np.testing.assert_allclose(found, exact, rtol=1e-3)
    twins = compare(jnp.repeat(tight, 2, axis=0), jnp.arange(2 * SIZE)).distances
    assert not twins[::2, 1::2].diagonal().any()


def test_the_histogram_draws_each_bin_evenly_and_only_members():
    rng = np.random.default_rng(3)
    embeddings = jnp.asarray(rng.normal(size=(60, 3)), jnp.float32)
    labels = jnp.asarray(rng.integers(0, 6, 60), jnp.int32)
    pairs = compare(embeddings, labels)
    mine = jax.jit(partial(miners.uniform_histogram, num_bins=8, pos_per_bin=3, neg_per_bin=5))
    total = [np.zeros(pairs.distances.shape) for _ in range(2)]
    for seed in range(60):
        weights = mine(pairs, key=jax.random.key(seed))
        for side, (drawn, members, per_bin) in enumerate(
            zip(weights, (pairs.positive, pairs.negative), (3, 5), strict=True)
        ):
            assert not np.any(np.asarray(drawn)[~np.asarray(members)])
            distances = np.asarray(pairs.distances)[np.asarray(members)]
            bins = np.minimum(8 * (distances - distances.min()) / np.ptp(distances), 7.999999).astype(int)
            counts = np.bincount(bins, np.asarray(drawn)[np.asarray(members)], minlength=8)
            # Rounding may move a distance on an edge to the next bin: the sum is exact, single bins nearly.
            assert counts.sum() == per_bin * len(set(bins.tolist()))
            assert np.abs(counts[np.bincount(bins, minlength=8) > 0] - per_bin).max() <= 1
            total[side] += np.asarray(drawn)
    # Within a bin every pair is as likely as the next.
    positive = np.asarray(pairs.positive)
    distances = np.asarray(pairs.distances)[positive]
    bins = np.minimum(8 * (distances - distances.min()) / np.ptp(distances), 7.999999).astype(int)
    fullest = np.bincount(bins).argmax()
    drawn = total[0][positive][bins == fullest]
    assert abs(drawn.mean() - 180 / len(drawn)) < 0.35 * drawn.mean()
    assert drawn.var() < 3 * drawn.mean()


def test_the_squared_form_by_hand():
    first, second = jnp.array([[3.0, 4.0], [1.0, 0.0]]), jnp.array([[0.0, 0.0], [1.0, 0.5]])
    same = jnp.array([True, False])
    # 5² for the positive and 1² − 0.5² for the negative, over two pairs.
    found = losses.contrastive_of_pairs(first, second, same, form="squared", normalize=False)
    assert found == pytest.approx((25 + 0.75) / 2)
    linear = losses.contrastive_of_pairs(first, second, same, normalize=False)
    assert linear == pytest.approx(5 + 0.5)


@pytest.mark.parametrize("head", [heads.softmax, heads.cosface, heads.arcface])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_heads_are_finite_on_and_opposite_their_prototypes(head, dtype):
    prototypes = jnp.eye(4, dtype=dtype)
    embeddings = jnp.concatenate([prototypes, -prototypes, jnp.zeros((1, 4), dtype)])
    labels = jnp.array([0, 1, 2, 3, 0, 1, 2, 3, 0])
    value, gradients = jax.value_and_grad(lambda e, p: head(e, labels, p), (0, 1))(embeddings, prototypes)
    assert value.dtype == jnp.float32
    assert np.isfinite(value)
    assert all(np.isfinite(np.asarray(g, np.float32)).all() for g in gradients)


PAIRS = compare(jnp.ones((4, 2)), jnp.array([0, 0, 1, 1]))
ONES = jnp.ones((4, 2))


@pytest.mark.parametrize(
    ("error", "call", "words"),
    [
        (ValueError, lambda: compare(ONES, jnp.arange(3)), "labels of shape"),
        (TypeError, lambda: compare(ONES, jnp.ones(4)), "labels must be integers"),
        (TypeError, lambda: compare(ONES.astype(int), jnp.arange(4)), "floating-point"),
        (ValueError, lambda: compare(jnp.ones(4), jnp.arange(4)), r"\[count, dim\]"),
        (ValueError, lambda: compare(ONES, jnp.arange(4), ONES), "go together"),
        (ValueError, lambda: compare(ONES, jnp.arange(4), jnp.ones((4, 3)), jnp.arange(4)), "3"),
        (ValueError, lambda: compare(ONES, jnp.arange(4), metric="manhattan"), "euclidean, squared, cosine"),
        (ValueError, lambda: compare(ONES, jnp.arange(4), ONES, jnp.arange(4), offset=1), "do not lie"),
        (ValueError, lambda: miners.triplet_margin(PAIRS, kind="soft"), "semihard"),
        (ValueError, lambda: miners.triplet_margin(PAIRS, margin=-1.0), "at least 0"),
        (ValueError, lambda: miners.uniform_histogram(PAIRS, key=jax.random.key(0), num_bins=0), "at least 1"),
        (ValueError, lambda: losses.contrastive(PAIRS, form="cubic"), "linear, squared"),
        (ValueError, lambda: losses.contrastive(PAIRS, form="squared", pos_margin=0.1), "no pos_margin"),
        (ValueError, lambda: losses.contrastive(PAIRS, PairWeights(jnp.ones(4), jnp.ones(4))), "expected weights"),
        (
            ValueError,
            lambda: losses.contrastive(compare(ONES, jnp.arange(4), metric="cosine"), form="squared"),
            "Euclidean",
        ),
        (ValueError, lambda: losses.margin(PAIRS, beta=jnp.ones((2, 2))), "beta"),
        (ValueError, lambda: heads.arcface(ONES, jnp.arange(4), jnp.ones((4, 3))), "one dim"),
        (ValueError, lambda: heads.arcface(ONES, jnp.arange(4), ONES, margin=4.0), "radians"),
        (ValueError, lambda: heads.adacos_scale(2), "at least 3"),
        (TypeError, lambda: losses.contrastive_of_pairs(ONES, ONES, jnp.ones(4)), "boolean"),
    ],
)
def test_misuse_is_told_in_words(error: type[Exception], call, words: str):
    with pytest.raises(error, match=words):
        call()


def test_statistics_of_nothing_are_zero():
    pairs = compare(ONES, jnp.zeros(4, jnp.int32))
    found = miners.statistics(pairs, miners.triplet_margin(pairs))
    assert found["negative_distance"] == 0
    assert found["active_anchors"] == 0
    assert all(np.isfinite(value) for value in found.values())
