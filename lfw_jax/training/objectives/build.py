"""Construction of objectives from their names in a configuration."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from lfw_jax.errors import UserError
from lfw_jax.options import named
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
    """Return the objective of the groups `loss`, `miner` and `memory` of a configuration.

    Args:
      loss: `name` and the options of that loss.
      miner: `name` ("none" for every pair) and the options of that miner.
      classes: Number of training identities.
      embedding_dim: Length of an embedding.
      paired: True if a batch consists of pairs (images 2j and 2j+1); the loss then uses these pairs only.
      batch_size: Number of images in a global batch.
      memory: Number of embeddings of earlier batches that a batch is also compared with; 0 for none.

    Returns:
      The objective.

    Raises:
      UserError: If a loss or miner is unknown, one of its options is unknown or invalid, or the combination is
        invalid.
    """
    name, options = named(loss)
    miner_name, miner_options = named(miner)
    if name not in HEADS and name not in PAIR_LOSSES:
        known = ", ".join(sorted([*HEADS, *PAIR_LOSSES]))
        raise UserError(f"--config.loss.name is '{name}'; the known losses are {known}.")
    if miner_name not in ("none", *MINERS):
        raise UserError(f"--config.miner.name is '{miner_name}'; the known miners are {', '.join(['none', *MINERS])}.")
    if memory and (name in HEADS or paired):
        reason = f"the loss {name} uses no pairs" if name in HEADS else "--config.sampler.name=pairs gives fixed pairs"
        raise UserError(f"--config.memory.size is {memory}, but {reason}; set it to 0.")
    if name in HEADS:
        if miner_name != "none":
            raise UserError(
                f"--config.miner.name is '{miner_name}', but the loss {name} uses no pairs; set it to none."
            )
        objective = classification(name, options, classes, embedding_dim)
    elif paired:
        if name != "contrastive" or miner_name != "none":
            raise UserError(
                f"--config.sampler.name=pairs requires the loss contrastive and no miner, found {name} with "
                f"{miner_name}; use --config.sampler.name=people_images for mined pairs."
            )
        objective = given_pairs(options)
    else:
        objective = mined_pairs(name, options, miner_name, miner_options, classes, memory, embedding_dim)
    _try(objective, batch_size, embedding_dim)
    return objective


def _try(objective: Objective, batch_size: int, embedding_dim: int) -> None:
    """Trace the objective once, to report invalid options of a loss or miner before anything is written."""

    def trace(key: jax.Array, embeddings: jax.Array, labels: jax.Array) -> Any:
        return objective.apply(objective.init(key), objective.state, embeddings, labels, key)

    embeddings = jax.ShapeDtypeStruct((batch_size, embedding_dim), jnp.float32)
    labels = jax.ShapeDtypeStruct((batch_size,), jnp.int32)
    try:
        jax.eval_shape(trace, jax.random.key(0), embeddings, labels)
    except (TypeError, ValueError) as error:
        raise UserError(f"--config.loss, --config.miner and --config.memory: {str(error).splitlines()[0]}.") from error
