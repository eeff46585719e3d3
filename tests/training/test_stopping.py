"""Training stops as soon as a loss or a gradient is seen not to be finite, before a checkpoint is written."""

import itertools

import jax
import jax.numpy as jnp
import optax
import pytest

from lfw_jax.augmentation import Augmentation
from lfw_jax.errors import UserError
from lfw_jax.models import build
from lfw_jax.training.devices import AXIS, choose_devices
from lfw_jax.training.loop import Intervals, train
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.objectives.objective import Objective
from lfw_jax.training.state import init_state
from lfw_jax.training.step import make_step
from tests.training.test_step import BATCH, CLASSES, DIM, OBJECTIVES, PLAIN, SIDE, batch, make


def endless():
    return (batch(number) for number in itertools.count())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_network_that_becomes_nan_stops_every_objective(name: str):
    state, step = make(name)
    broken = jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.nan), state.params["model"])
    evaluated = []
    with pytest.raises(UserError, match=r"the loss became nan at step 2.*learning_rate"):
        train(
            state.replace(params={**state.params, "model": broken}), step, endless(),
            intervals=Intervals(total=9, log_every=2, evaluate_every=9), devices=choose_devices(1, BATCH),
            log=lambda *_: None, evaluate=evaluated.append, checkpoint=evaluated.append,
        )  # fmt: skip
    assert not evaluated


def test_a_pair_loss_stops_after_a_learning_rate_that_overflows_the_network():
    loss, miner, _ = OBJECTIVES["contrastive of mined pairs"]
    objective = build_objective(loss, miner, classes=CLASSES, embedding_dim=DIM, paired=False, batch_size=BATCH)
    optimizer = optax.sgd(1e30)
    state = init_state(jax.random.key(0), build(PLAIN), objective, optimizer, side=SIDE)
    step = make_step(build(PLAIN, axis_name=AXIS), objective, optimizer, Augmentation(), side=SIDE, seed=0)
    with pytest.raises(
        UserError, match=r"the loss became nan at step 2\. Try a lower --config.optimizer.learning_rate"
    ):
        train(
            state, step, endless(), intervals=Intervals(total=9, log_every=1, evaluate_every=9),
            devices=choose_devices(2, BATCH), log=lambda *_: None, evaluate=lambda _: None, checkpoint=lambda _: None,
        )  # fmt: skip


@pytest.mark.parametrize("log_every", [1, 100])
def test_a_gradient_that_is_not_finite_stops_before_a_checkpoint_although_the_loss_is_finite(log_every: int):
    def apply(params, state, embeddings, labels, key):
        del labels, key
        # The slope of the root is infinite at 0: the loss is 0, its gradient is 0 · inf.
        return jnp.sum(jnp.sqrt(0.0 * embeddings**2)) + params["bias"] ** 2, ({}, state)

    objective = Objective(lambda _: {"bias": jnp.ones(())}, apply, "a loss with a gradient of NaN")
    optimizer = optax.sgd(0.1)
    state = init_state(jax.random.key(0), build(PLAIN), objective, optimizer, side=SIDE)
    step = make_step(build(PLAIN, axis_name=AXIS), objective, optimizer, Augmentation(), side=SIDE, seed=0)
    evaluated = []
    with pytest.raises(UserError, match=r"the norm of the gradient became nan at step 1\..*learning_rate"):
        train(
            state, step, endless(), intervals=Intervals(total=9, log_every=log_every, evaluate_every=1),
            devices=choose_devices(1, BATCH), log=lambda *_: None, evaluate=evaluated.append, checkpoint=evaluated.append,
        )  # fmt: skip
    assert not evaluated
