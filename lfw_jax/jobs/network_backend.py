"""The backend of a trained network, fitted on the embeddings of its training images."""

import time
from pathlib import Path

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.fitting import fit_backend
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.inference.backend_embedder import BackendEmbedder
from lfw_jax.inference.embedder import Embedder
from lfw_jax.jobs.experiment import Experiment
from lfw_jax.jobs.fitted_files import BACKENDS, read_parts, write_parts
from lfw_jax.options import named
from lfw_jax.report.progress import stage


def _part(step: int, views: Views) -> str:
    # Embeddings are sums over the crops of test-time augmentation, so a backend fits one kind of them only.
    return f"step {step}, flip {views.flip}, shift {views.shift}"


def with_backend(experiment: Experiment, embedder: Embedder, workdir: Path, *, step: int) -> Embedder | BackendEmbedder:
    """Return the network with its backend, which is fitted unless the work directory has it.

    Args:
      experiment: the training images, and the backend in the configuration.
      embedder: the trained network.
      workdir: the work directory.
      step: step of the evaluated checkpoint. A backend of another step or of another test-time augmentation is fitted again.

    Raises:
      UserError: an option of the backend is invalid, or `backend.npz` cannot be read or written.
    """
    if experiment.config.backend.name == "none":
        return embedder
    path, views = workdir / BACKENDS, Views(flip=embedder.flip, shift=embedder.shift)
    if path.is_file() and (backend := backend_of(path, step=step, views=views)):
        return BackendEmbedder(embedder, backend)
    began = time.monotonic()
    backend = _fit(experiment, embedder)
    write_parts(path, {_part(step, views): backend.to_arrays()}, seconds=time.monotonic() - began)
    return BackendEmbedder(embedder, backend)


def backend_of(path: Path, *, step: int, views: Views) -> FittedBackend | None:
    """Return the backend of a checkpoint; None if the file has that of another one or of other crops.

    Args:
      path: the `backend.npz`.
      step: step of the checkpoint.
      views: the test-time augmentation of the embeddings.

    Raises:
      UserError: the file cannot be read.
    """
    arrays = read_parts(path)[0].get(_part(step, views))
    return None if arrays is None else FittedBackend.from_arrays(arrays)


def _fit(experiment: Experiment, embedder: Embedder) -> FittedBackend:
    training = experiment.split.training
    name, options = named(experiment.config.backend)
    with stage("embedding the training images", len(training)) as progress:
        embeddings = embedder.embed_images(training)
        progress(len(training))
    return fit_backend(name, embeddings, training.labels, **options)
