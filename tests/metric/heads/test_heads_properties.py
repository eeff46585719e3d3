"""What must hold for every head: order, rotation and names of classes do not matter, nothing is NaN."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.metric import heads

SIZE, CLASSES, CENTERS, DIM = 10, 5, 3, 4
ONE_PROTOTYPE = {
    "softmax": heads.softmax,
    "normalized_softmax": heads.normalized_softmax,
    "sphereface": heads.sphereface,
    "sphereface_of_3": partial(heads.sphereface, margin=3, scale=2.0),
    "cosface": heads.cosface,
    "arcface": heads.arcface,
    "arcface_of_wide_margin": partial(heads.arcface, margin=2.6, scale=8.0),
    "combined_margin": partial(heads.combined_margin, m1=0.9, m2=0.4, m3=0.15),
    "combined_margin_of_4": partial(heads.combined_margin, m1=4.0, m2=0.0),
    "adacos": heads.adacos,
    "curricularface": partial(heads.curricularface, t=0.3),
    "magface": partial(heads.magface, lower_norm=0.5, upper_norm=6.0),
    "adaface": partial(heads.adaface, norm_mean=2.0, norm_std=1.0),
    "proxy_anchor": heads.proxy_anchor,
}
OF_CENTERS = {
    "subcenter_arcface": heads.subcenter_arcface,
    "soft_triple": heads.soft_triple,
    "soft_triple_merging": partial(heads.soft_triple, tau=0.2),
}
HEADS = ONE_PROTOTYPE | OF_CENTERS
NEXT = {
    "adacos_next_scale": partial(heads.adacos_next_scale, scale=5.0),
    "curricularface_next_t": partial(heads.curricularface_next_t, t=0.5),
}


def every_value(embeddings, labels, prototypes, centers) -> jax.Array:
    """The loss of each head."""
    found = [head(embeddings, labels, prototypes) for head in ONE_PROTOTYPE.values()]
    return jnp.stack(found + [head(embeddings, labels, centers) for head in OF_CENTERS.values()])


every_loss = jax.jit(every_value)
# Of every head apart, so that one gradient that is wrong does not drown in the largest.
every_gradient = jax.jit(jax.jacrev(every_value, argnums=(0, 2, 3)))


def draw_batch(seed: int, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels, prototypes = rng.integers(0, CLASSES, SIZE), rng.normal(size=(CLASSES, DIM))
    embeddings = rng.uniform(0.3, 4.0, (SIZE, 1)) * (prototypes[labels] + noise * rng.normal(size=(SIZE, DIM)))
    centers = prototypes[:, None] + 0.8 * rng.normal(size=(CLASSES, CENTERS, DIM))
    embeddings, prototypes, centers = (a.astype(np.float32) for a in (embeddings, prototypes, centers))
    return embeddings, labels.astype(np.int32), prototypes, centers


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_neither_order_nor_rotation_nor_names_of_classes_matter(seed: int, noise: float):
    embeddings, labels, prototypes, centers = draw_batch(seed, noise)
    rng = np.random.default_rng(seed)
    order, rename = rng.permutation(SIZE), rng.permutation(CLASSES).astype(np.int32)
    turn = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0].astype(np.float32)
    back = np.argsort(rename)
    turned = (embeddings @ turn)[order], rename[labels][order], (prototypes @ turn)[back], (centers @ turn)[back]
    # The steps of a formula (a negative becomes hard, an angle goes past π − m) may fall on either side after rounding.
    unit = [a / np.linalg.norm(a, axis=-1, keepdims=True) for a in (embeddings, prototypes)]
    cosines = unit[0] @ unit[1].T
    own = np.take_along_axis(cosines, labels[:, None], axis=1)
    hardness = cosines - np.cos(np.arccos(np.clip(own, -1, 1)) + 0.5)
    if np.any(np.abs(hardness) < 1e-4) or np.any(np.abs(own) > 1 - 1e-4):
        return
    np.testing.assert_allclose(every_loss(*turned), every_loss(embeddings, labels, prototypes, centers), rtol=1e-4)
    found, expected = every_gradient(*turned), every_gradient(embeddings, labels, prototypes, centers)
    for ours, theirs, places in zip(found, expected, (order, back, back), strict=True):
        theirs = np.asarray(theirs @ turn)[:, places]
        scale = np.abs(theirs).max(axis=tuple(range(1, theirs.ndim)), keepdims=True)
        np.testing.assert_allclose(ours / np.maximum(scale, 1), theirs / np.maximum(scale, 1), atol=2e-3)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-7, 1e-4, 1e-3, 1.0]), st.sampled_from([1e-6, 1.0, 1e6]))
def test_every_loss_and_gradient_is_finite_on_and_opposite_prototypes(seed: int, noise: float, length: float):
    embeddings, labels, prototypes, centers = draw_batch(seed, noise)
    embeddings[:3] *= -length
    embeddings[3:5] = length * centers[labels[3:5], 1]
    embeddings[5] = -length * centers[labels[5], 1]
    embeddings[6] = 0
    centers[0, 1] = centers[0, 2]
    assert np.isfinite(every_loss(embeddings, labels, prototypes, centers)).all()
    gradients = every_gradient(embeddings, labels, prototypes, centers)
    assert all(np.isfinite(found).all() for found in gradients)
    zero = np.asarray(gradients[0])[:, 6]
    # The plain softmax alone sees a length, and a direction even from zero.
    assert zero[0].any()
    assert not zero[1:].any()


def test_bfloat16_gives_float32_losses_near_those_of_float32():
    exact = draw_batch(5, noise=0.3)
    half = [jnp.asarray(a, jnp.bfloat16) if a.dtype == np.float32 else a for a in exact]
    found = every_loss(*half)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, every_loss(*exact), rtol=0.05, atol=0.02)
    # The arithmetic is that of float32: the same numbers give the same losses.
    widened = [np.asarray(a, np.float32) if a.dtype == jnp.bfloat16 else a for a in half]
    np.testing.assert_allclose(found, every_loss(*widened), rtol=1e-5)
    gradients = jax.jit(jax.grad(lambda *arrays: every_value(*arrays).sum(), argnums=(0, 2, 3)))(*half)
    assert all(gradient.dtype == jnp.bfloat16 for gradient in gradients)
    assert all(np.isfinite(np.asarray(gradient, np.float32)).all() for gradient in gradients)


@pytest.mark.parametrize("name", HEADS)
def test_a_head_without_jit_gives_the_same_float32_scalar(name: str):
    embeddings, labels, prototypes, centers = draw_batch(6)
    found = HEADS[name](
        jnp.asarray(embeddings), jnp.asarray(labels), jnp.asarray(centers if name in OF_CENTERS else prototypes)
    )
    assert (found.shape, found.dtype) == ((), jnp.float32)
    expected = every_loss(embeddings, labels, prototypes, centers)[list(HEADS).index(name)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_batch_of_batches_gives_the_loss_of_each():
    batches = [draw_batch(seed) for seed in (7, 8, 9)]
    found = jax.jit(jax.vmap(every_value))(*(np.stack(part) for part in zip(*batches, strict=True)))
    np.testing.assert_allclose(found, np.stack([every_loss(*batch) for batch in batches]), rtol=1e-5)


def test_states_of_a_batch_of_batches_with_and_without_jit():
    batches = [draw_batch(seed) for seed in (7, 8, 9)]
    stacked = [np.stack(part) for part in zip(*batches, strict=True)]
    for following in NEXT.values():
        found = jax.jit(jax.vmap(following))(*stacked[:3])
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, [following(*batch[:3]) for batch in batches], rtol=1e-5)
    following = partial(heads.adaface_next_statistics, norm_mean=2.0, norm_std=1.0)
    found = jax.jit(jax.vmap(following))(stacked[0])
    np.testing.assert_allclose(np.stack(found, 1), [following(batch[0]) for batch in batches], rtol=1e-5)


@pytest.mark.parametrize("label", [CLASSES, -1])
def test_a_label_without_a_prototype_makes_losses_and_states_nan(label: int):
    embeddings, labels, prototypes, centers = draw_batch(10)
    labels[4] = label
    assert np.isnan(every_loss(embeddings, labels, prototypes, centers)).all()
    assert all(np.isnan(following(embeddings, labels, prototypes)) for following in NEXT.values())


def test_neither_a_state_nor_what_gives_it_has_a_gradient():
    embeddings, labels, prototypes, _ = draw_batch(11)
    of_states = {
        "scale": lambda value: heads.adacos(embeddings, labels, prototypes, scale=value),
        "t": lambda value: heads.curricularface(embeddings, labels, prototypes, t=value),
        "mean": lambda value: heads.adaface(embeddings, labels, prototypes, norm_mean=value, norm_std=1.0),
        "std": lambda value: heads.adaface(embeddings, labels, prototypes, norm_mean=2.0, norm_std=value),
    }
    for loss in of_states.values():
        assert jax.grad(loss)(jnp.asarray(2.0)) == 0
        assert loss(2.0) != loss(1.0)
    for following in NEXT.values():
        assert not jax.grad(lambda e, f=following: f(e, labels, prototypes))(embeddings).any()
    assert not jax.grad(lambda e: sum(heads.adaface_next_statistics(e, 2.0, 1.0)))(embeddings).any()


def test_special_cases_of_one_head_are_another():
    embeddings, labels, prototypes, centers = draw_batch(12)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    loss = {name: head(embeddings, labels, prototypes) for name, head in ONE_PROTOTYPE.items()}

    def same(found, expected):
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    same(heads.combined_margin(embeddings, labels, prototypes), loss["arcface"])
    same(heads.combined_margin(embeddings, labels, prototypes, m2=2.6, scale=8.0), loss["arcface_of_wide_margin"])
    same(heads.combined_margin(embeddings, labels, prototypes, m2=0.0, m3=0.35), loss["cosface"])
    plain = heads.normalized_softmax(embeddings, labels, prototypes, scale=64.0)
    same(heads.arcface(embeddings, labels, prototypes, margin=0.0), plain)
    same(heads.cosface(embeddings, labels, prototypes, margin=0.0), plain)
    same(heads.adacos(embeddings, labels, prototypes, scale=64.0), plain)
    same(heads.sphereface(unit, labels, prototypes, margin=1, scale=64.0), plain)
    sharp = heads.soft_triple(embeddings, labels, prototypes[:, None], la=64.0, margin=0.35, tau=0.2)
    same(sharp, loss["cosface"])
    same(heads.subcenter_arcface(embeddings, labels, prototypes[:, None]), loss["arcface"])
    nearest = heads.soft_triple(embeddings, labels, centers, la=64.0, gamma=1e-4, margin=0.0)
    same(nearest, heads.subcenter_arcface(embeddings, labels, centers, margin=0.0))
    norms = np.clip(np.linalg.norm(embeddings, axis=1), 0.5, 6.0)
    level = partial(heads.magface, lower_norm=0.5, upper_norm=6.0, lower_margin=0.5, upper_margin=0.5)
    same(level(embeddings, labels, prototypes, regularizer=0.0), loss["arcface"])
    same(level(embeddings, labels, prototypes, regularizer=2.0) - loss["arcface"], 2 * np.mean(norms / 36 + 1 / norms))
    same(heads.softmax(embeddings, labels, prototypes, bias=jnp.full(CLASSES, 7.0)), loss["softmax"])
    near, labels, prototypes, _ = draw_batch(13, noise=0.3)
    near *= 3 / np.linalg.norm(near, axis=1, keepdims=True)
    adaface = partial(heads.adaface, near, labels, prototypes, norm_std=0.1, margin=0.35)
    same(adaface(norm_mean=3.0), heads.cosface(near, labels, prototypes))
    same(adaface(norm_mean=30.0), heads.arcface(near, labels, prototypes, margin=0.35))


@pytest.mark.parametrize(
    "head",
    [
        heads.softmax,
        heads.arcface,
        partial(heads.arcface, margin=2.6, scale=8.0),
        partial(heads.arcface, margin=1.5, scale=8.0),
        partial(heads.combined_margin, m1=0.9, m2=0.4, m3=0.15),
        partial(heads.combined_margin, m1=4.0, m2=0.0, scale=8.0),
        partial(heads.combined_margin, m1=1.35, m2=2.0, scale=8.0),
        *(partial(heads.sphereface, margin=margin) for margin in (1, 2, 3, 4, 7)),
        partial(heads.magface, scale=8.0),
        partial(heads.curricularface, t=0.5, scale=8.0),
    ],
)
def test_the_loss_never_falls_as_the_angle_to_the_own_prototype_grows(head):
    # The other class stands at a right angle to all of them: only the target's logit moves.
    theta = np.linspace(0, np.pi, 721)
    embeddings = 3.0 * np.stack([np.cos(theta), np.sin(theta), np.zeros_like(theta)], axis=1)
    prototypes, label = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), jnp.zeros(1, jnp.int32)
    found = jax.vmap(lambda embedding: head(embedding[None], label, prototypes))(embeddings.astype(np.float32))
    assert np.diff(found).min() > -1e-5
    assert found[-1] > found[0] + 1
