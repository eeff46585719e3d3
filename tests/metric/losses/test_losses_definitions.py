"""The same numbers as the definitions written out pair by pair in float64, and the slopes of those."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.metric.losses.similarity import circle, multi_similarity
from lfw_jax.metric.losses.softmax import n_pairs, ntxent, supcon
from lfw_jax.metric.losses.structured import generalized_lifted_structure, lifted_structure
from lfw_jax.metric.pairs import compare
from lfw_jax.metric.selection import PairWeights

SIZE, OTHERS, DIM = 9, 7, 4


def log_sum(values: list[float], empty: float = -np.inf) -> float:
    """`log Σ exp(values)` in plain sight; `empty` of nothing."""
    if not values:
        return empty
    top = max(values)
    return top + float(np.log(sum(np.exp(value - top) for value in values)))


def soft_plus(value: float) -> float:
    return float(np.logaddexp(0.0, value))


class Rows:
    """Values of the positives and negatives of each anchor, repeated by their counts."""

    def __init__(self, anchors: np.ndarray, references: np.ndarray, weights: PairWeights, square: bool):
        left, right = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (anchors, references))
        self.s = left @ right.T
        self.d = np.linalg.norm(left[:, None] - right[None] + 1e-300, axis=2)
        self.positive, self.negative = (np.asarray(side).astype(int) for side in weights)
        self.square = square

    def listed(self, side: str, row: int, once: bool = False) -> list[int]:
        times = getattr(self, side)[row]
        return [column for column in range(len(times)) for _ in range(min(times[column], 1) if once else times[column])]


def defined_multi_similarity(rows: Rows, alpha: float, beta: float, base: float) -> float:
    found = []
    for a, s in enumerate(rows.s):
        near = log_sum([-alpha * (s[p] - base) for p in rows.listed("positive", a, once=True)])
        far = log_sum([beta * (s[n] - base) for n in rows.listed("negative", a, once=True)])
        found.append(soft_plus(near) / alpha + soft_plus(far) / beta)
    return float(np.mean(found))


def defined_circle(rows: Rows, margin: float, gamma: float, pace: np.ndarray) -> float:
    found = []
    for a, s in enumerate(rows.s):
        positive, negative = rows.listed("positive", a, once=True), rows.listed("negative", a, once=True)
        if positive and negative:
            near = [-gamma * max(0, 1 + margin - pace[a, p]) * (s[p] - 1 + margin) for p in positive]
            far = [gamma * max(0, pace[a, n] + margin) * (s[n] - margin) for n in negative]
            found.append(soft_plus(log_sum(near) + log_sum(far)))
    return float(np.mean(found))


def defined_ntxent(rows: Rows, temperature: float) -> float:
    found = []
    for a, s in enumerate(rows.s / temperature):
        negatives = [s[n] for n in rows.listed("negative", a)]
        found += [log_sum([s[p], *negatives]) - s[p] for p in rows.listed("positive", a)]
    return float(np.mean(found))


def defined_supcon(rows: Rows, temperature: float) -> float:
    found = []
    for a, s in enumerate(rows.s / temperature):
        positive, negative = rows.listed("positive", a, once=True), rows.listed("negative", a, once=True)
        if positive and len(positive + negative) > 1:
            total = log_sum([s[r] for r in positive + negative])
            found.append(np.mean([total - s[p] for p in positive]))
    return float(np.mean(found))


def defined_n_pairs(rows: Rows, labels: np.ndarray) -> float:
    chosen: dict[int, tuple[int, int]] = {}
    for a, label in enumerate(labels):
        for p in rows.listed("positive", a, once=True):
            chosen.setdefault(int(label), (a, p))
    pairs = list(chosen.values())
    return float(np.mean([log_sum([rows.s[a, other] for _, other in pairs]) - rows.s[a, p] for a, p in pairs]))


def defined_lifted(rows: Rows, neg_margin: float, pos_margin: float) -> float:
    found = []
    for a in range(len(rows.d)):
        for p in rows.listed("positive", a):
            members = (a, p) if rows.square else (a,)
            negatives = [neg_margin - rows.d[m, n] for m in members for n in rows.listed("negative", m)]
            found.append(max(0.0, log_sum(negatives, empty=0.0) + rows.d[a, p] - pos_margin) ** 2 / 2)
    return float(np.mean(found))


def defined_generalized(rows: Rows, neg_margin: float, pos_margin: float) -> float:
    found = []
    for a, d in enumerate(rows.d):
        near = log_sum([d[p] - pos_margin for p in rows.listed("positive", a, once=True)], empty=0.0)
        far = log_sum([neg_margin - d[n] for n in rows.listed("negative", a, once=True)], empty=0.0)
        found.append(max(0.0, near + far))
    return float(np.mean(found))


LOSSES = {
    "multi_similarity": partial(multi_similarity, alpha=3.0, beta=20.0, base=0.4),
    "circle": partial(circle, margin=0.3, gamma=30.0),
    "ntxent": partial(ntxent, temperature=0.2),
    "ntxent_cold": partial(ntxent, temperature=0.01),
    "supcon": partial(supcon, temperature=0.2),
    "supcon_cold": partial(supcon, temperature=0.01),
    "n_pairs": n_pairs,
    "lifted": partial(lifted_structure, neg_margin=0.8, pos_margin=0.1),
    "generalized": partial(generalized_lifted_structure, neg_margin=0.8, pos_margin=0.1),
}


def definitions(labels: np.ndarray, pace: np.ndarray) -> dict[str, Callable[[Rows], float]]:
    return {
        "multi_similarity": partial(defined_multi_similarity, alpha=3.0, beta=20.0, base=0.4),
        "circle": partial(defined_circle, margin=0.3, gamma=30.0, pace=pace),
        "ntxent": partial(defined_ntxent, temperature=0.2),
        "ntxent_cold": partial(defined_ntxent, temperature=0.01),
        "supcon": partial(defined_supcon, temperature=0.2),
        "supcon_cold": partial(defined_supcon, temperature=0.01),
        "n_pairs": partial(defined_n_pairs, labels=labels),
        "lifted": partial(defined_lifted, neg_margin=0.8, pos_margin=0.1),
        "generalized": partial(defined_generalized, neg_margin=0.8, pos_margin=0.1),
    }


@jax.jit
def values_and_slopes(embeddings, labels, weights, *others):
    def of(embeddings, others):
        pairs = compare(embeddings, labels, *others)
        return jnp.stack([loss(pairs, weights) for loss in LOSSES.values()])

    values, pullback = jax.vjp(of, embeddings, others)
    return values, *jax.vmap(pullback)(jnp.eye(len(LOSSES)))


def drawn(seed: int, square: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, PairWeights]:
    """Anchors and references with their labels, and pairs selected up to three times; some anchors lack a side."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, SIZE).astype(np.int32)
    anchors = (rng.normal(size=(SIZE, DIM)) + 1.5 * rng.normal(size=(3, DIM))[labels]).astype(np.float32)
    references, reference_labels = anchors, labels
    if not square:
        reference_labels = rng.integers(0, 4, OTHERS).astype(np.int32)
        references = rng.normal(size=(OTHERS, DIM)).astype(np.float32)
    match = labels[:, None] == reference_labels[None]
    positive = match & ~np.eye(SIZE, dtype=bool) if square else match
    times = rng.integers(0, 4, (2, *match.shape))
    times[0, 0] = times[1, 1] = times[1, 2] = 0
    return anchors, labels, references, reference_labels, PairWeights(*(times * [positive, ~match]).astype(np.float32))


