"""The loop of expectation maximisation, for any model."""

from typing import Protocol, Self, TypeVar

import numpy as np
from jaxtyping import Float

ITERATIONS = 100
"""Largest number of EM iterations unless told otherwise."""

TOLERANCE = 1e-2
"""Gain of the log-likelihood per image and iteration, in nats, below which EM ends unless told otherwise."""


class Step(Protocol):
    """The parameters of a model with the log-likelihood of its training vectors."""

    @property
    def log_likelihood(self) -> float:
        """Return the natural log-likelihood."""
        ...

    def next(self) -> Self:
        """Return the step after an E-step and an M-step."""
        ...


S = TypeVar("S", bound=Step)


def maximised(step: S, iterations: int, tolerance: float, vectors: int) -> tuple[S, Float[np.ndarray, "steps"]]:
    """Return the last step of EM, and the log-likelihoods at the start and after each iteration.

    Args:
      step: the start.
      iterations: largest number of iterations.
      tolerance: gain of the log-likelihood per vector below which an iteration is the last.
      vectors: number of vectors.

    Raises:
      ValueError: a negative number of iterations, or a tolerance that is not a number of at least 0.
    """
    if iterations < 0 or not tolerance >= 0:
        raise ValueError(f"expected iterations and a tolerance of at least 0, found {iterations} and {tolerance}")
    log_likelihoods = [step.log_likelihood]
    for _ in range(iterations):
        improved = step.next()
        gain = improved.log_likelihood - step.log_likelihood
        if gain < 0:  # by rounding, at the optimum
            break
        step = improved
        log_likelihoods.append(step.log_likelihood)
        if gain < tolerance * vectors:
            break
    return step, np.array(log_likelihoods)
