"""One training step, written for one device of many."""

from collections.abc import Callable

import jax
import optax
from flax import linen as nn
from jaxtyping import Array, Int, Key, UInt8

from lfw_jax.augmentation import Augmentation, augment_slice
from lfw_jax.training.devices import AXIS, gather
from lfw_jax.training.objectives.objective import Logs, Objective
from lfw_jax.training.state import State

Step = Callable[[State, UInt8[Array, "slice stored stored 3"], Int[Array, "slice"]], tuple[State, Logs]]


def step_keys(seed: int, step: Int[Array, ""] | int) -> Key[Array, "3"]:
    """The keys of one step: of its augmentation, of its dropout and of its random miner."""
    return jax.random.split(jax.random.fold_in(jax.random.key(seed), step), 3)


def make_step(
    model: nn.Module,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    augmentation: Augmentation,
    *,
    side: int,
    seed: int,
) -> Step:
    """A step to be mapped over devices along `AXIS`: each brings a slice of the batch, all end in the same state.

    Embeddings are gathered, so the loss is that of the global batch, and batch normalisation averages over all devices:
    the number of devices changes neither loss nor gradient (dropout alone draws anew on each device).
    """

    def step(
        state: State, images: UInt8[Array, "slice stored stored 3"], labels: Int[Array, "slice"]
    ) -> tuple[State, Logs]:
        augment_key, dropout_key, mining_key = step_keys(seed, state.step)
        device = jax.lax.axis_index(AXIS)
        with jax.named_scope("augmentation"):
            inputs = augment_slice(augment_key, images, side, augmentation, first=device * len(labels))

        def loss_of(params):
            with jax.named_scope("network"):
                embeddings, changed = model.apply(
                    {"params": params["model"], "batch_stats": state.batch_stats},
                    inputs,
                    train=True,
                    mutable=["batch_stats"],
                    rngs={"dropout": jax.random.fold_in(dropout_key, device)},
                )
            with jax.named_scope("objective"):
                loss, (logs, objective_state) = objective.apply(
                    params["objective"], state.objective_state, gather(embeddings), gather(labels), mining_key
                )
            return loss, (changed.get("batch_stats", {}), objective_state, logs)

        (loss, (batch_stats, objective_state, logs)), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            state.params
        )
        with jax.named_scope("optimiser"):
            # Every device computed the global loss. Through the gathered embeddings a device's gradient holds its
            # slice's part once for each device, so that the mean over devices is the gradient of the global loss.
            gradients = jax.lax.pmean(gradients, AXIS)
            updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
        logs = {"train/loss": loss, "train/gradient_norm": optax.tree.norm(gradients)} | logs
        return State(state.step + 1, params, batch_stats, objective_state, opt_state), logs

    return step
