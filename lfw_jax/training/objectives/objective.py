"""The objective of training: a loss with its parameters and its state."""

import dataclasses
import inspect
import math
import typing
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jaxtyping import Array, Float, Int, PyTree

from lfw_jax.errors import UserError

Logs = dict[str, jax.Array]
Outcome = tuple[jax.Array, tuple[Logs, PyTree]]
_EXPECTED = {float: "a finite number", int: "a whole number", bool: "True or False", str: "a word"}


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
      UserError: If the function does not have an option, with a list of those that it has, or a value has another type
        than the option.
    """
    parameters = inspect.signature(function).parameters.values()
    known = {p.name: p.annotation for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in given}
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f"--config.{key}.{unknown[0]}: {function.__name__} has no such option; it has {', '.join(sorted(known))}."
        )
    for name, value in options.items():
        check_type(f"{key}.{name}", value, known[name])
    return dict(options)


def check_type(key: str, value: object, annotation: Any) -> None:
    """Check that an option has the type that a signature states.

    Args:
      key: Key of the option, such as "loss.margin".
      value: Value of the user.
      annotation: The type of the parameter; of a union the first of float, int, bool and str counts, and other types are
        not checked.

    Raises:
      UserError: If the value has another type, or is a number that is not finite.
    """
    kinds = [kind for kind in (annotation, *typing.get_args(annotation)) if kind in _EXPECTED]
    if not kinds:
        return
    accepted = (int, float) if kinds[0] is float else kinds[0]
    right = isinstance(value, accepted) and (kinds[0] is bool or not isinstance(value, bool))
    if right and not (isinstance(value, float) and not math.isfinite(value)):
        return
    raise UserError(f"--config.{key} is {value!r}; expected {_EXPECTED[kinds[0]]}.")
