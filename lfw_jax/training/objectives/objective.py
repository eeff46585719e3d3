"""What is minimised: a loss with what it learns and what it keeps."""

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
    """A scalar of the embeddings of a global batch.

    Attributes:
      init: from a key to the parameters that the loss itself learns (prototypes, β); `{}` where it learns none.
      apply: from those parameters, the loss's state, raw embeddings, labels and a key to the loss, what training logs and
        the state after the batch.
      describe: the objective in words.
      state: what the loss keeps from batch to batch without learning it (a running scale, a memory of embeddings), as it
        is at first; `{}` where it keeps nothing.
    """

    init: Callable[[jax.Array], PyTree]
    apply: Callable[[PyTree, PyTree, Float[Array, "batch dim"], Int[Array, "batch"], jax.Array], Outcome]
    describe: str
    state: PyTree = dataclasses.field(default_factory=dict)


def checked(
    key: str, function: Callable[..., Any], options: Mapping[str, Any], *, given: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The options, if the function has them all; `given` are those that are set for the user.

    Raises:
      UserError: an option that the function does not have, with those that it has.
    """
    known = {name for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY}
    known -= set(given)
    if unknown := sorted(set(options) - known):
        raise UserError(
            f"--config.{key}.{unknown[0]}: {function.__name__} has no such option; it has {', '.join(sorted(known))}."
        )
    return dict(options)
