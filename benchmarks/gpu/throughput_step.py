"""The training step that the benchmarks time, built as training builds it."""

from collections.abc import Mapping
from typing import Any

import jax

from lfw_jax.augmentation import Augmentation
from lfw_jax.models import build
from lfw_jax.training.devices import AXIS
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.optimizer import build_optimizer, build_schedule
from lfw_jax.training.state import State, init_state
from lfw_jax.training.step import Step, make_step

CLASSES = 4038  # the identities of LFW's View 1 training set


def build_step(model: Mapping[str, Any], *, side: int, classes: int = CLASSES) -> tuple[State, Step]:
    """Return an initial state and the per-device step with normalised softmax, Adam and mirroring.

    Args:
      model: The group `model` of a configuration.
      side: Side of the square network input, in pixels.
      classes: Number of identities.
    """
    options = dict(
        name="adam", learning_rate=1e-3, weight_decay=0.0, clip_norm=0.0, warmup_epochs=0, constant_epochs=0,
        decay="none", final_fraction=0.0,
    )  # fmt: skip
    optimizer = build_optimizer(options, build_schedule(options, total_epochs=1, steps_per_epoch=1))
    objective = build_objective(
        dict(name="normalized_softmax", scale=16.0),
        dict(name="none"),
        classes=classes,
        embedding_dim=model["embedding_dim"],
        paired=False,
    )
    state = init_state(jax.random.key(0), build(model), objective, optimizer, side=side)
    network = build(model, axis_name=AXIS)
    return state, make_step(network, objective, optimizer, Augmentation(flip=0.5), side=side, seed=0)
