"""The same numbers as pytorch-metric-learning 2.9.0 (golden/ computed them, in float64)."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.metric import PairWeights, compare, heads, losses, miners
from lfw_jax.metric.miners import as_triplets
from tests.metric.golden import golden

GOLDEN = golden("metric")
BATCHES = ("mixed", "singletons", "one_class", "all_different", "duplicates", "large")
SELECTIONS = (*(f"triplet_{kind}" for kind in miners.KINDS), "batch_hard", "histogram")
TOLERANCE = dict(rtol=1e-5, atol=1e-5)


def batch(name: str) -> tuple[jax.Array, jax.Array]:
    return jnp.asarray(GOLDEN[f"{name}/embeddings"]), jnp.asarray(GOLDEN[f"{name}/labels"])


def golden_weights(name: str, selection: str) -> PairWeights:
    return PairWeights(
        *(jnp.asarray(GOLDEN[f"{name}/{selection}/{side}"], jnp.float32) for side in ("positive", "negative"))
    )


def mine(selection: str, embeddings: jax.Array, labels: jax.Array) -> PairWeights:
    pairs = compare(embeddings, labels)
    if selection == "batch_hard":
        return miners.batch_hard(pairs)
    return miners.triplet_margin(pairs, margin=0.2, kind=selection.removeprefix("triplet_"))


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("selection", [s for s in SELECTIONS if s != "histogram"])
def test_the_same_pairs_are_mined_as_often(name: str, selection: str):
    found, expected = jax.jit(partial(mine, selection))(*batch(name)), golden_weights(name, selection)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["mixed", "large"])
def test_the_goldens_hold_every_kind_of_selection(name: str):
    # Else the test above might compare nothing with nothing.
    for selection in SELECTIONS:
        assert min(side.sum() for side in golden_weights(name, selection)) > 0


def check(key: str, value: jax.Array, gradient: jax.Array) -> None:
    np.testing.assert_allclose(value, GOLDEN[f"{key}/loss"], **TOLERANCE)
    np.testing.assert_allclose(gradient, GOLDEN[f"{key}/gradient"], **TOLERANCE)


@partial(jax.jit, static_argnames=("pos_margin", "neg_margin"))
@partial(jax.value_and_grad, argnums=0)
def contrastive(embeddings, labels, weights, pos_margin, neg_margin):
    return losses.contrastive(compare(embeddings, labels), weights, pos_margin=pos_margin, neg_margin=neg_margin)


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("form", ["contrastive", "contrastive_margins"])
def test_contrastive_loss_and_gradient(name: str, form: str):
    embeddings, labels = batch(name)
    margins = (0.0, 1.0) if form == "contrastive" else (0.3, 1.1)
    for selection in ("every_pair", *SELECTIONS):
        weights = None if selection == "every_pair" else golden_weights(name, selection)
        value, gradient = contrastive(embeddings, labels, weights, *margins)
        if weights is not None and all(side.sum() == 1 for side in weights):
            # PML takes a single triplet for none; here it counts, as the definition of the loss says.
            assert GOLDEN[f"{name}/{selection}/{form}/loss"] == 0 < value
        else:
            check(f"{name}/{selection}/{form}", value, gradient)


@jax.jit
@partial(jax.value_and_grad, argnums=(0, 1))
def margin(embeddings, beta, labels, weights, nu):
    return losses.margin(compare(embeddings, labels), weights, beta=beta, margin=0.2, nu=nu)


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("form", ["margin", "margin_learned", "margin_per_class"])
def test_margin_loss_and_gradients(name: str, form: str):
    embeddings, labels = batch(name)
    beta = jnp.full(int(labels.max()) + 1, 0.9) if form == "margin_per_class" else jnp.asarray(0.9)
    for selection in SELECTIONS:
        # PML's margin loss joins mined pairs to triplets.
        weights = golden_weights(name, selection)
        weights = as_triplets(weights) if selection in ("batch_hard", "histogram") else weights
        value, (gradient, of_beta) = margin(embeddings, beta, labels, weights, 0.0 if form == "margin" else 0.1)
        key = f"{name}/{selection}/{form}"
        check(key, value, gradient)
        if form != "margin":
            expected = GOLDEN[f"{key}/beta_gradient"] if f"{key}/beta_gradient" in GOLDEN else np.zeros(beta.shape)
            np.testing.assert_allclose(np.ravel(of_beta), np.ravel(expected), **TOLERANCE)


@pytest.mark.parametrize("name", ["arcface", "cosface"])
@pytest.mark.parametrize("scale", [12.24, 64.0])
def test_heads_and_gradients(name: str, scale: float):
    embeddings, labels = batch("mixed")
    prototypes = jnp.asarray(GOLDEN["heads/prototypes"])
    margin = {"arcface": np.deg2rad(28.6), "cosface": 0.35}[name]
    head = partial(getattr(heads, name), margin=float(margin), scale=scale)
    key = f"heads/{name}/{scale}"
    value, (gradient, found) = jax.value_and_grad(lambda e, p: head(e, labels, p), (0, 1))(embeddings, prototypes)
    check(key, value, gradient)
    np.testing.assert_allclose(found, GOLDEN[f"{key}/prototype_gradient"], **TOLERANCE)
    extreme = jnp.asarray(GOLDEN["heads/extreme_embeddings"])
    value, gradient = jax.value_and_grad(lambda e: head(e, labels, prototypes))(extreme)
    np.testing.assert_allclose(value, GOLDEN[f"{key}/extreme_loss"], rtol=1e-4)
    # Where embeddings lie on their prototype, PML's gradient is NaN.
    assert np.isfinite(gradient).all()


def test_the_scale_of_adacos_for_the_papers_class_counts():
    # √2·ln(C−1), computed apart for 10,572 (CASIA-WebFace) and 4,038 classes.
    assert heads.adacos_scale(10_572) == pytest.approx(13.103919, abs=1e-6)
    assert heads.adacos_scale(4_038) == pytest.approx(11.742579, abs=1e-6)
