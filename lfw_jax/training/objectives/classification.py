"""Classification objectives: the heads of `lfw_jax.metric` by name, with prototypes per identity."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from lfw_jax.errors import UserError
from lfw_jax.metric import heads
from lfw_jax.options import check_type, checked
from lfw_jax.training.objectives.objective import Logs, Objective, Outcome

State = Mapping[str, jax.Array]
_FEWEST_FOR_ADACOS = 3  # with two, the scale √2·ln(C − 1) is 0


class Head(NamedTuple):
    """A head with the data that training needs.

    Attributes:
      loss: The loss function.
      centers: Default number of prototypes per identity; 0 for a single one without an axis of its own.
      begin: Function from the number of identities to the initial state, keyword arguments of `loss`; None for a head
        without state.
      advance: Function from embeddings, labels, prototypes and state to the next state.
    """

    loss: Callable[..., jax.Array]
    centers: int = 0
    begin: Callable[[int], dict[str, float]] | None = None
    advance: Callable[[jax.Array, jax.Array, jax.Array, State], State] | None = None


def _next_scale(embeddings: jax.Array, labels: jax.Array, prototypes: jax.Array, state: State) -> State:
    return {"scale": heads.adacos_next_scale(embeddings, labels, prototypes, state["scale"])}


def _next_t(embeddings: jax.Array, labels: jax.Array, prototypes: jax.Array, state: State) -> State:
    return {"t": heads.curricularface_next_t(embeddings, labels, prototypes, state["t"])}


def _next_norms(embeddings: jax.Array, labels: jax.Array, prototypes: jax.Array, state: State) -> State:
    del labels, prototypes
    mean, std = heads.adaface_next_statistics(embeddings, state["norm_mean"], state["norm_std"])
    return {"norm_mean": mean, "norm_std": std}


HEADS = {
    "softmax": Head(heads.softmax),
    "normalized_softmax": Head(heads.normalized_softmax),
    "sphereface": Head(heads.sphereface),
    "cosface": Head(heads.cosface),
    "arcface": Head(heads.arcface),
    "combined_margin": Head(heads.combined_margin),
    "subcenter_arcface": Head(heads.subcenter_arcface, centers=3),
    "adacos": Head(heads.adacos, begin=lambda classes: {"scale": heads.adacos_scale(classes)}, advance=_next_scale),
    "curricularface": Head(heads.curricularface, begin=lambda _: {"t": 0.0}, advance=_next_t),
    "magface": Head(heads.magface),
    "adaface": Head(heads.adaface, begin=lambda _: {"norm_mean": 20.0, "norm_std": 100.0}, advance=_next_norms),
    "proxy_anchor": Head(heads.proxy_anchor),
    "soft_triple": Head(heads.soft_triple, centers=10),
}


def classification(name: str, options: dict[str, Any], classes: int, embedding_dim: int) -> Objective:
    """Return the objective of a head, with its prototypes.

    Args:
      name: One of `HEADS`.
      options: Options of that head. In addition, `scale` may be "adacos", `centers` is the number of prototypes per
        identity of a head with several, and `dynamic` selects the AdaCos scale that follows the batch.
      classes: Number of training identities.
      embedding_dim: Length of an embedding.

    Returns:
      The objective.

    Raises:
      UserError: If the head does not have an option, or `scale` or `centers` is invalid.
    """
    head, options = HEADS[name], dict(options)
    centers = options.pop("centers", head.centers) if head.centers else 0
    check_type("loss.centers", centers, int)
    if head.centers and centers < 1:
        raise UserError(f"--config.loss.centers is {centers}; expected at least 1.")
    if name == "adacos":
        dynamic = options.pop("dynamic", True)
        check_type("loss.dynamic", dynamic, bool)
        head = head if dynamic else Head(heads.adacos)
        if classes < _FEWEST_FOR_ADACOS:
            raise UserError(
                f"--config.loss.name is adacos, which needs at least {_FEWEST_FOR_ADACOS} training identities, but there are "
                f"{classes}. Add identities, or use --config.loss.name=cosface with a scale."
            )
    begin = {key: jnp.float32(value) for key, value in head.begin(classes).items()} if head.begin else {}
    if "scale" in options:
        options["scale"] = scale_of(options["scale"], classes)
    options = checked("loss", head.loss, options, given=("bias", *begin))
    shape = (classes, centers, embedding_dim) if centers else (classes, embedding_dim)

    def init(key: jax.Array) -> PyTree:
        bias = {"bias": jnp.zeros(classes)} if name == "softmax" else {}
        return {"prototypes": 0.01 * jax.random.normal(key, shape), **bias}

    def apply(params: PyTree, state: PyTree, embeddings: jax.Array, labels: jax.Array, key: jax.Array) -> Outcome:
        del key
        prototypes = params["prototypes"]
        if head.advance:
            state = head.advance(embeddings, labels, prototypes, state)
        logs: Logs = {"train/accuracy": jnp.mean(_nearest(params, embeddings) == labels)}
        logs |= {f"train/{name}": value for name, value in state.items()}
        bias = {"bias": params["bias"]} if "bias" in params else {}
        return head.loss(embeddings, labels, prototypes, **bias, **options, **state), (logs, state)

    words = [f"{key} {value:.4g}" for key, value in options.items() if isinstance(value, (int, float))]
    words += [f"{centers} prototypes per identity"] if centers else []
    return Objective(init, apply, ", ".join([f"{name} over {classes} identities", *words]), begin)


def _nearest(params: PyTree, embeddings: Float[Array, "batch dim"]) -> jax.Array:
    """Return the predicted identity of each embedding."""
    params, embeddings = jax.lax.stop_gradient((params, embeddings))
    prototypes = params["prototypes"]
    if "bias" in params:
        return jnp.argmax(embeddings @ prototypes.T + params["bias"], axis=1)
    found = heads.cosines(embeddings, prototypes.reshape(-1, prototypes.shape[-1]))
    return jnp.argmax(found.reshape(len(embeddings), len(prototypes), -1).max(axis=2), axis=1)


def scale_of(scale: float | str, classes: int) -> float:
    """Return the scale as a number.

    Args:
      scale: A number, "adacos" for √2·ln(C − 1), or a multiple of that such as "1.5*adacos".
      classes: Number of training identities C.

    Returns:
      The scale.

    Raises:
      UserError: If `scale` is anything else, or there are too few identities for AdaCos.
    """
    if not isinstance(scale, str):
        check_type("loss.scale", scale, float)
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
