"""What must hold of every miner, and of the losses of what it selects, for any batch."""

import itertools
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.metric import Pairs, PairWeights, compare, losses, miners
from lfw_jax.metric.running_sums import passing_place, running_sums
from tests.metric.test_metric_properties import DIM, SIZE, batches

KEY = jax.random.key(0)
EXACT = {
    **{f"triplet {kind}": partial(miners.triplet_margin, kind=kind) for kind in miners.KINDS},
    "batch hard": miners.batch_hard,
    "easy positive": miners.batch_easy_hard,
    "multi-similarity": miners.multi_similarity,
    "pair margin": partial(miners.pair_margin, pos_margin=0.5, neg_margin=1.0),
}
RANDOM = {
    "histogram": partial(miners.uniform_histogram, key=KEY, num_bins=4, pos_per_bin=3, neg_per_bin=3),
    "distance-weighted": partial(miners.distance_weighted, key=KEY),
}
LOSSES = {
    "contrastive": losses.contrastive,
    "margin": partial(losses.margin, beta=0.9),
    "triplet": partial(losses.triplet, margin=0.3),
    "smooth triplet": partial(losses.triplet, margin=0.3, smooth=True),
    "swapped triplet": partial(losses.triplet, margin=0.3, swap=True),
}


def turns(embeddings: jax.Array, labels: jax.Array, chosen: dict) -> dict[str, jax.Array]:
    """Every miner with one loss, every loss with a miner or more."""
    pairs, cycle = compare(embeddings, labels), itertools.cycle(LOSSES.items())
    return {
        f"{miner}, {loss}": function(pairs, mine(pairs))
        for (miner, mine), (loss, function) in zip(chosen.items(), cycle, strict=False)
    }


one_loss_each = jax.jit(partial(turns, chosen=EXACT | RANDOM))


