"""ONNX models in int8: static quantisation calibrated on faces, and its effect on other faces."""

import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.errors import UserError
from lfw_jax.inference.export.call_times import seconds_of
from lfw_jax.inference.export.manifest import INPUT, OUTPUT, Latency, Quantisation
from lfw_jax.inference.export.onnx_model import onnx_session

LEAST_FACES, FEW_FACES, MOST_FACES = 20, 100, 1000
"""Faces without which int8 is refused, below which it is warned of, and above which a sample is used."""

LEAST_COSINE = 0.95
"""Mean cosine with the embeddings of float32 below which a model in int8 is refused: its thresholds would mean nothing."""

OPERATORS = ("Conv", "Gemm")
"""The operators that are computed in int8: the layers with weights, besides the first."""

_MEASURED = 4  # one of so many faces is not calibrated on
_BATCH = 32
_ROUNDS = 7  # calls to measure the time of one face; a batch is called less often

Squares = UInt8[np.ndarray, "images stored stored 3"]


def quantised(model: Any, squares: Squares, source: str) -> tuple[Any, Quantisation]:
    """Return an ONNX model in int8, and the effect on faces that it was not calibrated on.

    Weights have a scale per channel and seven bits: products of eight bits saturate on processors without VNNI. Activations have
    eight bits. The first layer, whose input are pixels, stays in float32. Calibration takes the first three quarters of the
    faces, the measurement the rest.

    Args:
      model: the model in float32.
      squares: stored squares of at least `LEAST_FACES` faces, sorted by identity.
      source: the faces, in words.

    Raises:
      UserError: there are too few faces, or int8 changes embeddings by too much.
    """
    import onnx

    if len(squares) < LEAST_FACES:
        raise UserError(
            f"--int8 needs at least {LEAST_FACES} faces to calibrate on, better {FEW_FACES} or more; found {len(squares)}: "
            f"{source}. Give more photos to --input."
        )
    few = np.linspace(0, len(squares) - 1, min(len(squares), MOST_FACES)).round().astype(int)
    split = len(few) - len(few) // _MEASURED
    calibration, measured = squares[few[:split]], squares[few[split:]]
    kept = next(node.name for node in model.graph.node if node.op_type in OPERATORS)
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, given)
        _quantise(given, found, calibration, kept)
        reduced = onnx.load(found)
        cosines, changes = differences(*(embedded(path, measured) for path in (given, found)))
        if not cosines.mean() >= LEAST_COSINE:
            raise UserError(
                f"--int8: the embeddings have a mean cosine of {cosines.mean():.3f} with those of float32, expected at least "
                f"{LEAST_COSINE}. Nothing was written. Give more, and more varied, faces to --input, or export without --int8."
            )
        latencies = tuple(latency(given, found, measured[:batch]) for batch in (1, min(_BATCH, len(measured))))
    del reduced.metadata_props[:]  # notes of the quantisation tool
    return reduced, Quantisation(
        len(calibration), len(measured), source, "int8 per channel, 7 bits", "uint8", (kept,),
        float(cosines.min()), float(cosines.mean()), float(changes.max()), float(changes.mean()),
        latencies,
    )  # fmt: skip


def _quantise(given: Path, found: Path, squares: Squares, kept: str) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    inferred = given.with_name("inferred.onnx")
    quant_pre_process(str(given), str(inferred), skip_symbolic_shape=True, skip_optimization=True)
    quantize_static(
        str(inferred), str(found), calibration_reader(squares), quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(OPERATORS), nodes_to_exclude=[kept], per_channel=True, reduce_range=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip


def calibration_reader(squares: Squares, batch: int = _BATCH) -> Any:
    """Return faces in batches, as onnxruntime reads them to calibrate.

    Args:
      squares: stored squares.
      batch: number of faces in a batch.
    """
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        """The faces in batches."""

        def __init__(self):
            self.batches = ({INPUT: squares[start : start + batch]} for start in range(0, len(squares), batch))

        def get_next(self) -> Any:
            return next(self.batches, None)

    return Reader()


def embedded(path: Path, squares: Squares) -> Float[np.ndarray, "faces dim"]:
    """Return the embeddings of an ONNX model.

    Args:
      path: its file.
      squares: stored squares.
    """
    session = onnx_session(path)
    starts = range(0, len(squares), _BATCH)
    return np.concatenate([session.run([OUTPUT], {INPUT: squares[start : start + _BATCH]})[0] for start in starts])


def latency(full: Path, reduced: Path, squares: Squares) -> Latency:
    """Measure the time of a call of both models in turns, after a first call of each.

    Args:
      full: the file of the ONNX model in float32.
      reduced: that in int8.
      squares: stored squares, which are one batch.
    """
    sessions = [onnx_session(path) for path in (full, reduced)]
    rounds = _ROUNDS if len(squares) == 1 else _ROUNDS // 2
    seconds = seconds_of([partial(session.run, [OUTPUT], {INPUT: squares}) for session in sessions], rounds)
    in_float, in_int8 = (1000 * statistics.median(found) for found in seconds)
    return Latency(len(squares), in_float, in_int8, rounds)


def differences(
    full: Float[np.ndarray, "faces dim"], reduced: Float[np.ndarray, "faces dim"]
) -> tuple[Float[np.ndarray, "faces"], Float[np.ndarray, "pairs"]]:
    """Return the cosine of both embeddings of each face, and the change of each distance.

    Args:
      full: the embeddings in float32.
      reduced: those of the same faces in int8.
    """
    pairs = np.triu_indices(len(full), 1)
    before, after = (np.sqrt(np.maximum(2 - 2 * (unit @ unit.T)[pairs], 0)) for unit in (full, reduced))
    return (full * reduced).sum(axis=1), np.abs(after - before)
