"""A run of descriptors: their backends are fitted once and evaluated like a network."""

import time
from pathlib import Path

import jax
from ml_collections import ConfigDict

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.fitting import checked_options
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.faces.configured_descriptors import (
    arrays_of,
    check_model,
    describe_in_words,
    fisher_settings,
    is_joint,
    restored_descriptors,
    texture_settings,
)
from lfw_jax.faces.face_descriptors import FaceDescriptors, FisherDescriptors, TextureDescriptors
from lfw_jax.inference.descriptor_embedder import DescriptorEmbedder
from lfw_jax.jobs.call import Call, check_data, print_split
from lfw_jax.jobs.evaluation import evaluate_and_write
from lfw_jax.jobs.fitted_files import BACKENDS, read_parts, write_parts
from lfw_jax.jobs.results import Run
from lfw_jax.jobs.run_data import RunData, read_run_data
from lfw_jax.jobs.saved_model import saved_system
from lfw_jax.jobs.system import System
from lfw_jax.jobs.without_effect import STEPS, refuse_without_effect
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.options import named
from lfw_jax.report.progress import stage
from lfw_jax.training.descriptor_fitting import FitOptions, fit_descriptors, learn_vocabulary

_JOINT, _DESCRIPTORS = "joint", "descriptors"


def run(call: Call) -> None:
    """Fit the backends if asked for, then evaluate and write the results.

    Args:
      call: the request.

    Raises:
      UserError: the configuration, the data or the work directory are invalid.
    """
    check_descriptors(call.config)
    data = read_run_data(call.config, call.workdir.path, jax.local_devices())
    print_split(data.split)
    check_data(data, call.workdir)
    embedder, system = fitted_descriptors(data, call.workdir, fit=call.train)
    data = call.evaluated(data)
    run_of = Run(call.name, call.command, call.workdir, data, system, "last", 0)
    evaluate_and_write(run_of, data.embedded_by(embedder), call.deliver, system=saved_system(data, embedder))


def check_descriptors(config: ConfigDict) -> None:
    """Check what is invalid for any data.

    Args:
      config: the whole configuration.

    Raises:
      UserError: an invalid descriptor, no backend, or options of a training that would have no effect.
    """
    check_model(config.model)
    if config.backend.name == "none":
        raise UserError("--config.backend.name is none, but descriptors need a backend, such as joint_bayesian.")
    checked_options(*named(config.backend))
    if config.loss.name != "none":
        raise UserError(
            f"--config.loss.name is '{config.loss.name}', but descriptors are not trained by a loss; set it to none."
        )
    refuse_without_effect(config, STEPS, "descriptors are fitted without training steps")
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
    """Return the descriptors of a work directory with their backends, fitted if there are none yet.

    Args:
      data: the data of the run.
      workdir: its work directory.
      fit: false if the backends must be there.

    Raises:
      UserError: an option is invalid, an image cannot be read, or `backend.npz` cannot be read or written.
    """
    config, path = data.config, workdir.path / BACKENDS
    if fit and not path.is_file():
        data.write_beginning(workdir.path)
        workdir.begin()
        began = time.monotonic()
        descriptors = new_descriptors(config, data.data.geometry, data.split.training)
        options = FitOptions(*named(config.backend), is_joint(config.model), config.evaluation.flip)
        backends, joint = fit_descriptors(descriptors, data.split.training, options, stage=stage)
        parts = {f"{index:02}": backend.to_arrays() for index, backend in enumerate(backends)}
        if joint is not None:
            parts[_JOINT] = joint.to_arrays()
        parts |= {_DESCRIPTORS: arrays_of(descriptors)}
        write_parts(path, parts, seconds=time.monotonic() - began)
    embedder, seconds = read_descriptors(config, data.data.geometry, workdir.path)
    return embedder, _described(config, seconds)


def new_descriptors(config: ConfigDict, geometry: CropGeometry, training: ImageSet) -> FaceDescriptors:
    """Return the descriptors of a configuration, with a vocabulary learned from training images.

    Args:
      config: the whole configuration.
      geometry: the crop geometry.
      training: the training images.

    Raises:
      UserError: an invalid option, or an image that cannot be read.
    """
    loader = config.data.loader
    if config.model.name == "descriptors":
        return TextureDescriptors(texture_settings(config.model), geometry, loader)
    sift, size = fisher_settings(config.model)
    vocabulary = learn_vocabulary(training, geometry, sift, size, seed=config.seed, loader=loader)
    return FisherDescriptors(vocabulary, sift, geometry, loader)


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
    parts, seconds = read_parts(path)
    try:
        descriptors = restored_descriptors(
            config.model, geometry, parts.pop(_DESCRIPTORS, {}), loader=config.data.loader
        )
        backends = {name: FittedBackend.from_arrays(arrays) for name, arrays in sorted(parts.items())}
        joint = backends.pop(_JOINT) if is_joint(config.model) else None
    except KeyError as error:
        raise UserError(f"{path}: found no {error}. Remove the file, and fit again with --mode=train.") from error
    if len(backends) != len(descriptors.roots):
        raise UserError(f"{path}: belongs to other descriptors. Remove the file, and fit again with --mode=train.")
    return DescriptorEmbedder(descriptors, tuple(backends.values()), joint, flip=config.evaluation.flip), seconds


def _described(config: ConfigDict, seconds: float) -> System:
    flip = config.evaluation.flip
    return System(
        objective=f"{describe_in_words(config.model)}, compared by {config.backend.name}",
        sampling="all training images" + (" and their mirror images" if flip else ""),
        views=Views(flip=flip, shift=0),
        seconds=seconds,
    )
