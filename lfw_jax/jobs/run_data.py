"""The data of a run, which every evaluation needs, of a network, descriptors or fused members."""

import dataclasses
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import UInt8
from ml_collections import ConfigDict

from lfw_jax.data.experiment_data import ExperimentData, crop_geometry_of
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.partition import EvaluationPlan, partition
from lfw_jax.data.protocols.splits import Split
from lfw_jax.data.sources import read_source
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.faces.congealing.model import AlignmentModel
from lfw_jax.faces.undetected import with_undetected
from lfw_jax.inference.representation import DecodedImages, Representation
from lfw_jax.inference.run_embedder import SingleEmbedder
from lfw_jax.inference.scoring import DecodedLists
from lfw_jax.jobs.alignment import MODEL, alignment_engine
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_notes
from lfw_jax.training.devices import Devices


@dataclasses.dataclass(frozen=True, eq=False)
class RunData:
    """The data of a run, and the devices that it uses.

    Attributes:
      config: the configuration.
      data: the split, the evaluation sets and the crop geometry.
      devices: the devices to train on.
      lists: the decoded images of the pair lists.
      alignment: the alignment learned from the training images; None if the images were not aligned, or by a detector.
    """

    config: ConfigDict
    data: ExperimentData
    devices: Devices
    lists: DecodedLists
    alignment: AlignmentModel | None

    @property
    def split(self) -> Split:
        """The training images and the validation, development and test pairs."""
        return self.data.split

    @property
    def evaluation_plan(self) -> EvaluationPlan:
        """The evaluation sets, and the identities excluded from training because of them."""
        return self.data.evaluation_plan

    def write_beginning(self, workdir: Path) -> None:
        """Write what a run settles when it begins: the excluded identities and the learned alignment.

        Args:
          workdir: the work directory.

        Raises:
          UserError: the folder cannot be written.
        """
        self.evaluation_plan.write(workdir)
        if self.alignment is not None:
            self.alignment.save(workdir / MODEL)

    def embedded_by(self, representation: Representation) -> SingleEmbedder:
        """Return what embeds the images of the run by one representation.

        Args:
          representation: the representation.
        """
        return SingleEmbedder(representation, lambda listed: self.decoded(listed.pairs, listed.of))

    def without_sets(self) -> Self:
        """Return the data without evaluation sets and protocols; what they exclude stays excluded."""
        plan = dataclasses.replace(self.evaluation_plan, sets=(), leaking={}, identification=())
        return dataclasses.replace(self, data=dataclasses.replace(self.data, evaluation_plan=plan))

    def decoded(self, pairs: PairList, of: EvaluationSet | None = None) -> DecodedImages:
        """Return the images of a list with their pixels, each once, in the order of `pairs.keys()`.

        Args:
          pairs: a list of the split, or of the evaluation set `of`.
          of: the evaluation set that the list belongs to; None for a list of the split.
        """
        return DecodedImages(self.data.images_of_list(pairs, of), self.pixels(pairs, of))

    def pixels(self, pairs: PairList, of: EvaluationSet | None = None) -> UInt8[np.ndarray, "images stored stored 3"]:
        """Return the stored squares of the images of a list, each once, in the order of `pairs.keys()`.

        Args:
          pairs: a list of the split, or of the evaluation set `of`.
          of: the evaluation set that the list belongs to; None for a list of the split.
        """
        return self.lists.pixels(pairs, of)


def read_run_data(config: ConfigDict, workdir: Path, devices: Devices) -> RunData:
    """Read the source, align it if configured, and split it.

    Args:
      config: the whole configuration.
      workdir: the work directory, which need not exist.
      devices: the devices of the run.

    Raises:
      UserError: the configuration or the data are invalid.
    """
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
    return RunData(config, data, devices, DecodedLists(data.decode_list), engine.model if engine else None)
