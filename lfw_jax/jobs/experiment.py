"""An experiment: the parts that training and evaluation share, built from a configuration."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from flax import linen as nn
from jaxtyping import PyTree, UInt8
from ml_collections import ConfigDict

from lfw_jax.augmentation import Augmentation
from lfw_jax.data.batches.loading import choose_loader
from lfw_jax.data.batches.sampling import Sampler, build_sampler
from lfw_jax.data.experiment_data import ExperimentData, crop_geometry_of
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.partition import EvaluationPlan, partition
from lfw_jax.data.protocols.splits import Split
from lfw_jax.data.sources import read_source
from lfw_jax.errors import UserError
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.faces.congealing.model import AlignmentModel
from lfw_jax.faces.undetected import with_undetected
from lfw_jax.inference.embedder import Apply, Embedder, in_inference_mode
from lfw_jax.inference.scoring import DecodedLists
from lfw_jax.jobs.alignment import alignment_engine
from lfw_jax.models import build, check_side
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_notes
from lfw_jax.training.devices import Devices, choose_devices
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.objectives.objective import Objective


@dataclasses.dataclass(frozen=True, eq=False)
class Experiment:
    """The parts that training and evaluation share. It holds no variables, no optimiser and no state.

    Attributes:
      config: the configuration.
      data: the split, the evaluation sets and the crop geometry.
      network: the network, on one device.
      sampler: the choice of training images for each step.
      objective: the training objective.
      devices: the devices to train on.
      lists: the decoded images of the pair lists.
      alignment: the alignment learned from the training images; None if the images were not aligned, or by a detector.
    """

    config: ConfigDict
    data: ExperimentData
    network: nn.Module
    sampler: Sampler
    objective: Objective
    devices: Devices
    lists: DecodedLists
    alignment: AlignmentModel | None = None

    @property
    def split(self) -> Split:
        """The training images and the validation, development and test pairs."""
        return self.data.split

    @property
    def evaluation_plan(self) -> EvaluationPlan:
        """The evaluation sets, and the identities excluded from training because of them."""
        return self.data.evaluation_plan

    @functools.cached_property
    def _apply(self) -> Apply:
        # Cached, because embedders share their compiled program if they share this object.
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

    def pixels(self, pairs: PairList, of: EvaluationSet | None = None) -> UInt8[np.ndarray, "images stored stored 3"]:
        """Return the decoded images of a list, each once, in the order of `pairs.keys()`.

        Args:
          pairs: a list of the split, or of the evaluation set `of`.
          of: the evaluation set that the list belongs to; None for a list of the split.
        """
        return self.lists.pixels(pairs, of)


def build_experiment(config: ConfigDict, workdir: Path) -> Experiment:
    """Check the configuration, read the data and build the parts that training and evaluation share.

    Args:
      config: the whole configuration.
      workdir: the work directory, which need not exist.

    Raises:
      UserError: the configuration or the data are invalid. Checks that need no data come before the data are read.
    """
    check_values(config)
    devices = choose_devices(config.training.devices, config.sampler.batch_size)
    network = build(config.model)
    check_side(network, config.data.side)
    data, alignment = _read_data(config, workdir)
    training = data.split.training
    sampler = build_sampler(config.sampler, training.labels, seed=config.seed)
    objective = objective_of(config, classes=len(training.names))
    return Experiment(config, data, network, sampler, objective, devices, DecodedLists(data.decode_list), alignment)


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
    shift, margin = config.evaluation.shift, config.data.margin
    if shift > margin:
        raise UserError(
            f"--config.evaluation.shift is {shift}, more than --config.data.margin {margin}; the shifted crops need that many "
            "pixels around the crop."
        )
    if config.evaluation.checkpoint not in ("best", "last"):
        raise UserError(f"--config.evaluation.checkpoint is '{config.evaluation.checkpoint}'; expected best or last.")


def _read_data(config: ConfigDict, workdir: Path) -> tuple[ExperimentData, AlignmentModel | None]:
    """Read the source, align it if configured, and split it: return the data and the learned alignment."""
    geometry = crop_geometry_of(config.data)
    originals, data_dir = read_source(config.data, workdir.parent / "synthetic")
    crop, engine = 1.0, None
    if config.data.align:
        engine = alignment_engine(config, originals, data_dir, workdir)
        images, crop, note = aligned_images(originals, config, stage=stage, engine=engine)
        geometry = dataclasses.replace(geometry, crop=crop)
        print_notes(note)
    else:
        images = with_undetected(originals, data_dir)
    align = (lambda others: aligned_images(others, config, stage=stage, engine=engine)[0]) if engine else None
    split, plan = partition(images, config, data_dir, workdir, align, crop, originals)
    data = ExperimentData(split, plan, geometry, aligned=config.data.align, loader=config.data.loader)
    return data, engine.model if engine else None
