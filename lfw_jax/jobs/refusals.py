"""The reasons for which a training would be refused, without beginning one."""

from collections.abc import Callable
from typing import TypeVar

import jax
import optax
from ml_collections import ConfigDict

from lfw_jax.data.batches.sampling import Sampler
from lfw_jax.data.experiment_data import crop_geometry_of
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.faces.configured_descriptors import KINDS
from lfw_jax.jobs.descriptor_run import check_descriptors
from lfw_jax.jobs.experiment import check_values, objective_of
from lfw_jax.jobs.member_training import checked_members
from lfw_jax.models import build, check_side
from lfw_jax.training.build import build_training
from lfw_jax.training.devices import choose_devices
from lfw_jax.training.optimizer import build_optimizer, build_schedule

Result = TypeVar("Result")

_WITHOUT_STEPS = {"members": checked_members} | dict.fromkeys(KINDS, check_descriptors)


def refusals(config: ConfigDict, training: ImageSet, sampler: Sampler | None) -> list[str]:
    """Return the errors that a training on these images would end with before its first step.

    Everything besides data and sampler is built as for a training, but nothing is computed, decoded or written.

    Args:
      config: the whole configuration.
      training: the training images.
      sampler: the sampler of the training; None if it was refused itself.

    Returns:
      Each error once; empty if the training can begin.
    """
    found: list[str] = []

    def attempt(make: Callable[[], Result]) -> Result | None:
        try:
            return make()
        except UserError as error:
            found.append(str(error))
            return None

    if check := _WITHOUT_STEPS.get(config.model.name):
        attempt(lambda: check(config))
        return found
    attempt(lambda: check_values(config))
    devices = attempt(lambda: choose_devices(config.training.devices, config.sampler.batch_size))
    attempt(lambda: check_side(build(config.model), config.data.side))
    objective = attempt(lambda: objective_of(config, classes=len(training.names)))
    steps, epochs = sampler.steps_per_epoch if sampler else 1, config.training.epochs
    schedule = attempt(lambda: build_schedule(config.optimizer, total_epochs=epochs, steps_per_epoch=steps))
    attempt(lambda: build_optimizer(config.optimizer, schedule or optax.constant_schedule(0.0)))
    if sampler and devices and objective and not found:
        geometry = crop_geometry_of(config.data)
        parts = {"sampler": sampler, "objective": objective, "devices": devices}
        # Traced only: the parameters get their shapes, not their values.
        attempt(lambda: jax.eval_shape(lambda: build_training(config, training, geometry, **parts).state))
    return list(dict.fromkeys(found))
