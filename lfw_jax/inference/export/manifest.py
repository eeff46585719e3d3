"""The description of an exported model: what to feed it, what it returns, and how to use that."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.faces.alignment import template
from lfw_jax.faces.crops import CropSettings
from lfw_jax.inference.export.exportable import Exportable
from lfw_jax.inference.model.card import AlignmentCard
from lfw_jax.typed_json import to_json

SCHEMA = 1
"""Version of the layout of a manifest."""

INPUT, OUTPUT = "squares", "embeddings"
"""Names of the input and of the output of an exported model."""

_POINTS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")


@dataclasses.dataclass(frozen=True)
class TensorDescription:
    """The input or the output of an exported model.

    Attributes:
      name: its name.
      dtype: its type.
      shape: its shape: numbers, and the text "batch" for the batch, which may have any size.
      meaning: its content, in words.
    """

    name: str
    dtype: str
    shape: tuple[Any, ...]
    meaning: str


@dataclasses.dataclass(frozen=True)
class InputGeometry:
    """The position of a face in the input.

    Attributes:
      crop: the crop geometry: how an aligned crop becomes the input.
      alignment: the alignment of the training; None for images that were not aligned.
      points: x and y of the five points of the alignment's template in the input, in pixels, the centre of the first pixel being
        (0, 0) and left being the viewer's; empty without an alignment.
    """

    crop: CropGeometry
    alignment: AlignmentCard | None
    points: Mapping[str, tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Difference:
    """The difference between an exported model and JAX on some faces.

    Attributes:
      faces: number of faces.
      source: the faces, in words.
      largest: largest difference of an entry of a unit embedding.
    """

    faces: int
    source: str
    largest: float


@dataclasses.dataclass(frozen=True)
class Latency:
    """The time of a call of onnxruntime on this machine, in float32 and in int8.

    Attributes:
      batch: number of faces in the call.
      float_milliseconds: the median in float32.
      int8_milliseconds: the median in int8.
      rounds: number of calls of each, which alternate.
    """

    batch: int
    float_milliseconds: float
    int8_milliseconds: float
    rounds: int


@dataclasses.dataclass(frozen=True)
class Quantisation:
    """The quantisation of a model to int8, and its effect on faces that it was not calibrated on.

    Attributes:
      calibration_faces: number of faces that the ranges of activations were measured on.
      measured_faces: number of other faces that the differences are those of.
      source: the faces, in words.
      weights: type of the weights.
      activations: type of the activations.
      float_nodes: the layers with weights that were left in float32.
      smallest_cosine: smallest cosine of the embeddings of one face in int8 and in float32.
      mean_cosine: mean of these cosines.
      largest_distance_change: largest change of the distance of two faces.
      mean_distance_change: mean change of these distances, without their signs.
      latencies: the time of a single face and of a batch.
    """

    calibration_faces: int
    measured_faces: int
    source: str
    weights: str
    activations: str
    float_nodes: tuple[str, ...]
    smallest_cosine: float
    mean_cosine: float
    largest_distance_change: float
    mean_distance_change: float
    latencies: tuple[Latency, ...]


@dataclasses.dataclass(frozen=True)
class ExportManifest:
    """The content of the manifest beside an exported model, which an ONNX file contains as well.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      model: name of the configuration of the model.
      sha256: SHA-256 of the parameters of the model directory.
      format: the format, with its version.
      input: the input.
      output: the output.
      geometry: the position of a face in the input.
      flip: true if the embedding of the mirror image is part of the output.
      shift: offset in pixels of four shifted crops that are part of the output; 0 for none.
      backend: name of the backend that is part of the output; "" for none.
      thresholds: thresholds of the Euclidean distance of two outputs, by falling false match rate, with the error rates of test
        images. They were measured in the type of the training and never in int8.
      limits: what the model must not be used for, and what its figures do not say.
      licence: what is known about the terms of the training data.
      versions: the versions of the packages that exported it.
      difference: the difference of the written model from JAX in float32. Above 1e-4 only for int8.
      trained_dtype: the type of the activations in training, if the export computes in float32 instead; "" if both are the same.
      quantisation: the quantisation; None for float32.
    """

    schema: int
    model: str
    sha256: str
    format: str
    input: TensorDescription
    output: TensorDescription
    geometry: InputGeometry
    flip: bool
    shift: int
    backend: str
    thresholds: tuple[OperatingPoint, ...]
    limits: tuple[str, ...]
    licence: str
    versions: Mapping[str, str]
    difference: Difference | None = None
    trained_dtype: str = ""
    quantisation: Quantisation | None = None


def manifest_of(exported: Exportable, form: str, versions: Mapping[str, str]) -> ExportManifest:
    """Return the manifest of an export, before it is checked.

    Args:
      exported: the exported system.
      form: the format, with its version.
      versions: the versions of the packages that exported it, besides JAX.
    """
    card, system = exported.card, exported.card.system
    assert system.geometry is not None
    side = system.geometry.stored_side
    points = template_points(system.geometry, system.alignment.crops).round(3).tolist() if system.alignment else []
    dtype = system.model.get("dtype", "float32")
    return ExportManifest(
        SCHEMA,
        card.name,
        card.sha256,
        form,
        TensorDescription(INPUT, "uint8", ("batch", side, side, 3), "RGB pixels of aligned faces, NHWC"),
        TensorDescription(OUTPUT, "float32", ("batch", exported.dim), "embeddings of length 1"),
        InputGeometry(system.geometry, system.alignment, dict(zip(_POINTS, map(tuple, points), strict=False))),
        system.flip,
        system.shift,
        system.backend,
        tuple(card.curve),
        tuple(card.limits),
        card.licence,
        {"jax": jax.__version__, **versions},
        trained_dtype="" if dtype == "float32" else dtype,
    )


def template_points(geometry: CropGeometry, crops: CropSettings) -> Float[np.ndarray, "5 2"]:
    """Return the five points of the alignment's template in the stored square of a crop.

    Args:
      geometry: the crop geometry.
      crops: the geometry of the aligned crops.

    Returns:
      x and y of each point in pixels; the centre of the first pixel is (0, 0).
    """
    top, left, side = geometry.box(crops.height + 2 * crops.margin, crops.width + 2 * crops.margin)
    in_crop = template(crops.height, crops.width) + crops.margin
    border = (geometry.stored_side - geometry.filled_side) / 2
    return (in_crop + 0.5 - (left, top)) * (geometry.filled_side / side) - 0.5 + border


def manifest_text(manifest: ExportManifest) -> str:
    """Return the text of a manifest file.

    Args:
      manifest: its content.
    """
    return json.dumps(to_json(manifest), indent=2) + "\n"
