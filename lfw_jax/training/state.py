"""The training state: everything that changes during training, as one pytree."""

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
      step: number of steps taken.
      params: learned parameters: `model` and `objective`.
      batch_stats: running statistics of the batch normalisations of the network.
      objective_state: state that the loss carries from batch to batch without learning it.
      opt_state: state of the optimiser.
    """

    step: Int[Array, ""]
    params: PyTree
    batch_stats: PyTree
    objective_state: PyTree
    opt_state: Any

    def variables(self) -> dict[str, Any]:
        """Return the variables of the network: `params` and `batch_stats`."""
        return {"params": self.params["model"], "batch_stats": self.batch_stats}


def init_state(
    key: jax.Array, model: nn.Module, objective: Objective, optimizer: optax.GradientTransformation, *, side: int
) -> State:
    """Return the initial training state.

    Args:
      key: Random key of the parameters.
      model: The network.
      objective: The training objective.
      optimizer: The optimiser.
      side: Side of the square network input in pixels.
    """
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
