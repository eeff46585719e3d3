"""The card of a model directory: everything about a trained system besides its arrays."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.evaluation.calibration.decision import SavedCalibration
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.faces.congealing.model import CongealingSettings
from lfw_jax.faces.crops import CropSettings
from lfw_jax.faces.saving import FileFormat

SCHEMA = 1
"""Version of the layout of a model directory."""


@dataclasses.dataclass(frozen=True)
class AlignmentCard:
    """The alignment of the images that a system was trained and evaluated on.

    Attributes:
      detector: what found the faces, such as "mtcnn 1.0.0".
      crops: the geometry of the aligned crops.
      file_format: the file format in which the crops were stored, which changes pixels by up to a few grey levels.
      learned: the settings of a learned alignment, whose arrays are `alignment/…`; None for a detector of faces.
    """

    detector: str
    crops: CropSettings
    file_format: FileFormat
    learned: CongealingSettings | None = None


@dataclasses.dataclass(frozen=True)
class SystemCard:
    """The description of a system that embeds images: a network, descriptors, or fused members.

    Attributes:
      model: the `model` part of the configuration: the name of the network or of the descriptors, and its options.
      flip: test-time augmentation: the embedding of the mirror image is added.
      shift: test-time augmentation: offset in pixels of four shifted crops; 0 for none.
      batch_size: images per call of the network in the evaluation.
      geometry: the crop geometry; None for fused members, each of which has its own.
      alignment: the alignment; None for images that were not aligned, or not by this project.
      backend: name of the backend that compares the embeddings; "" for none.
      members: the members of a fused system by name.
      weights: the weight of each member's cosine.
    """

    model: Mapping[str, Any]
    flip: bool
    shift: int
    batch_size: int
    geometry: CropGeometry | None = None
    alignment: AlignmentCard | None = None
    backend: str = ""
    members: Mapping[str, "SystemCard"] = dataclasses.field(default_factory=dict)
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class TrainingCard:
    """The training data and the training of a system.

    Attributes:
      source: the kind of data source, such as "folder" or "lfw".
      protocol: the protocol of the split, such as "view1".
      identities: number of training identities.
      images: number of training images.
      held_out_identities: number of identities that were left out for thresholds and calibration.
      excluded_identities: number of identities that were excluded because they are evaluated.
      category: LFW's category of the result; "" for data other than LFW.
      objective: what was fitted, in words.
      minutes: duration of the training.
    """

    source: str
    protocol: str
    identities: int
    images: int
    held_out_identities: int
    excluded_identities: int
    category: str
    objective: str
    minutes: float


@dataclasses.dataclass(frozen=True)
class TestCard:
    """The accuracy on identities that were neither trained on nor used for any choice.

    Attributes:
      list: name of the test pairs.
      pairs: their number.
      accuracy: accuracy at a threshold that was chosen elsewhere.
      interval: its 95 % interval.
      chosen_on: the pairs on which that threshold was chosen.
      auc: area under the ROC curve.
    """

    list: str
    pairs: int
    accuracy: float
    interval: tuple[float, float]
    chosen_on: str
    auc: float


@dataclasses.dataclass(frozen=True)
class DistanceHistogram:
    """The distances of the test pairs.

    Attributes:
      edges: edges of the bins, rising.
      same: number of pairs of one identity in each bin.
      different: number of pairs of two identities in each bin.
    """

    edges: tuple[float, ...]
    same: tuple[int, ...]
    different: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """The content of `card.json`.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      name: name of the configuration.
      system: what maps images to embeddings.
      calibration: the calibration of distances and the thresholds for a few false match rates, with their intervals.
      curve: thresholds by falling false match rate, with the error rates of test images.
      histogram: the distances of the test pairs.
      training: what the system was trained on.
      test: the accuracy on unseen identities.
      licence: what is known about the terms of the training data.
      limits: what the system must not be used for, and what its figures do not say; one sentence each.
      seed: seed of the training.
      command: command line of the training.
      versions: the versions of Python and of the packages that trained it.
      sha256: SHA-256 of the file of the arrays, in hexadecimal digits.
    """

    schema: int
    name: str
    system: SystemCard
    calibration: SavedCalibration
    curve: tuple[OperatingPoint, ...]
    histogram: DistanceHistogram
    training: TrainingCard
    test: TestCard
    licence: str
    limits: tuple[str, ...]
    seed: int
    command: str
    versions: Mapping[str, str]
    sha256: str = ""
