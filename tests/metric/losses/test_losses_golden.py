"""The same numbers as pytorch-metric-learning 2.9.0 (golden/ computed them, in float64)."""

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
from tests.metric.golden import golden

GOLDEN = golden("similarity")
BATCHES = ("mixed", "singletons", "one_class", "all_different", "duplicates", "zero", "large", "references", "behind")
SELECTIONS = ("every_pair", "multi_similarity", "pair_margin", "triplet")
# Each loss with its defaults and with other options, compiled once for both: options may be traced.
OF_COSINES = {
    "multi_similarity": (multi_similarity, dict(alpha=[2.0, 1.0], beta=[50.0, 10.0], base=[0.5, 0.3])),
    "circle": (circle, dict(margin=[0.4, 0.25], gamma=[80.0, 256.0])),
    "ntxent": (ntxent, dict(temperature=[0.07, 0.5])),
    "supcon": (supcon, dict(temperature=[0.1, 0.5])),
}
OF_DISTANCES = {
    "generalized": (generalized_lifted_structure, dict(neg_margin=[1.0, 1.1], pos_margin=[0.0, 0.3])),
    "lifted": (lifted_structure, dict(neg_margin=[1.0, 1.1], pos_margin=[0.0, 0.3])),
}
FORMS = tuple(f"{name}/{kind}" for name in (*OF_COSINES, *OF_DISTANCES) for kind in ("default", "other"))
FORMS += ("n_pairs/default", "n_pairs/raw")


def batch(name: str) -> tuple[jax.Array, ...]:
    names = ("embeddings", "labels", "references", "reference_labels")
    return tuple(jnp.asarray(GOLDEN[f"{name}/{key}"]) for key in names if f"{name}/{key}" in GOLDEN)


def golden_weights(name: str, selection: str) -> PairWeights:
    return PairWeights(
        *(jnp.asarray(GOLDEN[f"{name}/{selection}/{side}"], jnp.float32) for side in ("positive", "negative"))
    )


def every_loss(
    embeddings: jax.Array, weights: PairWeights | None, metric: str, rest: tuple[jax.Array, ...]
) -> jax.Array:
    """All forms, in the order of `FORMS`; those of cosines from the given metric."""
    cosine, euclidean = compare(embeddings, *rest, metric=metric), compare(embeddings, *rest)
    inner = compare(embeddings, *rest, metric="dot", normalize=False)
    found = []
    for pairs, losses in ((cosine, OF_COSINES), (euclidean, OF_DISTANCES)):
        for loss, options in losses.values():
            both = {name: jnp.array(values) for name, values in options.items()}
            found.append(jax.vmap(lambda one, loss=loss, pairs=pairs: loss(pairs, weights, **one))(both))
    return jnp.concatenate([*found, jnp.stack([n_pairs(cosine, weights), n_pairs(inner, weights)])])


@partial(jax.jit, static_argnames="metric")
def losses_and_gradients(embeddings, weights, metric, *rest):
    values, pullback = jax.vjp(lambda embeddings: every_loss(embeddings, weights, metric, rest), embeddings)
    return values, jax.vmap(pullback)(jnp.eye(len(FORMS)))[0]


@pytest.mark.parametrize(
    ("name", "metric"), [*((name, "cosine") for name in BATCHES), ("duplicates", "euclidean"), ("zero", "euclidean")]
)
def test_losses_and_gradients(name: str, metric: str):
    embeddings, *rest = batch(name)
    tolerance = 1e-4 if name == "large" else 1e-5
    for selection in SELECTIONS:
        if f"{name}/{selection}/names" not in GOLDEN:
            continue
        weights = golden_weights(name, selection)
        values, gradients = losses_and_gradients(embeddings, weights, metric, *rest)
        assert np.isfinite(values).all()
        assert np.isfinite(gradients).all()
        expected = {key: GOLDEN[f"{name}/{selection}/{key}"] for key in ("names", "losses", "gradients")}
        for form, loss, gradient in zip(expected["names"], expected["losses"], expected["gradients"], strict=True):
            place = FORMS.index(form)
            ours, slope = values[place], np.asarray(gradients[place])
            if name == "references" and form.startswith("lifted"):
                continue  # where PML is wrong: see below
            if all(0 < side.sum() <= 1 for side in weights):
                # PML takes a selection of one positive and one negative for none; here it counts. N-pairs of one class
                # is 0 for both.
                assert loss == 0
                assert ours > 0 or form.startswith("n_pairs")
                continue
            if name == "zero" and form != "n_pairs/raw":
                # PML divides by 1e-12 there; a direction that does not exist has no gradient here.
                zero = np.flatnonzero(~np.asarray(embeddings).any(axis=1))
                np.testing.assert_array_equal(slope[zero], 0.0)
                gradient[zero] = 0.0
            scale = max(1.0, np.abs(gradient).max())
            np.testing.assert_allclose(ours, loss, tolerance, tolerance, err_msg=f"{selection} {form}")
            np.testing.assert_allclose(
                slope / scale, gradient / scale, tolerance, tolerance, err_msg=f"{selection} {form}"
            )


