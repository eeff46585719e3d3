"""The training loop, with callbacks that log, evaluate and save."""

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from lfw_jax.errors import UserError
from lfw_jax.training.devices import Devices, on_each, replicate, spread, unreplicate
from lfw_jax.training.state import State

Batch = tuple[Any, ...]
"""The arguments of a step besides the state: images and labels, `[batch, …]`, or arrays already on devices."""


@dataclasses.dataclass(frozen=True)
class Intervals:
    """The steps at which a run logs, evaluates, saves and ends.

    Attributes:
      total: the step at which training ends.
      log_every: steps between two logs.
      evaluate_every: steps between two evaluations.
      checkpoint_every: steps between two checkpoints; 0 for one after each evaluation.
      seconds: time limit after which training pauses; another run can resume it. 0 for no limit.
      interrupted: called after each step; true to save the state and end there. Nothing is evaluated or logged for it, so
        that a run that resumes from there equals one without interruption.
    """

    total: int
    log_every: int
    evaluate_every: int
    checkpoint_every: int = 0
    seconds: float = 0.0
    interrupted: Callable[[], bool] = lambda: False


class DivergenceError(UserError):
    """The training diverged: its loss or parameters are infinite or NaN."""


def train(
    state: State,
    step: Callable[..., Any],
    batches: Iterator[Batch],
    *,
    intervals: Intervals,
    devices: Devices,
    log: Callable[[int, dict[str, float]], None],
    evaluate: Callable[[State], None],
    checkpoint: Callable[[State], None],
) -> State:
    """Train from a state up to step `intervals.total`.

    When training is complete or pauses, the state is logged, evaluated and saved. A state that is not finite is never saved.

    Args:
      state: the initial state; `batches` must begin with the batch of its step.
      step: the per-device step: a function from a state and a batch to the next state and logs.
      batches: the batch of each step, in order; host arrays are split into one slice per device.
      intervals: the steps at which to log, evaluate, save and end.
      devices: the devices to train on.
      log: called with the number of steps taken and the logs of the last one.
      evaluate: called with the state, before `checkpoint` if both are due.
      checkpoint: called with the state.

    Returns:
      The last state.

    Raises:
      DivergenceError: the loss, the norm of its gradient, or a parameter that is to be evaluated or saved, is no longer
        finite.
    """
    started = time.monotonic()
    mapped, copies, done = on_each(step, devices), replicate(state, devices), int(state.step)
    closed = done  # the latest step that was both evaluated and saved
    for batch in itertools.islice(batches, max(0, intervals.total - done)):
        copies, logs = mapped(copies, *spread(batch, devices))
        done += 1
        paused, interrupted = 0 < intervals.seconds < time.monotonic() - started, intervals.interrupted()
        ends = paused or done == intervals.total
        evaluated = ends or done % intervals.evaluate_every == 0
        due = done % intervals.checkpoint_every == 0 if intervals.checkpoint_every else evaluated
        saved = ends or interrupted or due
        logged = ends or done % intervals.log_every == 0
        if logged or evaluated or saved:
            values = _finite(logs, done)  # before a checkpoint replaces the last good one
            if logged:
                log(done, values)
        if evaluated or saved:
            state = unreplicate(copies)
            _check_finite(state, done)
            if evaluated:
                evaluate(state)
            if saved:
                checkpoint(state)
            closed = done if interrupted or (evaluated and saved) else closed
        if paused or interrupted:
            break
    state = unreplicate(copies)
    if closed != done:
        evaluate(state)
        checkpoint(state)
    return state


def _finite(logs: Any, done: int) -> dict[str, float]:
    """Return the logs of a step as numbers. Raises DivergenceError if the loss or its gradient is not finite."""
    values = {name: float(value) for name, value in unreplicate(logs).items()}
    for key, name in (("train/loss", "the loss"), ("train/gradient_norm", "the norm of the gradient")):
        if not math.isfinite(values[key]):
            raise _divergence(f"{name} became {values[key]}", done)
    return values


def _check_finite(state: State, done: int) -> None:
    """Raise DivergenceError if the last update gave parameters or statistics that are not finite, after a finite loss."""
    for path, leaf in jax.tree_util.tree_leaves_with_path((state.params, state.batch_stats)):
        if not np.isfinite(leaf).all():
            name = jax.tree_util.keystr(path[1:], simple=True, separator=".")
            raise _divergence(f"the parameter {name} became NaN or infinite", done)


def _divergence(what: str, done: int) -> DivergenceError:
    return DivergenceError(
        f"{what} at step {done}. Try a lower --config.optimizer.learning_rate, --config.optimizer.clip_norm=1 or "
        "--config.model.dtype=float32."
    )
