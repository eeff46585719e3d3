"""The data of an experiment: its split, its evaluation sets, and the crop of every image."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import UInt8

from lfw_jax.data.batches.loading import decode_all
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.partition import EvaluationPlan
from lfw_jax.data.protocols.splits import Split
from lfw_jax.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class ExperimentData:
    """Everything that an experiment reads, and how its images become the input of a network.

    Attributes:
      split: the training images and the validation, development and test pairs.
      evaluation_plan: the evaluation sets, and what was excluded from training because of them.
      geometry: the crop of an image and its size in pixels.
      aligned: true if the images were aligned here; those of external, already aligned lists were not.
      loader: the loader that decodes images, one of `lfw_jax.data.batches.loading.LOADERS`.
    """

    split: Split
    evaluation_plan: EvaluationPlan
    geometry: CropGeometry
    aligned: bool = False
    loader: str = "auto"

    def decode_training(self, indices: np.ndarray) -> tuple[ImageSet, UInt8[np.ndarray, "images stored stored 3"]]:
        """Return some training images and their stored squares.

        Args:
          indices: the indices of the images in the training set.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        images = self.split.training.where(indices)
        return images, decode_all(images, self.geometry, loader=self.loader)

    def images_of_list(self, pairs: PairList, of: EvaluationSet | None = None) -> ImageSet:
        """Return the images of a pair list, each once, in the order of `pairs.keys()`.

        Args:
          pairs: a list of the split, or of the evaluation set `of`.
          of: the evaluation set that the list belongs to; None for a list of the split.
        """
        return (of.images if of else self.split.images_of(pairs)).of_keys(pairs.keys())

    def decode_list(
        self, pairs: PairList, of: EvaluationSet | None = None
    ) -> UInt8[np.ndarray, "images stored stored 3"]:
        """Decode every image of a pair list once.

        Args:
          pairs: a list of the split, or of the evaluation set `of`.
          of: the evaluation set that the list belongs to; None for a list of the split.

        Returns:
          The stored squares, in the order of `pairs.keys()`.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        images = self.images_of_list(pairs, of)
        aligned_elsewhere = of.aligned if of else pairs in self.split.aligned
        geometry = self.geometry
        if self.aligned and aligned_elsewhere:  # such images have no margin: the network receives all of them
            geometry = CropGeometry(geometry.side, margin=geometry.margin)
        return decode_all(images, geometry, loader=self.loader)


def crop_geometry_of(data: Mapping[str, Any]) -> CropGeometry:
    """Return the crop geometry that `config.data` describes.

    Args:
      data: the `data` part of a configuration: `side`, `crop` and `margin`.

    Raises:
      UserError: a value outside its range.
    """
    side, crop, margin = data["side"], data["crop"], data["margin"]
    if side < 8 or margin < 0 or not 0 < crop <= 1:
        raise UserError(
            f"--config.data: side {side}, crop {crop:g} and margin {margin}: expected a side of at least 8 "
            "pixels, a crop above 0 and up to 1, and a margin of 0 or more."
        )
    return CropGeometry(side, crop, margin)
