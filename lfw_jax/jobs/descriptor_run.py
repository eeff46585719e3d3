"""A run of texture descriptors: their backends are fitted once and evaluated like a network."""

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from lfw_jax.backends.backend import checked_options
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.descriptors import DescriptorSettings
from lfw_jax.errors import UserError
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.inference.descriptor_embedder import DescriptorEmbedder, Descriptors
from lfw_jax.inference.descriptor_fitting import FitOptions, fit_descriptors
from lfw_jax.jobs.call import Call, check_data, print_split
from lfw_jax.jobs.evaluation import evaluate_and_write
from lfw_jax.jobs.fitted_files import BACKENDS, read_backends, write_backends
from lfw_jax.jobs.results import Run
from lfw_jax.jobs.run_data import RunData, read_run_data
from lfw_jax.jobs.system import System
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.options import named
from lfw_jax.report.progress import stage

_JOINT = "joint"


def settings_of(model: Mapping[str, Any]) -> tuple[DescriptorSettings, ...]:
    """Return the descriptors of a configuration, one for each scale.

    Args:
      model: the `model` part: `scales`, `joint`, and the other fields of `DescriptorSettings`.

    Raises:
      UserError: an unknown option, a value out of range, or no scale.
    """
    options = {key: value for key, value in model.items() if key not in ("name", "scales", "joint")}
    known = sorted(field.name for field in dataclasses.fields(DescriptorSettings) if field.name != "scale")
    if unknown := sorted(options.keys() - {*known}):
        raise UserError(f"--config.model.{unknown[0]}: descriptors have no such option; they have {', '.join(known)}.")
    scales = model["scales"]
    if isinstance(scales, int | float):
        scales = (scales,)
    if not scales:
        raise UserError(
            "--config.model.scales is empty; expected the distances of the eyes in pixels, such as (47, 33)."
        )
    try:
        return tuple(DescriptorSettings(scale=scale, **options) for scale in scales)
    except UserError as error:
        raise UserError(f"--config.model: {error}") from error


def run(call: Call) -> None:
    """Fit the backends if asked for, then evaluate and write the results.

    Args:
      call: what is asked for.

    Raises:
      UserError: the configuration, the data or the work directory are invalid.
    """
    check_descriptors(call.config)
    data = read_run_data(call.config, call.workdir.path, jax.local_devices())
    print_split(data.split)
    check_data(data, call.workdir)
    embedder, system = fitted_descriptors(data, call.workdir, fit=call.train)
    evaluate_and_write(Run(call.name, call.command, call.workdir, data, system, "last", 0), embedder, call.deliver)


def check_descriptors(config: ConfigDict) -> None:
    """Check what is invalid for any data.

    Args:
      config: the whole configuration.

    Raises:
      UserError: an invalid descriptor, no backend, or options of a training that would have no effect.
    """
    settings_of(config.model)
    if config.backend.name == "none":
        raise UserError("--config.backend.name is none, but descriptors need a backend, such as joint_bayesian.")
    checked_options(*named(config.backend))
    if config.loss.name != "none":
        raise UserError(
            f"--config.loss.name is '{config.loss.name}', but descriptors are not trained by a loss; set it to none."
        )
    if config.data.context != 1:
        raise UserError(
            f"--config.data.context is {config.data.context:g}, but descriptors place their cells by the template's square; set "
            "it to 1, and --config.data.margin to what lies around it."
        )
    if config.evaluation.shift:
        raise UserError(
            f"--config.evaluation.shift is {config.evaluation.shift}, but descriptors are not evaluated on shifted crops; set it "
            "to 0."
        )


def fitted_descriptors(data: RunData, workdir: Workdir, *, fit: bool) -> tuple[DescriptorEmbedder, System]:
    """Return the descriptors of a work directory with their backends, which are fitted if there are none yet.

    Args:
      data: the data of the run.
      workdir: its work directory.
      fit: false if the backends must be there.

    Raises:
      UserError: an option is invalid, an image cannot be read, or `backend.npz` cannot be read or written.
    """
    config = data.config
    descriptors = Descriptors(settings_of(config.model), data.data.geometry, data.data.loader)
    path = workdir.path / BACKENDS
    if fit and not path.is_file():
        data.write_beginning(workdir.path)
        workdir.begin()
        began = time.monotonic()
        options = FitOptions(*named(config.backend), bool(config.model.joint), config.evaluation.flip)
        made = fit_descriptors(descriptors, data.split.training, options, stage=stage)
        parts = {f"{index:02}": backend for index, backend in enumerate(made.backends)}
        if made.joint is not None:
            parts[_JOINT] = made.joint
        write_backends(path, parts, seconds=time.monotonic() - began)
    embedder, seconds = read_descriptors(config, data.data.geometry, workdir.path)
    return embedder, _described(config, seconds)


def read_descriptors(config: ConfigDict, geometry: CropGeometry, workdir: Path) -> tuple[DescriptorEmbedder, float]:
    """Return the fitted descriptors of a work directory, and the duration of their fitting in seconds.

    Args:
      config: the configuration that they were fitted with.
      geometry: the crop geometry.
      workdir: the work directory.

    Raises:
      UserError: there is no `backend.npz`, it cannot be read, or it belongs to other descriptors.
    """
    path = workdir / BACKENDS
    descriptors = Descriptors(settings_of(config.model), geometry, config.data.loader)
    parts, seconds = read_backends(path)
    joint = parts.pop(_JOINT, None)
    backends = tuple(backend for _, backend in sorted(parts.items()))
    if len(backends) != len(descriptors.settings) or (joint is not None) != bool(config.model.joint):
        raise UserError(f"{path}: belongs to other descriptors. Remove the file, and fit again with --mode=train.")
    return DescriptorEmbedder(descriptors, backends, joint, flip=config.evaluation.flip), seconds


def _described(config: ConfigDict, seconds: float) -> System:
    scales = ", ".join(f"{scale:g}" for scale in config.model.scales)
    return System(
        objective=f"{config.model.kind} descriptors at {scales} pixels between the eyes, {config.backend.name}",
        sampling="all training images" + (" and their mirror images" if config.evaluation.flip else ""),
        views=Views(flip=config.evaluation.flip, shift=0),
        seconds=seconds,
    )
