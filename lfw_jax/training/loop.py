"""From one step to the last: batches in, states and logs out. What is done with them is the caller's."""

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from lfw_jax.errors import UserError
from lfw_jax.training.devices import Devices, on_each, replicate, spread, unreplicate
from lfw_jax.training.state import State

Batch = tuple[Any, ...]
"""What a step takes besides the state: images and labels, `[batch, …]`, or what is on the devices already."""


@dataclasses.dataclass(frozen=True)
class Intervals:
    """When a run stops to log and to look, all in steps.

    Attributes:
      total: the step at which training ends.
      log_every: steps between two logs.
      evaluate_every: steps between two evaluations, each followed by a checkpoint.
      seconds: time after which training pauses, to be resumed by another run; 0 for none.
    """

    total: int
    log_every: int
    evaluate_every: int
    seconds: float = 0.0


def train(
    state: State,
    step: Callable[..., Any],
    batches: Iterator[Batch],
    *,
    intervals: Intervals,
    devices: Devices,
    log: Callable[[int, dict[str, float]], None],
    evaluate: Callable[[State], None],
) -> State:
    """Take steps until `intervals.total`, from wherever `state` is.

    Args:
      state: where to begin; `batches` must begin with the batch of that step.
      step: the per-device step: from a state and a batch to a state and logs.
      batches: of each step, in order; arrays of the host are cut into a slice for each device.
      intervals: when to log, evaluate and stop.
      devices: what to run on.
      log: called with the number of steps taken and what the last step reported.
      evaluate: called with the state every `intervals.evaluate_every` steps, and at the end.

    Returns:
      The last state. `evaluate` has seen it.

    Raises:
      UserError: the loss or the norm of its gradient is no longer a finite number.
    """
    started = time.monotonic()
    mapped, copies, done = on_each(step, devices), replicate(state, devices), int(state.step)
    seen = done
    for batch in itertools.islice(batches, max(0, intervals.total - done)):
        copies, logs = mapped(copies, *spread(batch, devices))
        done += 1
        paused = intervals.seconds and time.monotonic() - started > intervals.seconds
        logging = done % intervals.log_every == 0 or done == intervals.total or paused
        evaluating = done % intervals.evaluate_every == 0 or done == intervals.total or paused
        if logging or evaluating:  # before a checkpoint replaces the last good one
            values = {name: float(value) for name, value in unreplicate(logs).items()}
            _check_finite(done, values)
            if logging:
                log(done, values)
        if evaluating:
            evaluate(unreplicate(copies))
            seen = done
        if paused:
            break
    state = unreplicate(copies)
    if seen != done:
        evaluate(state)
    return state


def _check_finite(step: int, values: dict[str, float]) -> None:
    """Raise a UserError unless the loss and the norm of its gradient are finite."""
    for key, what in (("train/loss", "the loss"), ("train/gradient_norm", "the norm of the gradient")):
        if not math.isfinite(values[key]):
            raise UserError(
                f"{what} became {values[key]} at step {step}. The last good checkpoint is kept. Try a lower "
                "--config.optimizer.learning_rate, --config.optimizer.clip_norm=1 or --config.model.dtype=float32."
            )
