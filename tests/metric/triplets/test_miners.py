"""What random miners draw, and triplet counts and losses against lists of all triplets."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.metric import compare, losses, miners, triplets
from lfw_jax.metric.miners import PairWeights
from tests.metric.test_metric_properties import DIM, SIZE, batches


def on_a_sphere(size: int, dim: int, classes: int, seed: int, spread: float = 3.0) -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, size)
    points = rng.normal(size=(size, dim)) + spread * rng.normal(size=(1, dim))
    return jnp.asarray(points, jnp.float32), jnp.asarray(labels, jnp.int32)


def paper_distribution(distances: np.ndarray, eligible: np.ndarray, dim: int, cutoff: float) -> np.ndarray:
    """The probability of each negative of each anchor by Wu et al. 2017, equations 3 and 4, in float64."""
    d = np.maximum(np.asarray(distances, np.float64), cutoff)
    density = d ** (dim - 2) * (1 - d**2 / 4) ** ((dim - 3) / 2)
    weights = np.where(eligible, 1 / density, 0.0)
    total = weights.sum(axis=1, keepdims=True)
    return weights / np.where(total > 0, total, 1.0)


@pytest.mark.parametrize("dim", [3, 16])
def test_distance_weighted_draws_as_the_paper_says(dim: int):
    embeddings, labels = on_a_sphere(40, dim, 8, seed=dim)
    pairs = compare(embeddings, labels)
    draw = jax.jit(jax.vmap(lambda key: miners.distance_weighted(pairs, key=key)))
    selected = draw(jax.random.split(jax.random.key(0), 2000))
    eligible = np.asarray(pairs.negative & (pairs.distances < 1.4))
    expected = paper_distribution(np.asarray(pairs.distances), eligible, dim, 0.5)
    found = np.asarray(selected.negative).sum(axis=0)
    draws = found.sum(axis=1, keepdims=True)
    assert (draws > 0).all()
    # Each share within five standard errors of its probability.
    error = np.sqrt(expected * (1 - expected) / draws)
    assert np.all(np.abs(found / draws - expected) <= 5 * error + 1e-9)
    assert not np.any(found[~eligible])


def test_distance_weighted_gives_every_positive_one_negative():
    embeddings, labels = on_a_sphere(40, 16, 8, seed=1)
    pairs = compare(embeddings, labels)
    selected = jax.jit(miners.distance_weighted)(pairs, key=jax.random.key(3))
    drawn = np.asarray(selected.sampled)
    np.testing.assert_array_equal(drawn >= 0, pairs.positive)
    np.testing.assert_array_equal(selected.positive, np.asarray(pairs.positive, np.float32))
    rows, places = np.nonzero(drawn >= 0)
    assert np.asarray(pairs.negative)[rows, drawn[rows, places]].all()
    counted = np.zeros(drawn.shape)
    np.add.at(counted, (rows, drawn[rows, places]), 1)
    np.testing.assert_array_equal(selected.negative, counted)


def test_distance_weighted_keeps_anchors_whose_negatives_are_all_far():
    # Two tight groups of different classes, at least 1.2 apart, in many dimensions. Relative to the
    # weights of near pairs, those of far ones are at most exp(−100), which pytorch-metric-learning rounds to 0.
    rng = np.random.default_rng(0)
    centres = np.eye(2, 256) * [[1.0], [1.0]]
    centres[1, 0] = 0.3
    points = np.concatenate([centres[[0, 0, 0, 0]], centres[[1, 1]]]) + 0.001 * rng.normal(size=(6, 256))
    pairs = compare(jnp.asarray(points, jnp.float32), jnp.array([0, 0, 1, 1, 2, 2]))
    selected = miners.distance_weighted(pairs, key=jax.random.key(0))
    assert np.asarray(selected.positive).sum(axis=1).tolist() == [1.0] * 6


def test_distance_weighted_drops_anchors_without_a_near_negative():
    embeddings = jnp.array([[1.0, 0.0], [0.9, 0.1], [-1.0, 0.0], [-0.9, 0.1]])
    selected = miners.distance_weighted(compare(embeddings, jnp.array([0, 0, 1, 1])), key=jax.random.key(0))
    assert not np.any(selected.positive)
    assert not np.any(selected.negative)
    assert np.all(np.asarray(selected.sampled) == -1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: miners.batch_easy_hard(p, pos_strategy="soft"), "pos_strategy 'soft'"),
        (lambda p: miners.batch_easy_hard(p, neg_strategy="none"), "neg_strategy 'none'"),
        (lambda p: miners.batch_easy_hard(p, pos_strategy="semihard"), "does not go with"),
        (lambda p: miners.batch_easy_hard(p, pos_strategy="all", neg_strategy="semihard"), "does not go with"),
        (lambda p: losses.triplet(p, PairWeights(jnp.ones(3), jnp.ones(3))), "expected weights"),
    ],
)
def test_misuse_is_told_in_words(call, words: str):
    with pytest.raises(ValueError, match=words):
        call(compare(jnp.eye(4), jnp.array([0, 0, 1, 1])))


@pytest.mark.parametrize(
    ("options", "call", "words"),
    [
        (dict(metric="cosine"), lambda p: miners.distance_weighted(p, key=jax.random.key(0)), "found cosine"),
        (dict(normalize=False), lambda p: miners.distance_weighted(p, key=jax.random.key(0)), "not normalised"),
        (dict(normalize=False), miners.multi_similarity, "needs cosines"),
        (
            dict(references=jnp.eye(4), reference_labels=jnp.arange(4)),
            lambda p: losses.triplet(p, swap=True),
            "swap needs",
        ),
    ],
)
def test_distances_that_do_not_fit_are_told_in_words(options, call, words: str):
    with pytest.raises(ValueError, match=words):
        call(compare(jnp.eye(4), jnp.array([0, 0, 1, 1]), **options))


def listed(distances: np.ndarray, weights: tuple[np.ndarray, np.ndarray], bounds: tuple[float, float]) -> list:
    """All triplets of a joined selection within an interval: a, p, n and their multiplicity."""
    positive, negative = weights
    return [
        (a, p, n, positive[a, p] * negative[a, n])
        for a in range(len(distances))
        for p in np.flatnonzero(positive[a])
        for n in np.flatnonzero(negative[a])
        if bounds[0] < distances[a, n] - distances[a, p] <= bounds[1]
    ]


@pytest.mark.parametrize("how", ["_by_sweeping", "_by_sorting"])
@pytest.mark.parametrize("bounds", [(-np.inf, 0.1), (0.0, 0.3), (0.2, np.inf), (-np.inf, np.inf)])
def test_weighted_triplets_are_those_of_listing_them_all(how: str, bounds: tuple[float, float]):
    count = jax.jit(partial(getattr(triplets, how), bounds=bounds))

    @settings(max_examples=25)
    @given(batches(), st.integers(0, 2**32 - 1))
    def agree(batch, seed: int):
        rng = np.random.default_rng(seed)
        pairs = compare(*map(jnp.asarray, batch))
        sides = [np.asarray(side) * rng.integers(0, 3, (SIZE, SIZE)) for side in (pairs.positive, pairs.negative)]
        weights = PairWeights(*(jnp.asarray(side, jnp.float32) for side in sides))
        expected = np.zeros((2, SIZE, SIZE))
        as_float32 = tuple(map(np.float32, bounds))
        for a, p, n, often in listed(np.asarray(pairs.distances), (sides[0], sides[1]), as_float32):
            expected[0, a, p] += often
            expected[1, a, n] += often
        for ours, theirs in zip(count(pairs, weights), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    agree()


@partial(jax.jit, static_argnames=("kind", "smooth", "swap"))
def triplet_loss(embeddings, labels, kind, smooth, swap):
    def loss(embeddings):
        pairs = compare(embeddings, labels)
        selected = None if kind == "every" else miners.triplet_margin(pairs, kind=kind)
        return losses.triplet(pairs, selected, margin=0.3, smooth=smooth, swap=swap)

    return jax.value_and_grad(loss)(embeddings)


def derived(embeddings: np.ndarray, labels: np.ndarray, kind: str, smooth: bool, swap: bool) -> float:
    """The mean over the triplets that cost something, one by one in float64."""
    x = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-30)
    d = np.linalg.norm(x[:, None] - x[None], axis=-1)
    same = labels[:, None] == labels[None]
    costs = []
    for a, p, n in np.ndindex(len(labels), len(labels), len(labels)):
        if a == p or not same[a, p] or same[a, n]:
            continue
        if kind == "semihard" and not 0 < d[a, n] - d[a, p] <= 0.2:
            continue
        violation = d[a, p] - (min(d[a, n], d[p, n]) if swap else d[a, n]) + 0.3
        costs.append(np.log1p(np.exp(violation)) if smooth else max(violation, 0.0))
    costs = [cost for cost in costs if cost > 0]
    return float(np.mean(costs)) if costs else 0.0


@pytest.mark.parametrize(("smooth", "swap"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("kind", ["every", "semihard"])
def test_the_triplet_loss_and_its_gradient_from_the_definition(kind: str, smooth: bool, swap: bool):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 4, SIZE).astype(np.int32)
        embeddings = rng.normal(size=(SIZE, DIM)) + rng.normal(size=(4, DIM))[labels]
        value, gradient = triplet_loss(jnp.asarray(embeddings, jnp.float32), jnp.asarray(labels), kind, smooth, swap)
        assert value == pytest.approx(derived(embeddings, labels, kind, smooth, swap), abs=1e-5)
        direction = rng.normal(size=embeddings.shape)
        ends = [derived(embeddings + step * direction, labels, kind, smooth, swap) for step in (-1e-5, 1e-5)]
        # A triplet that starts or stops to count between the two ends makes a jump, which is no slope.
        if abs(ends[1] - ends[0]) < 1e-3:
            assert np.sum(np.asarray(gradient) * direction) == pytest.approx(
                (ends[1] - ends[0]) / 2e-5, rel=2e-3, abs=2e-4
            )
