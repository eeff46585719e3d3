"""What is minimised: a loss, with a miner where pairs are selected, by their names in a configuration."""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from lfw_jax.errors import UserError
from lfw_jax.metric import heads, losses, miners
from lfw_jax.metric.pairs import compare

Logs = dict[str, jax.Array]
MINERS: dict[str, Callable[..., miners.PairWeights]] = {
    "triplet_margin": miners.triplet_margin,
    "uniform_histogram": miners.uniform_histogram,
    "batch_hard": miners.batch_hard,
}
PAIR_LOSSES = {"contrastive": losses.contrastive, "margin": losses.margin}
HEADS = {"arcface": heads.arcface, "cosface": heads.cosface, "softmax": heads.softmax}


@dataclasses.dataclass(frozen=True)
class Objective:
    """A scalar of the embeddings of a global batch.

    Attributes:
      init: from a key to the parameters that the loss itself learns (prototypes, β); `{}` where it learns none.
      apply: from those parameters, raw embeddings, labels and a key to the loss and what training logs.
      describe: the objective in words.
    """

    init: Callable[[jax.Array], PyTree]
    apply: Callable[[PyTree, Float[Array, "batch dim"], Int[Array, "batch"], jax.Array], tuple[jax.Array, Logs]]
    describe: str


def build_objective(
    loss: Mapping[str, Any], miner: Mapping[str, Any], *, classes: int, embedding_dim: int, paired: bool
) -> Objective:
    """The objective that the `loss` and `miner` parts of a configuration describe.

    Args:
      loss: `name` and the options of that loss.
      miner: `name` ("none" for every pair) and the options of that miner.
      classes: number of training people.
      embedding_dim: length of an embedding.
      paired: whether batches are pairs (images 2j and 2j+1), of which the loss is taken without comparing all with all.

    Raises:
      UserError: an unknown loss or miner, an option that it does not have, or a combination without meaning.
    """
    name, options = loss["name"], {key: value for key, value in loss.items() if key != "name"}
    miner_name, miner_options = miner["name"], {key: value for key, value in miner.items() if key != "name"}
    if name in HEADS:
        if miner_name != "none":
            raise UserError(
                f"--config.miner.name is '{miner_name}', but the loss {name} sees no pairs; set it to none."
            )
        return _classification(name, options, classes, embedding_dim)
    if name not in PAIR_LOSSES:
        known = ", ".join(sorted(HEADS | PAIR_LOSSES))
        raise UserError(f"--config.loss.name is '{name}'; the known losses are {known}.")
    if paired:
        if name != "contrastive" or miner_name != "none":
            raise UserError(
                f"--config.sampler.name=pairs goes with the loss contrastive and no miner, found {name} with "
                f"{miner_name}; use --config.sampler.name=people_images for mined pairs."
            )
        return _given_pairs(options)
    if miner_name not in ("none", *MINERS):
        raise UserError(f"--config.miner.name is '{miner_name}'; the known miners are {', '.join(['none', *MINERS])}.")
    return _mined_pairs(name, options, miner_name, miner_options, classes)


def _checked(key: str, function: Callable[..., Any], options: dict[str, Any], given: set[str]) -> dict[str, Any]:
    """The options, if the function has them all."""
    known = {name for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY} - given
    if unknown := sorted(set(options) - known):
        raise UserError(
            f"--config.{key}.{unknown[0]}: {function.__name__} has no such option; it has {', '.join(sorted(known))}."
        )
    return options


def _classification(name: str, options: dict[str, Any], classes: int, embedding_dim: int) -> Objective:
    head = HEADS[name]
    options = _checked("loss", head, options, set())
    scale = options["scale"] = _scale(options.get("scale", 64.0), classes)

    def init(key: jax.Array) -> PyTree:
        return {"prototypes": 0.01 * jax.random.normal(key, (classes, embedding_dim))}

    def apply(params: PyTree, embeddings: jax.Array, labels: jax.Array, key: jax.Array) -> tuple[jax.Array, Logs]:
        del key
        cosines = heads.cosines(jax.lax.stop_gradient(embeddings), jax.lax.stop_gradient(params["prototypes"]))
        logs = {"train/accuracy": jnp.mean(cosines.argmax(1) == labels)}
        return head(embeddings, labels, params["prototypes"], **options), logs

    margin = f", margin {options['margin']:g}" if "margin" in options else ""
    return Objective(init, apply, f"{name} over {classes} people, scale {scale:.2f}{margin}")


def _scale(scale: float | str, classes: int) -> float:
    """A number, or "adacos": √2·ln(C−1), optionally times a factor ("1.5*adacos")."""
    if isinstance(scale, (int, float)):
        return float(scale)
    factor, star, word = scale.rpartition("*")
    try:
        if word.strip() == "adacos":
            return (float(factor) if star else 1.0) * heads.adacos_scale(classes)
        return float(scale)
    except ValueError as error:
        raise UserError(
            f"--config.loss.scale is '{scale}'; expected a number, adacos, or a factor as in 1.5*adacos ({error})."
        ) from error


def _given_pairs(options: dict[str, Any]) -> Objective:
    options = _checked("loss", losses.contrastive_of_pairs, options, set())

    def apply(params: PyTree, embeddings: jax.Array, labels: jax.Array, key: jax.Array) -> tuple[jax.Array, Logs]:
        del params, key
        first, second, same = embeddings[0::2], embeddings[1::2], labels[0::2] == labels[1::2]
        distances = jnp.linalg.norm(jax.lax.stop_gradient(first - second), axis=1)
        logs = {
            "pairs/positive_distance": jnp.sum(distances * same) / jnp.maximum(same.sum(), 1),
            "pairs/negative_distance": jnp.sum(distances * ~same) / jnp.maximum((~same).sum(), 1),
        }
        return losses.contrastive_of_pairs(first, second, same, **options), logs

    return Objective(lambda _: {}, apply, f"contrastive loss of given pairs, {options.get('form', 'linear')} form")


def _mined_pairs(
    name: str, options: dict[str, Any], miner_name: str, miner_options: dict[str, Any], classes: int
) -> Objective:
    loss = PAIR_LOSSES[name]
    learned = name == "margin"
    beta = float(options.pop("beta", 1.2)) if learned else math.nan
    learn_beta = bool(options.pop("learn_beta", True)) if learned else False
    per_class = bool(options.pop("beta_per_class", False)) if learned else False
    options = _checked("loss", loss, options, {"beta"})
    mine = MINERS.get(miner_name)
    if mine is not None:
        miner_options = _checked("miner", mine, miner_options, {"key"})
    random = mine is not None and "key" in inspect.signature(mine).parameters

    def init(key: jax.Array) -> PyTree:
        del key
        return {"beta": jnp.full((classes,) if per_class else (), beta)} if learned else {}

    def apply(params: PyTree, embeddings: jax.Array, labels: jax.Array, key: jax.Array) -> tuple[jax.Array, Logs]:
        pairs = compare(embeddings, labels)
        weights = mine(pairs, **miner_options, **({"key": key} if random else {})) if mine else None
        logs = {f"pairs/{key}": value for key, value in miners.statistics(pairs, weights).items()}
        if not learned:
            return loss(pairs, weights, **options), logs
        value = params["beta"] if learn_beta else jax.lax.stop_gradient(params["beta"])
        return loss(pairs, weights, beta=value, **options), logs | {"train/beta": jnp.mean(value)}

    return Objective(init, apply, f"{name} loss, pairs by {miner_name}")