def test_the_goldens_hold_something_to_compare():
    for selection in SELECTIONS:
        assert min(side.sum() for side in golden_weights("mixed", selection)) > 10
        assert (GOLDEN[f"mixed/{selection}/losses"] > 0).all()
        assert len(GOLDEN[f"mixed/{selection}/names"]) == len(FORMS)
    assert max(side.max() for side in golden_weights("mixed", "triplet")) > 2


@pytest.mark.parametrize("selection", SELECTIONS)
def test_lifted_structure_against_references_follows_the_paper_and_not_pml(selection: str):
    # PML uses the index of the positive among the references as an index of an anchor. Here only the anchor's negatives
    # count. If references of other classes come first, no such anchor exists, and the two agree (above).
    weights = golden_weights("references", selection)
    embeddings, *rest = batch("references")
    distances = np.asarray(compare(embeddings, *rest).distances, np.float64)
    terms = []
    for a, p in np.argwhere(weights.positive > 0):
        times = np.asarray(weights.negative)[a]
        total = np.log(np.sum(times * np.exp(1 - distances[a]))) if times.any() else 0.0
        terms += [max(0.0, total + distances[a, p]) ** 2 / 2] * int(weights.positive[a, p])
    ours = losses_and_gradients(embeddings, weights, "cosine", *rest)[0][FORMS.index("lifted/default")]
    assert ours == pytest.approx(np.mean(terms), rel=1e-5)
    theirs = dict(zip(GOLDEN[f"references/{selection}/names"], GOLDEN[f"references/{selection}/losses"], strict=True))[
        "lifted/default"
    ]
    assert theirs > 1.05 * ours


def test_without_weights_every_pair_counts_once():
    losses = {name: loss for name, (loss, _) in (OF_COSINES | OF_DISTANCES).items()} | {"n_pairs": n_pairs}
    found = jax.jit(lambda *batch: {name: loss(compare(*batch)) for name, loss in losses.items()})(*batch("duplicates"))
    names, values = (GOLDEN[f"duplicates/every_pair/{key}"] for key in ("names", "losses"))
    expected = dict(zip(names, values, strict=True))
    for name, value in found.items():
        assert value == pytest.approx(expected[f"{name}/default"], rel=1e-5)


def test_rounding_decides_nothing_here_where_it_does_in_pml():
    # Anchors 0 and 1 are duplicates at a right angle to 2 and 3, which are opposite each other: at temperature 0.01 the
    # exact losses are log(1 + 2·exp(−100)) for 0 and 1 and log(exp(−100) + 2) + 100 for 2 and 3.
    embeddings, labels = batch("apart")
    pairs = compare(embeddings, labels, metric="cosine")
    hopeless = 100 + np.log(2)
    # PML drops the two that round to 0 from SupCon's mean.
    assert supcon(pairs, temperature=0.01) == pytest.approx(hopeless / 2)
    assert GOLDEN["apart/supcon/float64"] == pytest.approx(hopeless)
    # PML's NT-Xent stops at log(1.2e-38) in float32, where its gradient vanishes.
    value, gradient = jax.value_and_grad(lambda e: ntxent(compare(e, labels, metric="cosine"), temperature=0.01))(
        embeddings
    )
    assert value == pytest.approx(hopeless / 2)
    assert GOLDEN["apart/ntxent/float64"] == pytest.approx(hopeless / 2)
    assert GOLDEN["apart/ntxent/float32"] == pytest.approx(87.336 / 2, abs=1e-3)
    assert np.abs(gradient).max() > 10
