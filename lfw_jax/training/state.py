"""Everything that changes while a network trains, as one pytree."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from jaxtyping import Array, Int, PyTree

from lfw_jax.models import init as init_model
from lfw_jax.training.objectives.objective import Objective


class State(struct.PyTreeNode):
    """A training state.

    Attributes:
      step: steps taken.
      params: `model` and `objective`: what is learned.
      batch_stats: running statistics of the network's normalisations.
      objective_state: what the loss keeps from batch to batch without learning it.
      opt_state: the optimiser's.
    """

    step: Int[Array, ""]
    params: PyTree
    batch_stats: PyTree
    objective_state: PyTree
    opt_state: Any

    def variables(self) -> dict[str, Any]:
        """What the network is applied with."""
        return {"params": self.params["model"], "batch_stats": self.batch_stats}


def init_state(
    key: jax.Array, model: nn.Module, objective: Objective, optimizer: optax.GradientTransformation, *, side: int
) -> State:
    """A fresh state for square images of `side` pixels."""
    model_key, objective_key = jax.random.split(key)
    variables = init_model(model, model_key, side)
    params = {"model": variables["params"], "objective": objective.init(objective_key)}
    return State(
        step=jnp.zeros((), jnp.int32),
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        objective_state=objective.state,
        opt_state=optimizer.init(params),
    )
