"""Embeddings of image files by the trained system of a work directory, without its training data."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from ml_collections import ConfigDict

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.experiment_data import crop_geometry_of
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.decision import CALIBRATION, SavedCalibration, read_calibration
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.faces.configured_descriptors import KINDS
from lfw_jax.inference.backend_embedder import BackendEmbedder
from lfw_jax.inference.embedder import Embedder, in_inference_mode
from lfw_jax.inference.fused import fuse_embeddings
from lfw_jax.inference.representation import Representation
from lfw_jax.jobs.alignment import engine_of_run
from lfw_jax.jobs.descriptor_run import read_descriptors
from lfw_jax.jobs.fitted_files import BACKENDS
from lfw_jax.jobs.fusion_file import FUSION, read_fusion
from lfw_jax.jobs.member_configs import member_configs
from lfw_jax.jobs.member_training import member_folder
from lfw_jax.jobs.network_backend import backend_of
from lfw_jax.models import build, variable_shapes
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.training.checkpoints import Checkpoints


def embed_files(
    files: Sequence[Path], folder: Path, config: ConfigDict, saved: SavedCalibration
) -> Float[np.ndarray, "images dim"]:
    """Return the raw embedding of each file, aligned and embedded as the images of the run.

    Args:
      files: the image files, each once.
      folder: the work directory of a network, of descriptors or of fused members.
      config: its configuration.
      saved: its calibration, which says which checkpoint and which test-time augmentation it belongs to.

    Raises:
      UserError: an image cannot be read, or the work directory has nothing that belongs to the calibration.
    """
    if config.model.name == "members":
        parts = {}
        for name, member in member_configs(config).items():
            inner = member_folder(folder, name)
            parts[name] = embed_files(files, inner, member, read_calibration(inner / CALIBRATION))
        return fuse_embeddings(parts, read_fusion(folder / FUSION).weights)
    images, geometry = _images(files, config, folder)
    if config.model.name in KINDS:
        embedder, _ = read_descriptors(config, geometry, folder)
        return dataclasses.replace(embedder, flip=saved.views.flip).embed_images(images)
    return _network(folder, config, saved, geometry).embed_images(images)


def _images(files: Sequence[Path], config: ConfigDict, folder: Path) -> tuple[ImageSet, CropGeometry]:
    """Return the images, aligned as those of the run, and their crop geometry."""
    geometry = crop_geometry_of(config.data)
    names = tuple(f"image {number}" for number in range(1, len(files) + 1))
    images = ImageSet(names, np.arange(len(files), dtype=np.int32), np.ones(len(files), np.int32), list(files), "files")
    if config.data.align:
        images, crop, note = aligned_images(images, config, stage=stage, engine=engine_of_run(config, folder))
        print_lines(note)
        if images.skipped:
            raise UserError(f"--input: {images.skipped[0].path} cannot be read: {images.skipped[0].reason}")
        geometry = dataclasses.replace(geometry, crop=crop)
    return images, geometry


def _network(folder: Path, config: ConfigDict, saved: SavedCalibration, geometry: CropGeometry) -> Representation:
    """Return the network of the calibrated checkpoint, with the test-time augmentation of the calibration."""
    network = build(config.model)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        variables, kind, _ = checkpoints.restore_evaluated(saved.checkpoint, variable_shapes(network, config.data.side))
        step = checkpoints.step(kind)
    if (kind, step) != (saved.checkpoint, saved.step):
        raise UserError(
            f"--workdir: {CALIBRATION} belongs to the '{saved.checkpoint}' checkpoint of step {saved.step}, found '{kind}' "
            f"of step {step}. Evaluate again with --mode=evaluate."
        )
    views = saved.views
    embedder = Embedder(
        in_inference_mode(network), variables, geometry,
        flip=views.flip, shift=views.shift, batch_size=config.evaluation.batch_size, loader=config.data.loader,
    )  # fmt: skip
    if config.backend.name == "none":
        return embedder
    if backend := backend_of(folder / BACKENDS, step=saved.step, views=views):
        return BackendEmbedder(embedder, backend)
    raise UserError(
        f"{folder / BACKENDS}: belongs to another checkpoint than {CALIBRATION}. Evaluate again with --mode=evaluate."
    )
