"""Exported models on disk: written atomically with their manifest, and only if they agree with JAX."""

import dataclasses
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Literal

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.inference.export.checking import FACES, Run, Squares, checked, difference
from lfw_jax.inference.export.exportable import Exportable
from lfw_jax.inference.export.manifest import ExportManifest, manifest_of, manifest_text
from lfw_jax.inference.export.onnx_model import (
    OPSET,
    check_onnx_packages,
    described,
    onnx_model,
    onnx_session,
    run_onnx,
)
from lfw_jax.inference.export.quantisation import quantised
from lfw_jax.inference.export.saved_model import run_saved_model, tensorflow_version, write_saved_model
from lfw_jax.inference.export.stablehlo import PLATFORMS, run_stablehlo, stablehlo_of

Format = Literal["onnx", "stablehlo", "saved_model"]
"""The formats of an export."""

_FORMATS: dict[str, Format] = {".onnx": "onnx", ".stablehlo": "stablehlo", "": "saved_model"}


@dataclasses.dataclass(frozen=True, eq=False)
class ExportFaces:
    """The faces that an export is checked on and, for int8, calibrated on.

    Attributes:
      squares: their stored squares, sorted by identity.
      source: the faces, in words.
    """

    squares: Squares
    source: str


def format_of(output: Path, *, int8: bool) -> Format:
    """Return the format of a path.

    The path must be free, and the packages of the format installed.

    Args:
      output: the path.
      int8: true for int8.

    Raises:
      UserError: the ending is unknown, the path or its manifest exists, int8 is asked for in another format than ONNX, or a
        package is missing.
    """
    form = _FORMATS.get(output.suffix.lower())
    if form is None:
        raise UserError(
            f"--output is {output}; expected a file that ends in .onnx or .stablehlo, or a folder, without an ending, for a "
            "SavedModel."
        )
    for path in {output, manifest_path(output, form)}:
        if path.exists():
            raise UserError(f"--output: {path} exists already. Choose another name, or remove it.")
    if int8 and form != "onnx":
        raise UserError(
            f"--int8 is given, and --output is {output}; int8 is written as ONNX. Choose a name that ends in .onnx."
        )
    if form == "onnx":
        check_onnx_packages()
    return form


def manifest_path(output: Path, form: Format) -> Path:
    """Return the path of the manifest of an export.

    Args:
      output: the exported model.
      form: its format.
    """
    return output / "manifest.json" if form == "saved_model" else output.with_name(f"{output.name}.json")


def write_export(exported: Exportable, output: Path, form: Format, faces: ExportFaces, *, int8: bool) -> ExportManifest:
    """Write a trained network and its manifest, and return the manifest.

    Args:
      exported: the exported system.
      output: the file, or the folder of a SavedModel.
      form: the format.
      faces: faces for the check and the calibration.
      int8: true for int8.

    Raises:
      UserError: the export differs from JAX, there are too few faces for int8, or a file cannot be written. Nothing is left.
    """
    if form == "onnx":
        return _write_onnx(exported, output, faces, int8=int8)
    module = stablehlo_of(exported)
    version = f"version {module.calling_convention_version}, for {' and '.join(PLATFORMS)}"
    if form == "stablehlo":
        manifest = manifest_of(exported, f"StableHLO by jax.export, {version}", {"jaxlib": metadata.version("jaxlib")})
        with written_atomically(output, manifest_path(output, form)) as (file, text):
            file.write_bytes(module.serialize())
            manifest = _checked(exported, manifest, faces, partial(run_stablehlo, file))
            text.write_text(manifest_text(manifest), encoding="utf-8")
        return manifest
    tensorflow = tensorflow_version(module.calling_convention_version)
    manifest = manifest_of(exported, f"SavedModel of StableHLO, {version}", {"tensorflow": tensorflow})
    with written_atomically(output) as (folder,):
        write_saved_model(module, folder)
        manifest = _checked(exported, manifest, faces, partial(run_saved_model, folder))
        manifest_path(folder, form).write_text(manifest_text(manifest), encoding="utf-8")
    return manifest


def _write_onnx(exported: Exportable, output: Path, faces: ExportFaces, *, int8: bool) -> ExportManifest:
    import onnx

    versions = {name: metadata.version(name) for name in ("onnx", "onnxruntime")}
    manifest = manifest_of(exported, f"ONNX opset {OPSET}", versions)
    with written_atomically(output, manifest_path(output, "onnx")) as (file, text):
        model = onnx_model(exported)
        onnx.save(model, file)
        manifest = _checked(exported, manifest, faces, partial(run_onnx, file))
        if int8:
            model, effect = quantised(model, faces.squares, faces.source)
            onnx.save(model, file)
            reduced = difference(partial(run_onnx, file), exported.embed, faces.squares[:FACES], faces.source)
            manifest = dataclasses.replace(manifest, quantisation=effect, difference=reduced)
        onnx.save(described(model, manifest), file)
        onnx_session(file)  # loads
        text.write_text(manifest_text(manifest), encoding="utf-8")
    return manifest


def _checked(exported: Exportable, manifest: ExportManifest, faces: ExportFaces, run: Run) -> ExportManifest:
    difference = checked(run, exported.embed, faces.squares[:FACES], faces.source)
    return dataclasses.replace(manifest, difference=difference)
