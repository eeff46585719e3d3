"""The objective of training: a loss with its parameters and its state."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jaxtyping import Array, Float, Int, PyTree

from lfw_jax.errors import UserError

Logs = dict[str, jax.Array]
Outcome = tuple[jax.Array, tuple[Logs, PyTree]]


@dataclasses.dataclass(frozen=True)
class Objective:
    """A scalar loss of the embeddings of a global batch.

    Attributes:
      init: Function from a random key to the parameters of the loss itself (prototypes, β); `{}` for a loss without
        any.
      apply: Function from these parameters, the state of the loss, raw embeddings, labels and a random key to the
        loss, the values to log and the state after the batch.
      describe: Description of the objective.
      state: Initial state that the loss carries from batch to batch without learning it (a running scale, a memory of
        embeddings); `{}` for a loss without any.
    """

    init: Callable[[jax.Array], PyTree]
    apply: Callable[[PyTree, PyTree, Float[Array, "batch dim"], Int[Array, "batch"], jax.Array], Outcome]
    describe: str
    state: PyTree = dataclasses.field(default_factory=dict)


def checked(
    key: str, function: Callable[..., Any], options: Mapping[str, Any], *, given: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the options after checking that the function has them all.

    Args:
      key: Group of the configuration, for the message.
      function: Loss, head or miner whose keyword-only arguments are the valid options.
      options: Options of the user.
      given: Arguments that are set by the caller and are not options.

    Returns:
      The options as a new dictionary.

    Raises:
      UserError: If the function does not have an option; the message lists those that it has.
    """
    known = {name for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY}
    known -= set(given)
    if unknown := sorted(set(options) - known):
        raise UserError(
            f"--config.{key}.{unknown[0]}: {function.__name__} has no such option; it has {', '.join(sorted(known))}."
        )
    return dict(options)
