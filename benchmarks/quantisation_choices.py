"""Change of the embeddings of a network by choices of int8: weights, float32 layers, calibration.

    python -m benchmarks.quantisation_choices --model=runs/mine/model --crops=ALIGNED --people=LFW/peopleDevTrain.txt

ALIGNED is the folder of aligned faces that the run names at its beginning. One image of each identity of the list is used: 300 to
calibrate on, 200 others to measure.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.exported_models import squares_of
from lfw_jax.inference.export.exportable import exportable_of
from lfw_jax.inference.export.onnx_model import onnx_model
from lfw_jax.inference.export.quantisation import calibration_reader, differences, embedded
from lfw_jax.inference.model.directory import read_model

CALIBRATED, MEASURED = 300, 200
BATCH = 30  # divides the faces to calibrate on: percentiles need batches of one size

SEVEN_BITS = dict(reduce_range=True)
CHOICES: dict[str, dict[str, Any]] = {
    "8 bits": dict(),
    "8 bits, unsigned": dict(weight_type=QuantType.QUInt8),
    "7 bits": SEVEN_BITS,
    "7 bits, percentiles": SEVEN_BITS | dict(calibrate_method=CalibrationMethod.Percentile),
    "7 bits, last layer in float32": SEVEN_BITS | dict(nodes_to_exclude=["embedding"]),
    "7 bits, first layer in float32": SEVEN_BITS | dict(nodes_to_exclude=["stem"]),
}


def main() -> None:
    """Print the cosine with float32 and the change of distances for each choice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="model directory of a patch_resnet")
    parser.add_argument("--crops", type=Path, required=True, help="folder of aligned faces, one folder per identity")
    parser.add_argument("--people", type=Path, required=True, help="list of training identities, as peopleDevTrain.txt")
    flags = parser.parse_args()
    names = [line.split("\t")[0] for line in flags.people.read_text(encoding="utf-8").splitlines()[1:]]
    files = [sorted((flags.crops / name).glob("*.jpg"))[0] for name in names if (flags.crops / name).is_dir()]
    chosen = np.random.default_rng(0).permutation(len(files))[: CALIBRATED + MEASURED].tolist()
    exported = exportable_of(read_model(flags.model), str(flags.model))
    squares = squares_of(exported, [files[index] for index in chosen])
    with tempfile.TemporaryDirectory() as folder:
        given, inferred, found = (Path(folder) / name for name in ("float.onnx", "inferred.onnx", "int8.onnx"))
        onnx.save(onnx_model(exported), given)
        quant_pre_process(str(given), str(inferred), skip_symbolic_shape=True, skip_optimization=True)
        full = embedded(given, squares[CALIBRATED:])
        for name, options in CHOICES.items():
            quantize_static(
                str(inferred), str(found), calibration_reader(squares[:CALIBRATED], BATCH), quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "Gemm"], per_channel=True, activation_type=QuantType.QUInt8,
                **({"weight_type": QuantType.QInt8} | options),
            )  # fmt: skip
            reduced = embedded(found, squares[CALIBRATED:])
            cosines, change = differences(full, reduced)
            print(
                f"{name}: {found.stat().st_size / 1e6:.1f} MB; cosine {cosines.mean():.4f} on average, {cosines.min():.4f} at "
                f"worst; distances change by {change.mean():.4f} on average, {change.max():.4f} at most",
                flush=True,
            )


if __name__ == "__main__":
    main()
