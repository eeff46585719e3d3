"""The objective of training: a loss with its parameters and its state."""

import dataclasses
from collections.abc import Callable

import jax
from jaxtyping import Array, Float, Int, PyTree

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
