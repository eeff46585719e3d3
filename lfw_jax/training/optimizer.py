"""The optimiser and its learning rate by name."""

from collections.abc import Mapping
from typing import Any

import jax
import optax

from lfw_jax.errors import UserError

OPTIMIZERS = ("adam", "adamw")
DECAYS = ("none", "cosine", "linear")
# Weight decay pulls on what multiplies activations, never on biases, normalisation or a loss's β.
_DECAYED = ("kernel", "prototypes")


def build_schedule(config: Mapping[str, Any], *, total_epochs: float, steps_per_epoch: int) -> optax.Schedule:
    """The learning rate of each step: warm-up, then constant, then decay until the last epoch.

    "100 epochs constant, then 20 with a schedule" is `warmup_epochs=0, constant_epochs=100, decay="cosine"` over 120
    epochs; one cycle is `constant_epochs=0` with a warm-up of a third.

    Args:
      config: `learning_rate` (the peak), `warmup_epochs` (a straight line up from 1/25 of it), `constant_epochs`, `decay`
        ("none", "cosine" or "linear", down to `final_fraction` of the peak).
      total_epochs: length of the training.
      steps_per_epoch: steps of an epoch.

    Raises:
      UserError: an unknown decay, or more epochs of warm-up and constant rate than there are.
    """
    peak, decay = config["learning_rate"], config["decay"]
    warm, flat = (round(config[key] * steps_per_epoch) for key in ("warmup_epochs", "constant_epochs"))
    rest = round(total_epochs * steps_per_epoch) - warm - flat
    if decay not in DECAYS:
        raise UserError(f"--config.optimizer.decay is '{decay}'; expected one of {', '.join(DECAYS)}.")
    if rest < 0:
        raise UserError(
            f"--config.optimizer.warmup_epochs {config['warmup_epochs']} and constant_epochs {config['constant_epochs']} "
            f"are more than --config.training.epochs {total_epochs}."
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


def build_optimizer(config: Mapping[str, Any], schedule: optax.Schedule) -> optax.GradientTransformation:
    """Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019, weight decay on kernels alone), with clipping.

    Raises:
      UserError: an unknown optimiser, or weight decay asked of Adam.
    """
    name, decay, clip = config["name"], config["weight_decay"], config["clip_norm"]
    if name not in OPTIMIZERS:
        raise UserError(f"--config.optimizer.name is '{name}'; the known optimisers are {', '.join(OPTIMIZERS)}.")
    if name == "adam" and decay:
        raise UserError(f"--config.optimizer.weight_decay is {decay}, which adam does not have; use adamw.")
    step = optax.adam(schedule) if name == "adam" else optax.adamw(schedule, weight_decay=decay, mask=decayed)
    return optax.chain(optax.clip_by_global_norm(clip), step) if clip else step


def decayed(params: Any) -> Any:
    """Which parameters weight decay acts on: kernels, and the prototypes that are a head's kernel."""

    def is_kernel(path: tuple[Any, ...], _: Any) -> bool:
        return getattr(path[-1], "key", None) in _DECAYED

    return jax.tree_util.tree_map_with_path(is_kernel, params)
