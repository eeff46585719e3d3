"""The same selections and the same triplet losses as pytorch-metric-learning 2.9.0 (golden/, in float64)."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.metric import Pairs, compare, losses, miners
from lfw_jax.metric.miners import PairWeights, SampledTriplets
from tests.metric.golden import golden

GOLDEN = golden("triplets")
BATCHES = ("mixed", "singletons", "one_class", "all_different", "duplicates", "zero", "large", "references")
STRATEGIES = (
    "easy_semihard", "semihard_hard", "semihard_easy", "hard_semihard", "easy_easy", "hard_easy", "all_hard", "easy_all",
)  # fmt: skip
MINERS = {
    **{f"triplet_{kind}": partial(miners.triplet_margin, margin=0.2, kind=kind) for kind in miners.KINDS},
    **{
        name: partial(miners.batch_easy_hard, pos_strategy=name.partition("_")[0], neg_strategy=name.partition("_")[2])
        for name in STRATEGIES
    },
    "ranges": partial(
        miners.batch_easy_hard,
        pos_strategy="hard",
        neg_strategy="hard",
        allowed_pos_range=(0.2, 0.9),
        allowed_neg_range=(0.6, 1.2),
    ),
    "multi_similarity": partial(miners.multi_similarity, epsilon=0.1),
    "pair_margin": partial(miners.pair_margin, pos_margin=0.6, neg_margin=1.1),
}
FORMS = {
    "hinge": dict(margin=0.4),
    "smooth": dict(margin=0.4, smooth=True),
    "swap": dict(margin=0.4, swap=True),
    "smooth_swap": dict(margin=0.4, swap=True, smooth=True),
}
SELECTIONS = ("every", "triplet_semihard", "triplet_easy", "hard_semihard", "multi_similarity", "pair_margin", "drawn")


def arrays(name: str) -> list[jax.Array]:
    keys = ("embeddings", "labels", "references", "reference_labels")
    return [jnp.asarray(GOLDEN[f"{name}/{key}"]) for key in keys if f"{name}/{key}" in GOLDEN]


@jax.jit
def mine_all(*batch: jax.Array) -> dict[str, PairWeights]:
    pairs = compare(*batch)
    return {name: miner(pairs) for name, miner in MINERS.items()}


@pytest.mark.parametrize("name", BATCHES)
def test_every_miner_selects_the_same_pairs_as_often(name: str):
    for miner, found in mine_all(*arrays(name)).items():
        for side, ours in zip(("positive", "negative"), found, strict=True):
            theirs = GOLDEN[f"{name}/{miner}/{side}"]
            if name == "zero":
                # The zero embedding is at distance 1 from all others: which is nearest is a matter of rounding.
                ours, theirs = np.delete(ours, 3, axis=0), np.delete(theirs, 3, axis=0)
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{miner} {side}")


@pytest.mark.parametrize("name", ["mixed", "large", "references"])
def test_the_goldens_hold_every_kind_of_selection(name: str):
    # Else the tests here might compare nothing with nothing.
    for miner in MINERS:
        assert all(GOLDEN[f"{name}/{miner}/{side}"].any() for side in ("positive", "negative")), miner
    for selection in SELECTIONS:
        assert GOLDEN[f"{name}/{selection}/hinge/loss"] > 0, selection


@partial(jax.jit, static_argnames="selection")
def every_form(selection: str, batch: list[jax.Array], drawn: jax.Array) -> dict[str, tuple]:
    """The loss in every form, with its gradients for all embeddings of the batch."""

    def select(pairs: Pairs) -> SampledTriplets | PairWeights | None:
        if selection == "every":
            return None
        if selection == "drawn":
            present = (drawn >= 0).astype(jnp.float32)
            return SampledTriplets(present, jax.nn.one_hot(drawn, drawn.shape[1]).sum(axis=1), drawn)
        return MINERS[selection](pairs)

    once = select(compare(*batch))

    def loss(embeddings: list[jax.Array], form: str) -> jax.Array:
        whole = [embeddings[0], batch[1], *([embeddings[1], batch[3]] if len(batch) > 2 else [])]
        pairs = compare(*whole)
        # The gradient of one form passes the miner, which must not change it; the others need not compile it again.
        selected = select(pairs) if form == "hinge" else once
        if form == "contrastive":
            return losses.contrastive(pairs, selected, pos_margin=0.1, neg_margin=1.2)
        if form == "margin":
            # PML's margin loss joins mined pairs to triplets by itself.
            selected = miners.as_triplets(selected) if type(selected) is PairWeights else selected
            return losses.margin(pairs, selected, margin=0.2, beta=0.9)
        return losses.triplet(pairs, selected, **FORMS[form])

    forms = [*FORMS, *(["contrastive", "margin"] if selection != "every" else [])]
    forms = [form for form in forms if len(batch) == 2 or "swap" not in form]
    return {form: jax.value_and_grad(partial(loss, form=form))(batch[::2]) for form in forms}


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("selection", SELECTIONS)
def test_losses_of_triplets_and_their_gradients(name: str, selection: str):
    tolerance = dict(rtol=1e-5, atol=1e-5) if name != "large" else dict(rtol=1e-4, atol=1e-4)
    batch = arrays(name)
    if name == "zero" and selection in ("triplet_semihard", "triplet_easy", "hard_semihard", "multi_similarity"):
        selection = "pair_margin"  # the others decide among equal distances there
    for form, (value, gradients) in every_form(selection, batch, jnp.asarray(GOLDEN[f"{name}/drawn/drawn"])).items():
        key = f"{name}/{selection}/{form}"
        if form == "contrastive" and GOLDEN[f"{key}/loss"] == 0 != value:
            continue  # one triplet in all, which PML takes for none; tests/metric/test_golden.py says so
        np.testing.assert_allclose(value, GOLDEN[f"{key}/loss"], err_msg=key, **tolerance)
        for ours, kind in zip(gradients, ("gradient", "reference_gradient"), strict=False):
            theirs = GOLDEN[f"{key}/{kind}"]
            if name == "zero" and kind == "gradient":
                # Of the embedding that is zero, which has no direction: PML divides by 1e-12 there, here it is 0.
                assert not np.any(ours[3])
                ours, theirs = np.delete(ours, 3, axis=0), np.delete(theirs, 3, axis=0)
            np.testing.assert_allclose(ours, theirs, err_msg=f"{key} {kind}", **tolerance)
