"""Heads that pytorch-metric-learning lacks, against the papers' formulas: float64, `arccos`, finite differences."""

from functools import cache, partial

import jax
import numpy as np
import pytest

from lfw_jax.metric import heads

SIZE, CLASSES, CENTERS, DIM = 12, 7, 3, 6
SEEDS = (0, 1, 2)


def batch(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings of lengths from 1 to 150 at any angle to their prototypes, labels, prototypes and centers."""
    rng = np.random.default_rng(seed)
    prototypes, labels = rng.normal(size=(CLASSES, DIM)), rng.integers(0, CLASSES, SIZE)
    noise = rng.choice([0.2, 0.6, 2.0], (SIZE, 1))
    noise[0] = 0.06  # nearly opposite: there the formulas of large angles hold
    facing = np.where(np.arange(SIZE) % 4 == 0, -1, 1)[:, None]
    directions = unit(facing * (prototypes[labels] + noise * rng.normal(size=(SIZE, DIM))))
    lengths = np.exp(rng.uniform(0, 5, (SIZE, 1)))
    lengths[1:3, 0] = 1.0, 140.0
    embeddings = lengths * directions
    centers = prototypes[:, None] + 0.7 * rng.normal(size=(CLASSES, CENTERS, DIM))
    embeddings, prototypes, centers = (a.astype(np.float32) for a in (embeddings, prototypes, centers))
    return embeddings, labels.astype(np.int32), prototypes, centers


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def angles(embeddings: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    return np.arccos(unit(embeddings) @ unit(prototypes).T)


def mean_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """−ln of the target's share of the exponentials."""
    peak = logits.max(axis=1, keepdims=True)
    shares = np.exp(logits - peak) / np.exp(logits - peak).sum(axis=1, keepdims=True)
    return -np.mean(np.log(shares[np.arange(len(labels)), labels]))


def with_targets(logits: np.ndarray, labels: np.ndarray, changed: np.ndarray) -> np.ndarray:
    logits = logits.copy()
    logits[np.arange(len(labels)), labels] = changed
    return logits


def own(theta: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return theta[np.arange(len(labels)), labels]


def combined(embeddings, labels, prototypes, m1, m2, m3, scale):
    theta = angles(embeddings, prototypes)
    target = own(theta, labels)
    edge = (np.pi - m2) / m1
    added = np.pi - edge
    beyond = np.cos(target) - max(added * np.sin(added), 1 - np.cos(added))
    changed = np.where(target <= edge, np.cos(m1 * target + m2), beyond) - m3
    return mean_cross_entropy(scale * with_targets(np.cos(theta), labels, changed), labels)


def arc(target: np.ndarray, margin: np.ndarray | float) -> np.ndarray:
    return np.where(target <= np.pi - margin, np.cos(target + margin), np.cos(target) - margin * np.sin(margin))


def adacos(embeddings, labels, prototypes, scale):
    return mean_cross_entropy(scale * np.cos(angles(embeddings, prototypes)), labels)


def curricular(embeddings, labels, prototypes, t, margin, scale):
    theta = angles(embeddings, prototypes)
    target = own(theta, labels)
    logits = np.cos(theta)
    hard = logits > np.cos(target + margin)[:, None]
    logits = np.where(hard, logits * (t + logits), logits)
    return mean_cross_entropy(scale * with_targets(logits, labels, arc(target, margin)), labels)


def mag(embeddings, labels, prototypes, la, ua, lm, um, weight, scale):
    theta = angles(embeddings, prototypes)
    length = np.minimum(np.maximum(np.linalg.norm(embeddings, axis=1), la), ua)
    margin = (um - lm) / (ua - la) * (length - la) + lm
    logits = with_targets(np.cos(theta), labels, arc(own(theta, labels), margin))
    return mean_cross_entropy(scale * logits, labels) + weight * np.mean(length / ua**2 + 1 / length)


def ada(embeddings, labels, prototypes, quality, margin, scale):
    theta = angles(embeddings, prototypes)
    turned = np.clip(own(theta, labels) - margin * quality, 1e-3, np.pi - 1e-3)
    changed = np.cos(turned) - (margin + margin * quality)
    return mean_cross_entropy(scale * with_targets(np.cos(theta), labels, changed), labels)


def quality_of(embeddings: np.ndarray, mean: float, deviation: float, h: float) -> np.ndarray:
    lengths = np.clip(np.linalg.norm(embeddings, axis=1), 1e-3, 100)
    return np.clip((lengths - mean) / (deviation + 1e-3) * h, -1, 1)


def soft_triple(embeddings, labels, centers, la, gamma, margin, tau):
    found = np.einsum("bd,ckd->bck", unit(embeddings), unit(centers))
    weights = np.exp(found / gamma)
    similarity = np.sum(weights * found, axis=2) / np.sum(weights, axis=2)
    loss = mean_cross_entropy(la * with_targets(similarity, labels, own(similarity, labels) - margin), labels)
    spread = 0.0
    for of_class in unit(centers):
        for s in range(CENTERS):
            for t in range(s + 1, CENTERS):
                spread += np.sqrt(2 - 2 * of_class[s] @ of_class[t])
    return loss + tau * spread / (CLASSES * CENTERS * (CENTERS - 1))


def slopes(function, at: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences, the step relative to each row's length."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        by = np.zeros_like(at)
        by[place] = step * np.linalg.norm(at[place[:-1]])
        found[place] = (function(at + by) - function(at - by)) / (2 * by[place])
    return found


# Name → the head, its options, and the derivation of the same options; the last takes prototypes with centers.
CASES = {
    "combined_paper_1": (heads.combined_margin, dict(m1=1.0, m2=0.3, m3=0.2, scale=64.0)),
    "combined_paper_2": (heads.combined_margin, dict(m1=0.9, m2=0.4, m3=0.15, scale=64.0)),
    "combined_below_a_half_turn": (heads.combined_margin, dict(m1=0.6, m2=0.2, m3=0.0, scale=8.0)),
    "combined_steep": (heads.combined_margin, dict(m1=4.0, m2=0.0, m3=0.1, scale=8.0)),
    "adacos_fixed": (heads.adacos, dict(scale=None)),
    "adacos_dynamic": (heads.adacos, dict(scale=3.3)),
    "curricular_early": (heads.curricularface, dict(t=0.0, margin=0.5, scale=64.0)),
    "curricular_late": (heads.curricularface, dict(t=0.7, margin=0.3, scale=20.0)),
    "magface": (
        heads.magface,
        dict(lower_norm=10.0, upper_norm=110.0, lower_margin=0.45, upper_margin=0.8, regularizer=35.0, scale=64.0),
    ),
    "magface_wide": (
        heads.magface,
        dict(lower_norm=2.0, upper_norm=40.0, lower_margin=0.0, upper_margin=1.2, regularizer=3.0, scale=10.0),
    ),
    "adaface": (heads.adaface, dict(norm_mean=20.0, norm_std=100.0, margin=0.4, h=0.333, scale=64.0)),
    "adaface_spread": (heads.adaface, dict(norm_mean=20.0, norm_std=15.0, margin=0.5, h=0.5, scale=20.0)),
    "soft_triple_merging": (heads.soft_triple, dict(la=20.0, gamma=0.1, margin=0.01, tau=0.2)),
}


def derived(name: str, embeddings: np.ndarray, labels: np.ndarray, options: dict):
    """The derivation as a function of embeddings and prototypes."""
    values = tuple(options.values())
    if name.startswith("combined"):
        return lambda e, p: combined(e, labels, p, *values)
    if name.startswith("adacos"):
        scale = np.sqrt(2) * np.log(CLASSES - 1) if options["scale"] is None else options["scale"]
        return lambda e, p: adacos(e, labels, p, scale)
    if name.startswith("curricular"):
        return lambda e, p: curricular(e, labels, p, *values)
    if name.startswith("magface"):
        return lambda e, p: mag(e, labels, p, *values)
    if name.startswith("adaface"):
        # The quality is taken at the given embeddings: no gradient goes through it.
        quality = quality_of(embeddings, options["norm_mean"], options["norm_std"], options["h"])
        return lambda e, p: ada(e, labels, p, quality, options["margin"], options["scale"])
    return lambda e, p: soft_triple(e, labels, p, *values)


@cache
def differentiated(name: str):
    head, options = CASES[name]
    return jax.jit(jax.value_and_grad(partial(head, **options), argnums=(0, 2)))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", SEEDS)
def test_loss_and_gradients_are_those_of_the_formula(name: str, seed: int):
    embeddings, labels, prototypes, centers = batch(seed)
    prototypes = centers if name.startswith("soft_triple") else prototypes
    value, (gradient, of_prototypes) = differentiated(name)(embeddings, labels, prototypes)
    embeddings, prototypes = embeddings.astype(np.float64), prototypes.astype(np.float64)
    formula = derived(name, embeddings, labels, CASES[name][1])
    np.testing.assert_allclose(value, formula(embeddings, prototypes), rtol=1e-5)
    for found, expected in (
        (gradient, slopes(lambda e: formula(e, prototypes), embeddings)),
        (of_prototypes, slopes(lambda p: formula(embeddings, p), prototypes)),
    ):
        assert np.abs(expected).max() > 1e-3
        # Nearly opposite a prototype, a float32 cosine knows the direction of the gradient to four digits.
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_batches_reach_every_branch_of_the_formulas(seed: int):
    embeddings, labels, prototypes, _ = batch(seed)
    theta = angles(embeddings.astype(np.float64), prototypes.astype(np.float64))
    target, lengths = own(theta, labels), np.linalg.norm(embeddings, axis=1)
    for edge in (np.pi - 0.5, np.pi / 4, (np.pi - 0.4) / 0.9):
        assert 0 < (target > edge).sum() < SIZE
    hard = np.cos(theta) > np.cos(target + 0.5)[:, None]
    assert 0 < hard.sum() < hard.size
    for low, high in ((10, 110), (2, 40)):
        assert (lengths < low).any()
        assert ((lengths > low) & (lengths < high)).any()
        assert (lengths > high).any()
    quality = quality_of(embeddings, 20.0, 15.0, 0.5)
    assert (quality == 1).any()
    assert ((quality > 0) & (quality < 1)).any()
    assert (quality < 0).any()


next_scale = jax.jit(heads.adacos_next_scale)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [SIZE, SIZE - 1])
@pytest.mark.parametrize("scale", [2.534, 11.7])
def test_the_dynamic_scale_of_adacos_is_that_of_the_formula(seed: int, size: int, scale: float):
    embeddings, labels, prototypes, _ = batch(seed)
    embeddings, labels = embeddings[:size], labels[:size]
    found = next_scale(embeddings, labels, prototypes, scale)
    theta = angles(embeddings.astype(np.float64), prototypes.astype(np.float64))
    others = np.arange(CLASSES)[None] != labels[:, None]
    mean = np.mean(np.sum(np.exp(scale * np.cos(theta)) * others, axis=1))
    median = np.median(own(theta, labels))
    np.testing.assert_allclose(found, np.log(mean) / np.cos(min(np.pi / 4, median)), rtol=1e-5)


def test_the_dynamic_scale_knows_angles_below_and_above_45_degrees():
    # Four classes; ln(3·exp(0)) over the cosine of the median angle, of 45 degrees at most.
    prototypes = np.eye(5, dtype=np.float32)[:4]
    for degrees, expected in ((30, 30), (60, 45)):
        angle = np.deg2rad(degrees)
        embedding = np.float32([[np.cos(angle), 0, 0, 0, np.sin(angle)]])
        found = heads.adacos_next_scale(embedding, np.array([0]), prototypes, 10.0)
        np.testing.assert_allclose(found, np.log(3) / np.cos(np.deg2rad(expected)), rtol=1e-6)


def test_the_dynamic_scale_does_not_overflow():
    embeddings, labels, prototypes, _ = batch(0)
    found = next_scale(embeddings, labels, prototypes, 1e4)
    largest = max(
        np.cos(angles(embeddings.astype(np.float64), prototypes))[i, j]
        for i in range(SIZE)
        for j in range(CLASSES)
        if j != labels[i]
    )
    # The largest term is all of the sum.
    median = np.median(own(angles(embeddings, prototypes), labels))
    expected = (1e4 * largest - np.log(SIZE)) / np.cos(min(np.pi / 4, median))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_running_means_are_those_of_the_formulas(seed: int):
    embeddings, labels, prototypes, _ = batch(seed)
    cosine = np.cos(own(angles(embeddings.astype(np.float64), prototypes.astype(np.float64)), labels))
    t = heads.curricularface_next_t(embeddings, labels, prototypes, 0.4)
    np.testing.assert_allclose(t, 0.99 * 0.4 + 0.01 * cosine.mean(), rtol=1e-6)
    t = heads.curricularface_next_t(embeddings, labels, prototypes, 0.4, momentum=0.0)
    np.testing.assert_allclose(t, cosine.mean(), atol=1e-6)
    lengths = np.clip(np.linalg.norm(embeddings.astype(np.float64), axis=1), 1e-3, 100)
    mean, deviation = heads.adaface_next_statistics(embeddings, 20.0, 100.0)
    np.testing.assert_allclose(mean, 0.99 * 20 + 0.01 * lengths.mean(), rtol=1e-6)
    np.testing.assert_allclose(deviation, 0.99 * 100 + 0.01 * lengths.std(ddof=1), rtol=1e-6)


def test_a_batch_of_one_has_a_mean_length_and_leaves_the_deviation():
    mean, deviation = heads.adaface_next_statistics(np.float32([[3.0, 4.0]]), 20.0, 7.0, momentum=0.5)
    assert (float(mean), float(deviation)) == (12.5, 7.0)


def test_beyond_a_half_turn_a_negative_is_hard_by_the_turned_angle():
    # Opposite its prototype: cos(π + 0.5) = −0.878, while the target logit is −1 − 0.5·sin 0.5 = −1.240. The first of two
    # negatives, at −0.95, is above the target logit but not hard; the second, at −0.5, is hard.
    cosines = np.array([-1.0, -0.95, -0.5])
    prototypes = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float32)
    found = heads.curricularface(np.float32([[2.0, 0.0]]), np.array([0]), prototypes, t=0.3, margin=0.5, scale=1.0)
    logits = np.array([-1 - 0.5 * np.sin(0.5), -0.95, -0.5 * (0.3 - 0.5)])
    np.testing.assert_allclose(found, np.log(np.exp(logits).sum()) - logits[0], rtol=1e-6)


def test_the_angle_of_adaface_stays_within_0_and_pi_and_its_deviation_may_be_0():
    adaface = partial(heads.adaface, labels=np.array([0]), prototypes=np.eye(2, dtype=np.float32), scale=1.0)

    def logit(cosine: float, **statistics: float) -> float:
        """The target's, from the loss with another logit of 0."""
        loss = adaface(np.float32([[3.0 * cosine, 0.0]]), **statistics)
        return float(-np.log(np.expm1(np.float64(loss))))

    # Without bounds, the longest on its prototype would have cos(−0.4), the shortest opposite it cos(π + 0.4).
    assert logit(1.0, norm_mean=-30.0, norm_std=1.0) == pytest.approx(1 - 0.8, abs=1e-5)
    assert logit(-1.0, norm_mean=60.0, norm_std=1.0) == pytest.approx(-1, abs=1e-5)
    # Shorter than the mean by 2⁻¹¹, over a deviation of 0 + 0.001.
    quality = -(2.0**-11) / 0.001 * 0.333
    expected = np.cos(0.4 * -quality) - 0.4 * (1 + quality)
    assert logit(1.0, norm_mean=3 + 2.0**-11, norm_std=0.0) == pytest.approx(expected, abs=1e-4)


def test_centers_of_one_direction_are_merged_already():
    rng = np.random.default_rng(4)
    prototypes = rng.normal(size=(40, 1, DIM)) * np.array([1.0, 1.7, 0.3])[None, :, None]
    embeddings, labels = rng.normal(size=(2, DIM)).astype(np.float32), np.array([0, 1])
    arguments = embeddings, labels, prototypes.astype(np.float32)
    found, gradient = jax.jit(jax.value_and_grad(partial(heads.soft_triple, tau=100.0), argnums=2))(*arguments)
    expected, without = jax.jit(jax.value_and_grad(heads.soft_triple, argnums=2))(*arguments)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, without, atol=1e-5)
