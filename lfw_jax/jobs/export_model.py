"""`--mode=export-model`: a trained network as ONNX, StableHLO or SavedModel."""

from pathlib import Path

import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.inference.export.checking import FACES, synthetic_squares
from lfw_jax.inference.export.exportable import exportable_of
from lfw_jax.inference.export.manifest import ExportManifest
from lfw_jax.inference.export.quantisation import FEW_FACES, MOST_FACES
from lfw_jax.inference.export.writing import ExportFaces, format_of, manifest_path, write_export
from lfw_jax.inference.model.bulk import prepare_in_bulk
from lfw_jax.inference.model.directory import read_model
from lfw_jax.inference.model.systems import PreparedFace
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.model_of_request import load_verifier, model_folder
from lfw_jax.jobs.photo_embedding import opened_photos
from lfw_jax.jobs.photo_set import photos_at
from lfw_jax.report.formatting import counted
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.typed_json import to_json

_PART = 128  # photos that are prepared together


def export_model(request: Request) -> None:
    """Write the network of `--model` to `--output`, in the format of its ending, with a manifest.

    The export is checked against JAX on faces of `--input`, or on synthetic ones, before it gets its name. With `--int8`, it is
    calibrated on faces of `--input` that are not of the identities that the model was evaluated on.

    Args:
      request: the flags.

    Raises:
      UserError: there is no model or no face, the system cannot be exported, `--output` exists or has another ending, a package
        is missing, or the export differs from JAX.
    """
    if not request.output:
        raise UserError(
            "--mode=export-model needs --output: a file that ends in .onnx or .stablehlo, or a folder for a SavedModel."
        )
    if request.int8 and not request.input:
        raise UserError(
            f"--int8 needs --input: photos of at least {FEW_FACES} faces to calibrate on, such as those of the training."
        )
    output = Path(request.output)
    form = format_of(output, int8=request.int8)
    folder = model_folder(request)
    exported = exportable_of(read_model(folder), str(folder))
    synthetic = None if request.input else ExportFaces(synthetic_squares(exported.system), "synthetic faces")
    faces = synthetic or _faces(request, folder)
    manifest = write_export(exported, output, form, faces, int8=request.int8)
    found = output if output.is_file() else output / "saved_model.pb"
    _print(manifest, output, found.stat().st_size, manifest_path(output, form))
    request.deliver(to_json(manifest) | {"path": str(output), "bytes": found.stat().st_size})


def _faces(request: Request, folder: Path) -> ExportFaces:
    """Return faces of `--input`: enough for the check, or for the calibration."""
    images = photos_at(request.input, "--input")
    allowed = _unseen(images, folder) if request.int8 else np.arange(len(images))
    wanted = min(len(allowed), MOST_FACES if request.int8 else FACES)
    chosen = allowed[np.linspace(0, len(allowed) - 1, wanted).round().astype(int)] if wanted else allowed
    verifier, squares = load_verifier(request), []
    faults = [f"{one.path}: {one.reason}" for one in images.skipped]
    total = len(chosen) + len(faults)
    with stage("aligning", len(chosen)) as progress:
        for start in range(0, len(chosen), _PART):
            photos = opened_photos(images, chosen[start : start + _PART])
            for face in prepare_in_bulk(verifier, photos, aligned=request.aligned):
                if isinstance(face.prepared, PreparedFace):
                    squares.append(face.prepared.square)
                else:
                    faults.append(face.fault)
            progress(min(start + _PART, len(chosen)))
    if not squares:
        reason = f"; {faults[0]}" if faults else ""
        raise UserError(f"--input: found no usable face among {total} photos of {request.input}{reason}.")
    if faults:
        print_lines(f"{len(faults)} of {total} photos skipped, the first: {faults[0]}")
    if request.int8 and len(squares) < FEW_FACES:
        print_lines(f"{len(squares)} faces are few for a calibration; {FEW_FACES} or more are better")
    return ExportFaces(np.stack(squares), f"faces of {request.input}")


def _unseen(images: ImageSet, folder: Path) -> np.ndarray:
    """Return the indices of the images of identities that the run was not evaluated on, as far as its work directory says."""
    scores = folder.parent / "scores.npz"
    named = read_scores(scores)["test"].identities if scores.is_file() else None
    tested = set() if named is None else set(named.ravel().tolist())
    kept = np.array([name not in tested for name in images.names], bool)[images.labels]
    if not kept.all():
        print_lines(f"{(~kept).sum():,} photos of identities of the evaluation are left out of the calibration")
    return np.flatnonzero(kept)


def _print(manifest: ExportManifest, output: Path, size: int, description: Path) -> None:
    given, found, difference = manifest.input, manifest.output, manifest.difference
    assert difference is not None
    shapes = [f"{one.name} {one.dtype} [{', '.join(map(str, one.shape))}]" for one in (given, found)]
    print_lines(f"{output}: {manifest.format}, {size / 1e6:.1f} MB; {shapes[0]} → {shapes[1]}")
    print_lines(f"largest difference from JAX: {difference.largest:.2g} on {difference.faces} {difference.source}")
    if effect := manifest.quantisation:
        print_lines(
            f"int8: calibrated on {effect.calibration_faces} faces; on {effect.measured_faces} others, cosine with float32 "
            f"{effect.mean_cosine:.4f} on average, {effect.smallest_cosine:.4f} at worst; distances change by "
            f"{effect.mean_distance_change:.4f} on average, {effect.largest_distance_change:.4f} at most"
        )
        for one in effect.latencies:
            print_lines(
                f"a call with {counted(one.batch, 'face')}: {one.float_milliseconds:.1f} ms in float32, "
                f"{one.int8_milliseconds:.1f} ms in int8 (median of {one.rounds})"
            )
    print_lines(f"{description}: the manifest, with alignment and thresholds")
