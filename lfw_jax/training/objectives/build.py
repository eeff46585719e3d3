"""The objectives by their names in a configuration."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from lfw_jax.errors import UserError
from lfw_jax.training.objectives.classification import HEADS, classification
from lfw_jax.training.objectives.objective import Objective
from lfw_jax.training.objectives.pairs import MINERS, PAIR_LOSSES, given_pairs, mined_pairs


def build_objective(
    loss: Mapping[str, Any],
    miner: Mapping[str, Any],
    *,
    classes: int,
    embedding_dim: int,
    paired: bool,
    batch_size: int = 8,
    memory: int = 0,
) -> Objective:
    """The objective that the `loss`, `miner` and `memory` parts of a configuration describe.

    Args:
      loss: `name` and the options of that loss.
      miner: `name` ("none" for every pair) and the options of that miner.
      classes: number of training people.
      embedding_dim: length of an embedding.
      paired: whether batches are pairs (images 2j and 2j+1), of which the loss is taken without comparing all with all.
      batch_size: images in a global batch.
      memory: how many embeddings of earlier batches a batch is also compared with; 0 for none.

    Raises:
      UserError: an unknown loss or miner, an option that it does not have or a value that it does not take, or a
        combination without meaning.
    """
    name, options = _named(loss)
    miner_name, miner_options = _named(miner)
    if name not in HEADS and name not in PAIR_LOSSES:
        known = ", ".join(sorted([*HEADS, *PAIR_LOSSES]))
        raise UserError(f"--config.loss.name is '{name}'; the known losses are {known}.")
    if miner_name not in ("none", *MINERS):
        raise UserError(f"--config.miner.name is '{miner_name}'; the known miners are {', '.join(['none', *MINERS])}.")
    if memory and (name in HEADS or paired):
        what = f"the loss {name} sees no pairs" if name in HEADS else "--config.sampler.name=pairs brings its own pairs"
        raise UserError(f"--config.memory.size is {memory}, but {what}; set it to 0.")
    if name in HEADS:
        if miner_name != "none":
            raise UserError(
                f"--config.miner.name is '{miner_name}', but the loss {name} sees no pairs; set it to none."
            )
        objective = classification(name, options, classes, embedding_dim)
    elif paired:
        if name != "contrastive" or miner_name != "none":
            raise UserError(
                f"--config.sampler.name=pairs goes with the loss contrastive and no miner, found {name} with "
                f"{miner_name}; use --config.sampler.name=people_images for mined pairs."
            )
        objective = given_pairs(options)
    else:
        objective = mined_pairs(name, options, miner_name, miner_options, classes, memory, embedding_dim)
    _try(objective, batch_size, embedding_dim)
    return objective


def _named(group: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return group["name"], {key: value for key, value in group.items() if key != "name"}


def _try(objective: Objective, batch_size: int, embedding_dim: int) -> None:
    """Trace the objective once: a loss or miner says in words what is wrong with an option, before anything is written."""

    def trace(key: jax.Array, embeddings: jax.Array, labels: jax.Array) -> Any:
        return objective.apply(objective.init(key), objective.state, embeddings, labels, key)

    embeddings = jax.ShapeDtypeStruct((batch_size, embedding_dim), jnp.float32)
    labels = jax.ShapeDtypeStruct((batch_size,), jnp.int32)
    try:
        jax.eval_shape(trace, jax.random.key(0), embeddings, labels)
    except (TypeError, ValueError) as error:
        raise UserError(f"--config.loss, --config.miner and --config.memory: {str(error).splitlines()[0]}.") from error
