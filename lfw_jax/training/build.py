"""Construction of a training from its configuration: optimiser, initial state, step, intervals, feed."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
from ml_collections import ConfigDict

from lfw_jax.augmentation import Augmentation
from lfw_jax.data.batches.sampling import Sampler
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.models import build
from lfw_jax.training.devices import AXIS, Devices
from lfw_jax.training.feed import Feed, storage_of
from lfw_jax.training.loop import Intervals
from lfw_jax.training.objectives.objective import Objective
from lfw_jax.training.optimizer import build_optimizer, build_schedule
from lfw_jax.training.resident import ResidentStep
from lfw_jax.training.state import State, init_state
from lfw_jax.training.step import Step, make_step


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """The parts that only training needs, besides the data and the network.

    Attributes:
      state: the initial state.
      step: the per-device step, in the form that accepts the batches of `feed`.
      feed: the source of the batches.
      schedule: the learning rate as a function of the step.
      intervals: the steps at which to log, evaluate, save and end.
      devices: the devices to train on.
    """

    state: State
    step: Step | ResidentStep
    feed: Feed
    schedule: Callable[[int], Any]
    intervals: Intervals
    devices: Devices


def build_training(
    config: ConfigDict,
    images: ImageSet,
    geometry: CropGeometry,
    *,
    sampler: Sampler,
    objective: Objective,
    devices: Devices,
) -> Training:
    """Build the parts of a training. Nothing is decoded or written.

    Args:
      config: the whole configuration.
      images: the training set.
      geometry: the crop of each image and its size in pixels.
      sampler: the choice of images for each step.
      objective: the training objective.
      devices: the devices to train on.

    Raises:
      UserError: an unknown optimiser or augmentation, a value outside its range, or a resident training set
        that does not fit into memory.
    """
    data, side = config.data, geometry.side
    feed = Feed(
        images,
        sampler.indices,
        geometry,
        devices,
        storage=storage_of(keep_decoded=data.keep_decoded, resident=data.resident),
        loader=data.loader,
    )
    schedule = build_schedule(
        config.optimizer, total_epochs=config.training.epochs, steps_per_epoch=sampler.steps_per_epoch
    )
    optimizer = build_optimizer(config.optimizer, schedule)
    network, mapped_network = build(config.model), build(config.model, axis_name=AXIS)
    augmentation = Augmentation.from_config(config.augmentation)
    step = make_step(mapped_network, objective, optimizer, augmentation, side=side, seed=config.seed)
    return Training(
        state=init_state(jax.random.key(config.seed), network, objective, optimizer, side=side),
        step=feed.adapt(step),
        feed=feed,
        schedule=schedule,
        intervals=_intervals(config, sampler.steps_per_epoch),
        devices=devices,
    )


def total_steps(config: Any, steps_per_epoch: int) -> int:
    """Return the step at which training ends.

    Args:
      config: the whole configuration.
      steps_per_epoch: steps per epoch of the sampler.
    """
    return max(1, round(config.training.epochs * steps_per_epoch))


def _intervals(config: Any, steps_per_epoch: int) -> Intervals:
    def steps(epochs: float) -> int:
        return max(1, round(epochs * steps_per_epoch))

    checkpoint_every_epochs = config.training.checkpoint_every_epochs
    return Intervals(
        total=total_steps(config, steps_per_epoch),
        log_every=config.training.log_every,
        evaluate_every=steps(config.evaluation.every_epochs),
        checkpoint_every=steps(checkpoint_every_epochs) if checkpoint_every_epochs else 0,
        seconds=60 * config.training.max_minutes,
    )
