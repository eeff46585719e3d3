"""An experiment: the parts that training and evaluation share, built from a configuration."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from flax import linen as nn
from jaxtyping import PyTree, UInt8
from ml_collections import ConfigDict

from lfw_jax.augmentation import Augmentation
from lfw_jax.backends.fitting import checked_options
from lfw_jax.data.batches.loading import choose_loader
from lfw_jax.data.batches.sampling import Sampler, build_sampler
from lfw_jax.data.experiment_data import crop_geometry_of
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.inference.embedder import Apply, Embedder, in_inference_mode
from lfw_jax.jobs.run_data import RunData, read_run_data
from lfw_jax.models import build, check_side
from lfw_jax.options import named
from lfw_jax.training.devices import choose_devices
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.objectives.objective import Objective


@dataclasses.dataclass(frozen=True, eq=False)
class Experiment(RunData):
    """A network with its data and its objective. It holds no variables, no optimiser and no state.

    Attributes:
      network: the network, on one device.
      sampler: the choice of training images for each step.
      objective: the training objective.
    """

    network: nn.Module
    sampler: Sampler
    objective: Objective

    @functools.cached_property
    def _apply(self) -> Apply:
        # Cached for a network that cannot be hashed, whose embedders share their compiled program if they share this object.
        return in_inference_mode(self.network)

    def embedder(self, variables: PyTree) -> Embedder:
        """Return the embedder that `config.evaluation` describes.

        Args:
          variables: `params` and `batch_stats` of the network.
        """
        options = self.config.evaluation
        return Embedder(
            self._apply,
            variables,
            self.data.geometry,
            flip=options.flip,
            shift=options.shift,
            batch_size=options.batch_size,
            loader=self.data.loader,
        )

    def first_images(self, count: int) -> tuple[ImageSet, UInt8[np.ndarray, "images stored stored 3"]]:
        """Return the first images of step 0's batch, and their stored squares.

        Args:
          count: the number of images; a smaller batch gives fewer.
        """
        return self.data.decode_training(self.sampler.indices(0)[:count])


def build_experiment(config: ConfigDict, workdir: Path) -> Experiment:
    """Check the configuration, read the data and build the parts that training and evaluation share.

    Args:
      config: the whole configuration.
      workdir: the work directory, which need not exist.

    Raises:
      UserError: the configuration or the data are invalid. Checks that need no data come before the data are read.
    """
    network = checked_network(config)
    devices = choose_devices(config.training.devices, config.sampler.batch_size)
    run_data = read_run_data(config, workdir, devices)
    training = run_data.split.training
    sampler = build_sampler(config.sampler, training.labels, seed=config.seed)
    objective = objective_of(config, classes=len(training.names))
    return Experiment(**vars(run_data), network=network, sampler=sampler, objective=objective)


def checked_network(config: ConfigDict) -> nn.Module:
    """Return the network of a configuration, after all checks that need no data.

    Args:
      config: the whole configuration.

    Raises:
      UserError: a value that no training and no evaluation can use.
    """
    check_values(config)
    if config.backend.name != "none":
        checked_options(*named(config.backend))
    network = build(config.model)
    check_side(network, config.data.side)
    return network


def objective_of(config: ConfigDict, *, classes: int) -> Objective:
    """Return the objective that a configuration describes.

    Args:
      config: the whole configuration.
      classes: the number of training identities.

    Raises:
      UserError: a loss, a miner or an option that is unknown or invalid, or a combination that is.
    """
    return build_objective(
        config.loss,
        config.miner,
        classes=classes,
        embedding_dim=config.model.embedding_dim,
        paired=config.sampler.name == "pairs",
        batch_size=config.sampler.batch_size,
        memory=config.memory.size,
    )


def check_values(config: ConfigDict) -> None:
    """Check the values that are invalid for any data, before the data are read.

    Ranges of numbers are checked earlier, for every job (`lfw_jax.options`).

    Args:
      config: the whole configuration.

    Raises:
      UserError: a value that no training and no evaluation can use.
    """
    crop_geometry_of(config.data)
    choose_loader(config.data.loader)
    Augmentation.from_config(config.augmentation)
    if config.data.context != 1 and not config.data.align:
        raise UserError(
            f"--config.data.context is {config.data.context:g}, but acts on faces aligned by --config.data.align only. "
            "Use --config.data.crop for other images."
        )
    shift, margin = config.evaluation.shift, config.data.margin
    if shift > margin:
        raise UserError(
            f"--config.evaluation.shift is {shift}, more than --config.data.margin {margin}; the shifted crops need that many "
            "pixels around the crop."
        )
    if config.evaluation.checkpoint not in ("best", "last"):
        raise UserError(f"--config.evaluation.checkpoint is '{config.evaluation.checkpoint}'; expected best or last.")
