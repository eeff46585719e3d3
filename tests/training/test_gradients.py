"""The raw gradient of a training step: on any number of devices that of the loss of the whole batch.

An optimiser such as Adam, or clipping, divides a wrong scale out again, so parameters after a step cannot show one.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lfw_jax.augmentation import Augmentation, augment_slice
from lfw_jax.models import build
from lfw_jax.training.devices import AXIS, choose_devices, on_each, replicate, spread, unreplicate
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.objectives.objective import Objective
from lfw_jax.training.state import State, init_state
from lfw_jax.training.step import make_step, step_keys

SIDE, BATCH, CLASSES, DIM, SEED = 12, 16, 4, 8, 3
# With batch statistics, which the devices average: their gradient crosses devices, too.
NETWORK = dict(name="patch_resnet", embedding_dim=DIM, features=(4,), dropout=0.0, winograd=False)
# What is drawn for an image depends on its place in the whole batch.
AUGMENTATION = Augmentation(flip=0.5, rotation=5.0, brightness=0.05, erasing=0.2)
OBJECTIVES = {
    "contrastive of given pairs": (dict(name="contrastive", form="squared"), dict(name="none"), True),
    "margin of all pairs, a beta each": (dict(name="margin", beta_per_class=True), dict(name="none"), False),
    "arcface": (dict(name="arcface", margin=0.3, scale=8.0), dict(name="none"), False),
    "semi-hard triplets": (
        dict(name="triplet", margin=0.2), dict(name="triplet_margin", kind="semihard", margin=0.2), False,
    ),
    "triplets of drawn negatives": (dict(name="triplet", margin=0.2), dict(name="distance_weighted"), False),
}  # fmt: skip


def recording() -> optax.GradientTransformation:
    """An optimiser that keeps the gradient as its state and changes no parameter."""
    zeros = lambda tree: jax.tree.map(jnp.zeros_like, tree)  # noqa: E731
    return optax.GradientTransformation(zeros, lambda gradients, _, __=None: (zeros(gradients), gradients))


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Unlike images, so that a wrong share of any of them changes the gradient; images 2j and 2j+1 are pairs."""
    rng = np.random.default_rng(0)
    labels = np.array([0, 0, 1, 1, 2, 3, 2, 2, 3, 1, 0, 0, 3, 3, 2, 1], np.int32)
    return rng.integers(0, 256, (BATCH, SIDE, SIDE, 3), np.uint8), labels


def without_devices(objective: Objective, state: State) -> tuple[jax.Array, Any, Any]:
    """Loss, batch statistics and gradient of the whole batch, straight from the definition."""
    images, labels = batch()
    augment_key, _, mining_key = step_keys(SEED, 0)
    inputs = augment_slice(augment_key, images, SIDE, AUGMENTATION)

    def loss_of(params):
        variables = {"params": params["model"], "batch_stats": state.batch_stats}
        embeddings, changed = build(NETWORK).apply(variables, inputs, train=True, mutable=["batch_stats"])
        loss, _ = objective.apply(params["objective"], state.objective_state, embeddings, labels, mining_key)
        return loss, changed["batch_stats"]

    (loss, statistics), gradient = jax.jit(jax.value_and_grad(loss_of, has_aux=True))(state.params)
    return loss, statistics, gradient


def assert_same(found: Any, expected: Any) -> None:
    """Every leaf, up to rounding beside the largest number of all."""
    largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected))
    assert largest > 1e-3
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * largest), found, expected)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_on_any_number_of_devices_the_gradient_is_that_of_the_whole_batch(name: str):
    loss, miner, paired = OBJECTIVES[name]
    objective = build_objective(
        loss, miner, classes=CLASSES, embedding_dim=DIM, paired=paired, batch_size=BATCH
    )  # fmt: skip
    state = init_state(jax.random.key(1), build(NETWORK), objective, recording(), side=SIDE)
    step = make_step(build(NETWORK, axis_name=AXIS), objective, recording(), AUGMENTATION, side=SIDE, seed=SEED)
    loss, statistics, gradient = without_devices(objective, state)
    for count in (1, 2, 4) if name == "arcface" else (4,):
        devices = choose_devices(count, BATCH)
        copies, logs = on_each(step, devices)(replicate(state, devices), *spread(batch(), devices))
        found = unreplicate(copies)
        assert float(unreplicate(logs)["train/loss"]) == pytest.approx(float(loss), rel=1e-4)
        assert_same(found.batch_stats, statistics)
        assert_same(found.opt_state["model"], gradient["model"])
        if gradient["objective"]:
            assert_same(found.opt_state["objective"], gradient["objective"])
