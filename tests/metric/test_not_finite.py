"""An embedding that is not finite makes every loss NaN, with every miner, and every gradient; other distances stay."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.metric import Pairs, compare, heads, losses, memory, miners
from lfw_jax.metric.pairs import METRICS

SIZE, DIM, CLASSES = 10, 4, 4
KEY = jax.random.key(0)
MINERS = {
    "none": lambda _: None,
    **{kind: partial(miners.triplet_margin, kind=kind) for kind in miners.KINDS},
    "batch_hard": miners.batch_hard,
    "batch_easy_hard": miners.batch_easy_hard,
    "semihard positives": partial(miners.batch_easy_hard, pos_strategy="semihard", neg_strategy="hard"),
    "distance_weighted": partial(miners.distance_weighted, key=KEY),
    "uniform_histogram": partial(miners.uniform_histogram, key=KEY, num_bins=4),
    "multi_similarity": miners.multi_similarity,
    "pair_margin": miners.pair_margin,
    "nothing": partial(miners.pair_margin, pos_margin=100.0, neg_margin=-100.0),
}
LOSSES = {name: getattr(losses, name) for name in losses.__all__ if name != "contrastive_of_pairs"} | {
    "squared contrastive": partial(losses.contrastive, form="squared"),
    "margin, a beta per class": partial(losses.margin, beta=jnp.ones(CLASSES)),
    "smooth triplet": partial(losses.triplet, smooth=True),
    "swapped triplet": partial(losses.triplet, swap=True),
}
OF_CENTERS = ("subcenter_arcface", "soft_triple")
STATES = {
    "adacos_next_scale": dict(scale=5.0),
    "curricularface": dict(t=0.3),
    "curricularface_next_t": dict(t=0.3),
    "adaface": dict(norm_mean=2.0, norm_std=1.0),
}
HEADS = [name for name in heads.__all__ if name not in ("adacos_scale", "adaface_next_statistics", "cosines")]


SOME = ("none", "all", "batch_hard", "distance_weighted", "nothing")
ONE_EACH = [("none", name) for name in LOSSES] + [(name, "contrastive") for name in MINERS if name != "none"]
ALL = [(miner, loss) for miner in MINERS for loss in LOSSES]


def every_loss(pairs: Pairs, combinations: list[tuple[str, str]]) -> jax.Array:
    """The losses of miners and losses by name, as far as they fit the metric of the pairs."""
    found = []
    for miner, loss in combinations:
        try:
            found.append(LOSSES[loss](pairs, MINERS[miner](pairs)))
        except ValueError:
            assert pairs.metric != "euclidean"
    return jnp.stack(found)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(SIZE, DIM)).astype(np.float32), rng.integers(0, CLASSES, SIZE).astype(np.int32)


@st.composite
def broken(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """A batch with one number that is not finite, or that is beyond the range of products, in one row."""
    embeddings, labels = drawn(draw(st.integers(0, 2**32 - 1)))
    row, column = draw(st.integers(0, SIZE - 1)), draw(st.integers(0, DIM - 1))
    if draw(st.booleans()):
        labels[row] = CLASSES - 1 if draw(st.booleans()) else labels[row - 1]
    if draw(st.integers(0, 4)) == 0:
        labels[:] = 1  # no negative is selected
    embeddings[row, column] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -3e38]))
    if draw(st.booleans()):
        embeddings[row] = embeddings[row, column]
    return embeddings, labels, row


@partial(jax.jit, static_argnames=("metric", "every"))
def values(embeddings: jax.Array, labels: jax.Array, *, metric: str, every: bool) -> jax.Array:
    return every_loss(compare(embeddings, labels, metric=metric), ALL if every else ONE_EACH)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15)
@given(broken())
def test_every_loss_and_every_miner_gives_nan(metric: str, batch):
    embeddings, labels, _ = batch
    assert np.isnan(values(embeddings, labels, metric=metric, every=False)).all()


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=15)
@given(broken())
def test_every_loss_is_nan_with_every_miner(metric: str, batch):
    embeddings, labels, _ = batch
    assert np.isnan(values(embeddings, labels, metric=metric, every=True)).all()


@pytest.mark.parametrize("miner", ["none", "distance_weighted"])
def test_every_gradient_is_nan_with_the_loss(miner: str):
    def stacked(embeddings: jax.Array) -> jax.Array:
        pairs = compare(embeddings, labels)
        return jnp.stack([loss(pairs, MINERS[miner](pairs)) for loss in LOSSES.values()])

    embeddings, labels = drawn(0)
    embeddings[3, 1] = np.nan
    for found in jax.jit(jax.jacrev(stacked))(embeddings):
        assert np.isnan(found).any()


@settings(max_examples=30)
@given(broken(), st.sampled_from(METRICS), st.booleans())
def test_the_distances_of_a_broken_row_alone_are_nan(batch, metric: str, normalize: bool):
    embeddings, labels, row = batch
    found = np.asarray(compare(embeddings, labels, metric=metric, normalize=normalize).distances)
    assert np.isnan(found[row]).all()
    assert np.isnan(found[:, row]).all()
    others = np.arange(SIZE) != row
    alone = compare(embeddings[others], labels[others], metric=metric, normalize=normalize).distances
    np.testing.assert_allclose(found[others][:, others], alone, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("form", ["linear", "squared"])
def test_listed_pairs_have_a_loss_of_nan(value: float, normalize: bool, form: str):
    first, second = np.ones((3, 2), np.float32), np.eye(3, 2, dtype=np.float32)
    for of in (first, second):
        for row in range(3):
            of[row, 1], kept = value, of[row, 1]
            for same in ([True, False, False], [True] * 3, [False] * 3):
                found = losses.contrastive_of_pairs(
                    jnp.asarray(first), jnp.asarray(second), jnp.array(same), form=form, normalize=normalize
                )
                assert np.isnan(found)
            of[row, 1] = kept


def test_an_embedding_of_nan_in_a_memory_makes_every_loss_nan_until_it_is_replaced():
    @jax.jit
    def losses_with(state: memory.Memory, embeddings: jax.Array, labels: jax.Array) -> jax.Array:
        pairs = memory.compare_with(state, embeddings, labels)
        weights = miners.pair_margin(pairs)
        return jnp.stack([loss(pairs, weights) for name, loss in LOSSES.items() if name != "swapped triplet"])

    embeddings, labels = drawn(1)
    bad = embeddings.copy()
    bad[4, 2] = np.inf
    state = memory.remember(memory.init(2 * SIZE, DIM), bad, labels)
    for expected in (True, False):
        state = memory.remember(state, embeddings, labels)
        assert (np.isnan(losses_with(state, embeddings, labels)) == expected).all()


@settings(max_examples=15)
@given(broken(), st.sampled_from(HEADS))
def test_every_head_and_its_next_state_is_nan(batch, name: str):
    embeddings, labels, row = batch
    rng = np.random.default_rng(row)
    shape = (CLASSES, 3, DIM) if name in OF_CENTERS else (CLASSES, DIM)
    prototypes = rng.normal(size=shape).astype(np.float32)
    head = partial(getattr(heads, name), **STATES.get(name, {}))
    head = jax.jit(jax.value_and_grad(head, argnums=0))
    found, gradient = head(embeddings, labels, prototypes)
    assert np.isnan(found)
    if "next" not in name:
        assert np.isnan(gradient).any()
    # A prototype that is not finite likewise.
    prototypes[(0,) * len(shape)] = embeddings[row][~(np.abs(embeddings[row]) < 1e20)][0]
    assert np.isnan(head(*drawn(row), prototypes)[0]) or name == "curricularface_next_t"


@given(broken())
def test_the_next_statistics_of_adaface_are_nan(batch):
    assert np.isnan(heads.adaface_next_statistics(batch[0], 20.0, 100.0)).all()


@pytest.mark.parametrize("beta", [jnp.nan, jnp.inf, jnp.array([1.0, jnp.nan, 1.0, 1.0])])
def test_a_boundary_of_nan_makes_the_margin_loss_nan(beta):
    embeddings, labels = drawn(2)
    labels[0] = 1
    pairs = compare(embeddings, labels)
    boundary = jax.jit(lambda beta: jnp.stack([losses.margin(pairs, MINERS[name](pairs), beta=beta) for name in SOME]))
    assert np.isnan(boundary(beta)).all()


@pytest.mark.parametrize("loss", [losses.ntxent, losses.supcon])
def test_a_learned_temperature_of_nan_makes_the_loss_nan(loss):
    pairs = compare(*drawn(3))
    cold = jax.jit(lambda t: jnp.stack([loss(pairs, MINERS[name](pairs), temperature=t) for name in SOME]))
    assert np.isnan(cold(jnp.nan)).all()