@jax.jit
def values_and_gradients(embeddings: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Of a loss of every miner that draws nothing at random, [combinations] and [combinations, batch, dim]."""

    def stacked(embeddings: jax.Array) -> jax.Array:
        return jnp.stack(list(turns(embeddings, labels, EXACT).values()))

    return stacked(embeddings), jax.jacrev(stacked)(embeddings)


def far_from_bounds(embeddings: np.ndarray, labels: np.ndarray) -> bool:
    """Whether no choice of a miner or a loss hangs on rounding."""
    pairs = compare(jnp.asarray(embeddings), jnp.asarray(labels))
    distances = np.asarray(pairs.distances)
    off = ~np.eye(SIZE, dtype=bool)
    cosines = 1 - distances**2 / 2
    apart = distances[:, :, None] - distances[:, None, :]
    apart = np.abs(apart[:, np.triu(np.ones((SIZE, SIZE), bool), 1)])
    gaps = np.abs(cosines[:, :, None] - cosines[:, None, :])
    bounds = [np.abs(distances[off] - bound) for bound in (0.0, 0.5, 0.7, 1.0, 1.1)]
    bounds += [apart, np.abs(apart - 0.2), np.abs(apart - 0.3), np.abs(gaps - 0.1)]
    return all(bound.min() > 1e-5 for bound in bounds)


@settings(max_examples=25)
@given(batches(), st.integers(0, 2**32 - 1))
def test_order_rotation_and_names_of_classes_change_nothing(batch, seed: int):
    embeddings, labels = batch
    if not far_from_bounds(embeddings, labels):
        return
    rng = np.random.default_rng(seed)
    order, rename = rng.permutation(SIZE), rng.permutation(5).astype(np.int32)
    turn = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0].astype(np.float32)
    values, gradients = values_and_gradients(embeddings, labels)
    others, turned = values_and_gradients((embeddings @ turn)[order], rename[labels][order])
    np.testing.assert_allclose(others, values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(turned, np.asarray(gradients @ turn)[:, order], rtol=5e-3, atol=5e-3)


@settings(max_examples=40)
@given(batches())
def test_values_and_gradients_are_finite_and_nothing_selected_gives_zero(batch):
    embeddings, labels = batch
    values, gradients = values_and_gradients(embeddings, labels)
    assert np.isfinite(values).all()
    assert np.isfinite(gradients).all()
    alone = len(np.unique(labels)) == SIZE or len(np.unique(labels)) == 1
    if alone:
        names = list(turns(jnp.asarray(embeddings), jnp.asarray(labels), EXACT))
        of_triplets = [name.startswith("triplet") or "triplet" in name.partition(", ")[2] for name in names]
        assert not np.any(np.asarray(values)[of_triplets])
        assert not np.any(np.asarray(gradients)[of_triplets])


def a_batch(seed: int = 0, size: int = SIZE) -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, size)
    embeddings = rng.normal(size=(size, DIM)) + 0.7 * rng.normal(size=(4, DIM))[labels]
    return jnp.asarray(embeddings, jnp.float32), jnp.asarray(labels, jnp.int32)


def test_jit_changes_nothing():
    embeddings, labels = a_batch()
    with jax.disable_jit():
        plain = one_loss_each(embeddings, labels)
    compiled = one_loss_each(embeddings, labels)
    assert len(plain) == len(EXACT | RANDOM)
    for name, value in plain.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_vmap_over_batches_is_each_batch_by_itself():
    several = [a_batch(seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)
    together = jax.jit(jax.vmap(one_loss_each))(*stacked)
    for number, batch in enumerate(several):
        for name, value in one_loss_each(*batch).items():
            np.testing.assert_allclose(together[name][number], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_bfloat16_embeddings_are_compared_in_float32():
    embeddings, labels = a_batch()
    rounded = embeddings.astype(jnp.bfloat16)
    found = one_loss_each(rounded, labels)
    same = one_loss_each(rounded.astype(jnp.float32), labels)
    for name, value in found.items():
        assert value.dtype == jnp.float32
        np.testing.assert_allclose(value, same[name], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", EXACT)
def test_shards_of_the_anchors_select_the_rows_of_the_whole(name: str):
    embeddings, labels = a_batch(3)
    whole = EXACT[name](compare(embeddings, labels))
    for start in range(0, SIZE, 4):
        part = slice(start, start + 4)
        shard = EXACT[name](compare(embeddings[part], labels[part], embeddings, labels, offset=start))
        for ours, theirs in zip(shard, whole, strict=True):
            np.testing.assert_array_equal(ours, theirs[part])


def test_shards_of_the_references_are_the_columns_of_the_whole():
    embeddings, labels = a_batch(4)
    others, other_labels = a_batch(5)
    whole = compare(embeddings, labels, others, other_labels)
    parts = [compare(embeddings, labels, others[part], other_labels[part]) for part in (slice(5), slice(5, SIZE))]
    for name, tolerance in (("distances", 1e-5), ("positive", 0), ("negative", 0)):
        joined = np.concatenate([np.asarray(getattr(part, name)) for part in parts], axis=1)
        np.testing.assert_allclose(joined, getattr(whole, name), atol=tolerance)
    # What needs one pair at a time is selected in shards as in the whole.
    selected = [miners.pair_margin(part, pos_margin=0.5, neg_margin=1.0) for part in parts]
    for side, expected in enumerate(miners.pair_margin(whole, pos_margin=0.5, neg_margin=1.0)):
        np.testing.assert_array_equal(np.concatenate([np.asarray([*part][side]) for part in selected], 1), expected)


def arrays_of(function, *arguments) -> list[tuple[tuple[int, ...], str]]:
    """Shape and primitive of everything that a function computes, in all its inner functions too."""
    found, todo = [], [jax.make_jaxpr(function)(*arguments).jaxpr]
    while todo:
        jaxpr = todo.pop()
        for equation in jaxpr.eqns:
            found += [(getattr(v.aval, "shape", ()), equation.primitive.name) for v in equation.outvars]
            for parameter in equation.params.values():
                for inner in parameter if isinstance(parameter, (list, tuple)) else [parameter]:
                    inner = getattr(inner, "jaxpr", inner)
                    if hasattr(inner, "eqns"):
                        todo.append(inner)
    return found


@pytest.mark.parametrize("miner", EXACT | RANDOM)
@pytest.mark.parametrize("loss", LOSSES)
def test_no_array_is_larger_than_a_few_times_anchors_by_references_and_nothing_calls_back(miner: str, loss: str):
    size = 96
    embeddings, labels = a_batch(size=size)

    def value(embeddings):
        pairs = compare(embeddings, labels)
        return LOSSES[loss](pairs, (EXACT | RANDOM)[miner](pairs))

    found = arrays_of(jax.value_and_grad(value), embeddings)
    assert len(found) > 20
    assert max(math.prod(shape) for shape, _ in found) <= 4 * size**2
    assert not [name for _, name in found if "callback" in name]


def test_statistics_count_what_was_selected():
    pairs = compare(jnp.array([[0.0], [1.0], [1.1], [3.0]]), jnp.array([0, 0, 1, 1]), normalize=False)
    found = miners.statistics(pairs, miners.triplet_margin(pairs, kind="semihard", margin=0.2))
    # Of the eight triplets (0, 1, 2) and (3, 2, 1) have 0 < d_an − d_ap ≤ 0.2: 1.1 − 1.0 and 2.0 − 1.9.
    expected = dict(
        positive_pairs=2, negative_pairs=2, positive_share=2 / 4, negative_share=2 / 8, triplets=2, triplet_share=2 / 8,
        positive_distance=(1 + 1 + 1.9 + 1.9) / 4, negative_distance=2 * (1.1 + 3 + 0.1 + 2) / 8,
        selected_positive_distance=1.45, selected_negative_distance=1.55, active_anchors=2 / 4,
    )  # fmt: skip
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected, rel=1e-5)
    joined = miners.statistics(pairs, PairWeights(jnp.ones((4, 4)) * pairs.positive, jnp.ones((4, 4)) * pairs.negative))
    assert float(joined["triplets"]) == 8


@settings(max_examples=60)
@given(st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_a_running_sum_is_passed_where_a_plain_loop_says(columns: int, seed: int):
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, (3, columns)).astype(np.float32)
    weights[:, rng.integers(columns)] += 1
    totals = weights.sum(axis=1)
    for share in (0.0, rng.random(), 1.0):
        target = np.floor(share * totals).astype(np.float32)
        found = passing_place(running_sums(jnp.asarray(weights)), jnp.asarray(target))
        for row, place in enumerate(np.asarray(found).tolist()):
            below = min(target[row], np.nextafter(totals[row], np.float32(0)))
            assert place == int(np.flatnonzero(np.cumsum(weights[row]) > below)[0])


def test_pairs_say_what_they_are():
    pairs = compare(*a_batch(), metric="squared")
    assert isinstance(pairs, Pairs)
    assert (pairs.metric, pairs.normalized, pairs.self_compared, pairs.dim) == ("squared", True, True, DIM)
