"""The training step, written for one of several devices."""

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
    """Return the three random keys of a step, for augmentation, dropout and the miner.

    Args:
      seed: Seed of the training.
      step: Index of the step, from 0.
    """
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
    """Return the training step of one device, to be mapped over devices along `AXIS`.

    Each device receives a slice of the batch, and all devices compute the same next state. Embeddings are gathered, so that
    the loss is that of the global batch, and batch normalisation averages over all devices. The number of devices therefore
    changes neither loss nor gradient, except through dropout, which is sampled independently on each device.

    Args:
      model: The network; its batch normalisations average over `AXIS`.
      objective: The training objective.
      optimizer: The optimiser.
      augmentation: The augmentation of the images.
      side: Side of the square network input in pixels.
      seed: Seed of augmentation, dropout and random miners.

    Returns:
      A function from the state, the uint8 images and the labels of a slice to the next state and the logs.
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
            # Every device computes the global loss. Through the gathered embeddings, the gradient on a device contains the
            # contribution of its slice once per device, so that the mean over devices is the gradient of the global loss.
            gradients = jax.lax.pmean(gradients, AXIS)
            updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
        logs = {"train/loss": loss, "train/gradient_norm": optax.tree.norm(gradients)} | logs
        return State(state.step + 1, params, batch_stats, objective_state, opt_state), logs

    return step
