"""Fitting the backends of texture descriptors on labelled images."""

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from jaxtyping import Int, Num

from lfw_jax.backends.backend import FittedBackend, fit_backend
from lfw_jax.data.images import ImageSet
from lfw_jax.descriptors import dimension, mirrored
from lfw_jax.inference.descriptor_embedder import DescriptorEmbedder, Descriptors

Stage = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Announces a stage by name and number of images, and yields a function that takes the number of finished ones."""


@dataclasses.dataclass(frozen=True)
class FitOptions:
    """The options of fitting.

    Attributes:
      name: the backend, one of `lfw_jax.backends.backend.BACKENDS`.
      options: its options.
      joint: true for one more backend on the reduced features of all descriptors.
      flip: true if mirrored images are added, in fitting and in embedding.
    """

    name: str
    options: Mapping[str, Any]
    joint: bool
    flip: bool


def fit_descriptors(descriptors: Descriptors, images: ImageSet, fit: FitOptions, *, stage: Stage) -> DescriptorEmbedder:
    """Fit a backend for each descriptor, and one for all together if asked for.

    Memory holds the features of all images, one byte or four per entry, and a copy in float32 of those of one descriptor.

    Args:
      descriptors: the descriptors.
      images: the training images.
      fit: the options.
      stage: announces the stages of the work.

    Raises:
      UserError: an image cannot be read, an option is invalid, or there are too few images.
    """
    features = _features(descriptors, images, stage)
    labels = np.tile(images.labels, 2) if fit.flip else images.labels
    backends, reduced = [], []
    with stage("fitting", len(features) + fit.joint) as progress:
        for index, settings in enumerate(descriptors.settings):
            views = features[index]
            if fit.flip:
                views = np.concatenate([views, mirrored(views, settings)])
            features[index] = views[:0]  # its memory is needed
            backend = _fit(fit, views, labels, root=settings.kind == "lbp")
            backends.append(backend)
            reduced.append(backend.reduced(views) if fit.joint else None)
            progress(len(backends))
        joint = _fit(fit, np.concatenate(reduced, axis=1), labels, root=False) if fit.joint else None
    return DescriptorEmbedder(descriptors, tuple(backends), joint, flip=fit.flip)


def _fit(fit: FitOptions, features: np.ndarray, labels: Int[np.ndarray, "images"], *, root: bool) -> FittedBackend:
    return fit_backend(fit.name, features, labels, **({"root": True} if root else {}), **fit.options)


def _features(descriptors: Descriptors, images: ImageSet, stage: Stage) -> list[Num[np.ndarray, "images dim"]]:
    """Return the features of all images by descriptor."""
    types = (np.uint8 if settings.kind == "lbp" else np.float32 for settings in descriptors.settings)
    shapes = ((len(images), dimension(settings)) for settings in descriptors.settings)
    features, done = [np.empty(shape, kind) for shape, kind in zip(shapes, types, strict=True)], 0
    with stage("describing", len(images)) as progress:
        for batch in descriptors.batches(images):
            count = len(batch[0])
            for array, part in zip(features, batch, strict=True):
                array[done : done + count] = part
            done += count
            progress(done)
    return features
