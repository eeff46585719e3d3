"""Optimisers and learning rate schedules by name."""

from collections.abc import Mapping
from typing import Any

import jax
import optax

from lfw_jax.errors import UserError

OPTIMIZERS = ("adam", "adamw")
DECAYS = ("none", "cosine", "linear")
# Weight decay acts on factors of activations, not on biases, normalisation or the β of a loss.
_DECAYED = ("kernel", "prototypes")


def build_schedule(config: Mapping[str, Any], *, total_epochs: float, steps_per_epoch: int) -> optax.Schedule:
    """Return the learning rate schedule: warm-up, constant rate, then decay until the last epoch.

    "100 epochs constant, then 20 with a schedule" is `warmup_epochs=0, constant_epochs=100, decay="cosine"` over 120
    epochs; one cycle is `constant_epochs=0` with a warm-up of a third.

    Args:
      config: The group `optimizer`: `learning_rate` (the peak), `warmup_epochs` (a linear increase from 1/25 of the
        peak), `constant_epochs`, `decay` ("none", "cosine" or "linear") and `final_fraction` (the rate at the end, as
        a fraction of the peak).
      total_epochs: Length of the training in epochs.
      steps_per_epoch: Number of steps in an epoch.

    Returns:
      The learning rate as a function of the step.

    Raises:
      UserError: If the decay is unknown, or warm-up and constant rate take more epochs than there are.

    Example:
      >>> config = dict(learning_rate=1.0, warmup_epochs=1, constant_epochs=1, decay="linear", final_fraction=0.0)
      >>> rate = build_schedule(config, total_epochs=4, steps_per_epoch=10)
      >>> [round(float(rate(step)), 2) for step in (0, 10, 20, 30, 40)]
      [0.04, 1.0, 1.0, 0.5, 0.0]
    """
    peak, decay = config["learning_rate"], config["decay"]
    warm, flat = (round(config[key] * steps_per_epoch) for key in ("warmup_epochs", "constant_epochs"))
    rest = round(total_epochs * steps_per_epoch) - warm - flat
    if decay not in DECAYS:
        raise UserError(f"--config.optimizer.decay is '{decay}'; expected one of {', '.join(DECAYS)}.")
    if rest < 0:
        raise UserError(
            f"--config.optimizer.warmup_epochs {config['warmup_epochs']} and constant_epochs {config['constant_epochs']} "
            f"take more than --config.training.epochs {total_epochs}; reduce one of them."
        )
    final = peak * config["final_fraction"]
    if decay == "none" or rest == 0:
        last = optax.constant_schedule(peak)
    elif decay == "cosine":
        last = optax.cosine_decay_schedule(peak, rest, config["final_fraction"])
    else:
        last = optax.linear_schedule(peak, final, rest)
    parts = [optax.linear_schedule(peak / 25, peak, max(warm, 1)), optax.constant_schedule(peak), last]
    return optax.join_schedules(parts, [warm, warm + flat])


def depends_on_length(config: Mapping[str, Any], *, step: int, steps_per_epoch: int) -> bool:
    """Return true if the learning rate of the steps before `step` depends on the number of epochs.

    Args:
      config: The group `optimizer`.
      step: Number of steps taken.
      steps_per_epoch: Number of steps in an epoch.
    """
    before_decay = sum(round(config[key] * steps_per_epoch) for key in ("warmup_epochs", "constant_epochs"))
    return config["decay"] != "none" and step > before_decay


def build_optimizer(config: Mapping[str, Any], schedule: optax.Schedule) -> optax.GradientTransformation:
    """Return Adam or AdamW, with optional clipping of the gradient norm.

    Sources: Kingma and Ba 2015 (arXiv:1412.6980); Loshchilov and Hutter 2019 (arXiv:1711.05101).

    Args:
      config: The group `optimizer`: `name` ("adam" or "adamw"), `weight_decay` (of kernels and prototypes, AdamW
        only) and `clip_norm` (maximum global norm of the gradient; 0 disables clipping).
      schedule: Learning rate as a function of the step.

    Returns:
      The optimiser.

    Raises:
      UserError: If the optimiser is unknown, or Adam is combined with weight decay.
    """
    name, decay, clip = config["name"], config["weight_decay"], config["clip_norm"]
    if name not in OPTIMIZERS:
        raise UserError(f"--config.optimizer.name is '{name}'; the known optimisers are {', '.join(OPTIMIZERS)}.")
    if name == "adam" and decay:
        raise UserError(f"--config.optimizer.weight_decay is {decay}, which adam does not have; use adamw.")
    step = optax.adam(schedule) if name == "adam" else optax.adamw(schedule, weight_decay=decay, mask=decayed)
    return optax.chain(optax.clip_by_global_norm(clip), step) if clip else step


def decayed(params: Any) -> Any:
    """Return the mask of parameters with weight decay: kernels, and prototypes as the kernel of a head."""

    def is_kernel(path: tuple[Any, ...], _: Any) -> bool:
        return getattr(path[-1], "key", None) in _DECAYED

    return jax.tree_util.tree_map_with_path(is_kernel, params)