@pytest.mark.parametrize("square", [True, False], ids=["batch", "references"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_values_and_slopes_of_the_definitions(seed: int, square: bool):
    anchors, labels, references, reference_labels, weights = drawn(seed, square)
    others = () if square else (jnp.asarray(references), jnp.asarray(reference_labels))
    values, of_anchors, of_others = values_and_slopes(jnp.asarray(anchors), jnp.asarray(labels), weights, *others)
    exact, exact_references = anchors.astype(np.float64), references.astype(np.float64)
    rows = Rows(exact, exact if square else exact_references, weights, square)
    for place, (name, definition) in enumerate(definitions(labels, rows.s).items()):
        cold = name.endswith("cold")
        expected = definition(rows)
        assert expected > 0
        np.testing.assert_allclose(values[place], expected, rtol=1e-4 if cold else 1e-5, err_msg=name)
        for moved, slopes in ((exact, of_anchors), (exact_references, None if square else of_others[0])):
            if slopes is None:
                continue
            slope = np.zeros_like(moved)
            for spot in np.ndindex(*moved.shape):
                sides = []
                for step in (1e-6, -1e-6):
                    other = moved.copy()
                    other[spot] += step
                    pair = (other, other) if square else (other, exact_references)
                    pair = pair if moved is exact else (exact, other)
                    sides.append(definition(Rows(*pair, weights, square)))
                slope[spot] = (sides[0] - sides[1]) / 2e-6
            scale = np.abs(slope).max()
            np.testing.assert_allclose(slopes[place] / scale, slope / scale, atol=1e-3 if cold else 2e-5, err_msg=name)


@pytest.mark.parametrize("loss", [ntxent, supcon])
def test_a_learned_temperature_has_the_slope_of_the_definition(loss):
    anchors, labels, _, _, weights = drawn(0, True)
    rows = Rows(anchors.astype(np.float64), anchors.astype(np.float64), weights, True)
    definition = {"ntxent": defined_ntxent, "supcon": defined_supcon}[loss.__name__]
    pairs = compare(jnp.asarray(anchors), jnp.asarray(labels))
    slope = jax.grad(lambda temperature: loss(pairs, weights, temperature=temperature))(0.2)
    assert slope == pytest.approx((definition(rows, 0.2 + 1e-6) - definition(rows, 0.2 - 1e-6)) / 2e-6, rel=1e-4)


def test_n_pairs_of_references_by_hand():
    # PML refuses references. Rows of cosines: anchor 0 with its positive 1, anchor 1 with its positive 0.
    pairs = compare(jnp.eye(2), jnp.array([4, 9]), jnp.array([[0.6, 0.8], [0.8, 0.6]]), jnp.array([9, 4]))
    assert n_pairs(pairs) == pytest.approx(np.log1p(np.exp(0.6 - 0.8)), rel=1e-6)


def test_n_pairs_of_inner_products_takes_lengths_into_account():
    embeddings = jnp.array([[2.0, 0.0], [3.0, 1.0], [0.0, 1.0], [1.0, 2.0]])
    pairs = compare(embeddings, jnp.array([0, 0, 1, 1]), metric="dot", normalize=False)
    # Anchor (2, 0) with (3, 1) against (1, 2): 6 and 2. Anchor (0, 1) with (1, 2) against (3, 1): 2 and 1.
    assert n_pairs(pairs) == pytest.approx((np.log1p(np.exp(2 - 6)) + np.log1p(np.exp(1 - 2))) / 2, rel=1e-5)


def test_the_selection_that_pml_takes_for_none_counts():
    pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
    one = jnp.zeros((3, 3))
    weights = PairWeights(one.at[0, 1].set(1), one.at[0, 2].set(1))
    assert ntxent(pairs, weights, temperature=0.5) == pytest.approx(np.log1p(np.exp((0.6 - 0.8) / 0.5)), rel=1e-5)
    assert supcon(pairs, weights, temperature=0.5) == pytest.approx(np.log1p(np.exp((0.6 - 0.8) / 0.5)), rel=1e-5)
    # The distances are √0.4 and √0.8.
    lifted = (1 - np.sqrt(0.8) + np.sqrt(0.4)) ** 2 / 2
    assert lifted_structure(pairs, weights) == pytest.approx(lifted, rel=1e-5)
