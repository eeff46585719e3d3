"""Pair and triplet objectives: the miners and losses of `lfw_jax.metric` by name."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from lfw_jax.metric import losses, memory, miners
from lfw_jax.metric.pairs import compare
from lfw_jax.options import check_type, checked
from lfw_jax.training.objectives.objective import Objective, Outcome

MINERS: dict[str, Callable[..., miners.PairWeights]] = {
    "triplet_margin": miners.triplet_margin,
    "uniform_histogram": miners.uniform_histogram,
    "distance_weighted": miners.distance_weighted,
    "batch_hard": miners.batch_hard,
    "batch_easy_hard": miners.batch_easy_hard,
    "multi_similarity": miners.multi_similarity,
    "pair_margin": miners.pair_margin,
}
PAIR_LOSSES: dict[str, Callable[..., jax.Array]] = {
    "contrastive": losses.contrastive,
    "margin": losses.margin,
    "triplet": losses.triplet,
    "multi_similarity": losses.multi_similarity,
    "circle": losses.circle,
    "ntxent": losses.ntxent,
    "supcon": losses.supcon,
    "n_pairs": losses.n_pairs,
    "lifted_structure": losses.lifted_structure,
    "generalized_lifted_structure": losses.generalized_lifted_structure,
}


def given_pairs(options: dict[str, Any]) -> Objective:
    """Return the contrastive objective of batches that consist of pairs: images 2j and 2j+1.

    Args:
      options: Options of `losses.contrastive_of_pairs`.

    Returns:
      The objective.

    Raises:
      UserError: If the loss does not have an option.
    """
    options = checked("loss", losses.contrastive_of_pairs, options)

    def apply(params: PyTree, state: PyTree, embeddings: jax.Array, labels: jax.Array, key: jax.Array) -> Outcome:
        del params, key
        first, second, same = embeddings[0::2], embeddings[1::2], labels[0::2] == labels[1::2]
        distances = jnp.linalg.norm(jax.lax.stop_gradient(first - second), axis=1)
        logs = {
            "pairs/positive_distance": jnp.sum(distances * same) / jnp.maximum(same.sum(), 1),
            "pairs/negative_distance": jnp.sum(distances * ~same) / jnp.maximum((~same).sum(), 1),
        }
        return losses.contrastive_of_pairs(first, second, same, **options), (logs, state)

    return Objective(lambda _: {}, apply, f"contrastive loss ({options.get('form', 'linear')}), given pairs")


def mined_pairs(
    name: str,
    options: dict[str, Any],
    miner_name: str,
    miner_options: dict[str, Any],
    classes: int,
    remembered: int,
    embedding_dim: int,
) -> Objective:
    """Return the objective of a loss on mined pairs of a batch and, optionally, earlier batches.

    Args:
      name: One of `PAIR_LOSSES`.
      options: Options of that loss; the margin loss also has `learn_beta` and `beta_per_class`.
      miner_name: One of `MINERS`, or "none" for every pair.
      miner_options: Options of that miner.
      classes: Number of training identities.
      remembered: Capacity of the memory of earlier batches, in embeddings; 0 for none.
      embedding_dim: Length of an embedding.

    Returns:
      The objective.

    Raises:
      UserError: If the loss or the miner does not have an option.
    """
    loss = PAIR_LOSSES[name]
    learned = name == "margin"
    beta = _taken(options, "beta", 1.2) if learned else math.nan
    learn_beta = _taken(options, "learn_beta", True) if learned else False
    per_class = _taken(options, "beta_per_class", False) if learned else False
    options = checked("loss", loss, options, given=("beta",) if learned else ())
    mine = MINERS.get(miner_name)
    if mine is not None:
        miner_options = checked("miner", mine, miner_options, given=("key",))
    random = mine is not None and "key" in inspect.signature(mine).parameters

    def init(key: jax.Array) -> PyTree:
        del key
        return {"beta": jnp.full((classes,) if per_class else (), beta)} if learned else {}

    def apply(params: PyTree, state: PyTree, embeddings: jax.Array, labels: jax.Array, key: jax.Array) -> Outcome:
        if remembered:
            state = memory.remember(state, embeddings, labels)
            pairs = memory.compare_with(state, embeddings, labels)
        else:
            pairs = compare(embeddings, labels)
        weights = mine(pairs, **miner_options, **({"key": key} if random else {})) if mine else None
        logs = {f"pairs/{key}": value for key, value in miners.statistics(pairs, weights).items()}
        if not learned:
            return loss(pairs, weights, **options), (logs, state)
        value = params["beta"] if learn_beta else jax.lax.stop_gradient(params["beta"])
        return loss(pairs, weights, beta=value, **options), (logs | {"train/beta": jnp.mean(value)}, state)

    words = f"{name} loss, pairs by {miner_name}" + (f", a memory of {remembered} embeddings" if remembered else "")
    return Objective(init, apply, words, memory.init(remembered, embedding_dim) if remembered else {})


def _taken(options: dict[str, Any], name: str, default: float) -> Any:
    """Remove an option of the loss from the options and return it, of the type of its default."""
    value = options.pop(name, default)
    check_type(f"loss.{name}", value, type(default))
    return value
