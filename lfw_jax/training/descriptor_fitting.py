"""Fitting the backends of descriptors, and the vocabulary of Fisher vectors, on training images."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.fitting import fit_backend
from lfw_jax.data.batches.loading import decode_all
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.descriptors import grey
from lfw_jax.descriptors.dense_sift import DenseSift
from lfw_jax.descriptors.fisher_vector import Vocabulary, VocabularySize, fit_vocabulary
from lfw_jax.faces.face_descriptors import FaceDescriptors, described_batches
from lfw_jax.faces.stage import Stage

VOCABULARY_IMAGES = 3000
"""Largest number of training images that a vocabulary is learned from."""


@dataclasses.dataclass(frozen=True)
class FitOptions:
    """The options of fitting.

    Attributes:
      name: the backend, one of `lfw_jax.backends.registry.BACKENDS`.
      options: its options.
      joint: true for one more backend on the reduced vectors of all descriptors.
      flip: true if mirrored images are added, in fitting and in embedding.
    """

    name: str
    options: Mapping[str, Any]
    joint: bool
    flip: bool


def fit_descriptors(
    descriptors: FaceDescriptors, images: ImageSet, fit: FitOptions, *, stage: Stage
) -> tuple[tuple[FittedBackend, ...], FittedBackend | None]:
    """Return the fitted backend of each descriptor, and that of all together if asked for, else None.

    Memory holds the features of all images, one to four bytes per entry, and a copy in float32 of those of one descriptor.

    Args:
      descriptors: the descriptors.
      images: the training images.
      fit: the options.
      stage: announces the stages of the work.

    Raises:
      UserError: an image cannot be read, an option is invalid, or there are too few images.
    """
    features = _features(descriptors, images, stage, flip=fit.flip)
    labels = np.tile(images.labels, 2 if fit.flip else 1)
    backends, reduced = [], []
    with stage("fitting", len(features) + fit.joint) as progress:
        for root in descriptors.roots:
            views = features.pop(0)  # its memory is needed
            backends.append(_fit(fit, views, labels, root=root))
            if fit.joint:
                reduced.append(np.asarray(backends[-1].reduced(views)))
            progress(len(backends))
        joint = _fit(fit, np.concatenate(reduced, axis=1), labels) if fit.joint else None
    return tuple(backends), joint


def learn_vocabulary(
    images: ImageSet, geometry: CropGeometry, sift: DenseSift, size: VocabularySize, *, seed: int, loader: str
) -> Vocabulary:
    """Return a vocabulary learned from random training images, without labels.

    Args:
      images: the training images.
      geometry: the crop geometry.
      sift: the grid and the scales of the local descriptors.
      size: the size of the vocabulary.
      seed: the seed of the choice of images and descriptors, and of the mixture.
      loader: the loader that decodes image sets.

    Raises:
      UserError: an image cannot be read, or the images have too few descriptors.
    """
    chosen = np.random.default_rng(seed).permutation(len(images))[:VOCABULARY_IMAGES]
    pixels = decode_all(images.where(np.sort(chosen)), geometry, loader=loader)
    return fit_vocabulary(grey(pixels), sift, size, seed=seed)


def _fit(
    fit: FitOptions, features: Shaped[np.ndarray, "n dim"], labels: Int[np.ndarray, "n"], *, root: bool = False
) -> FittedBackend:
    return fit_backend(fit.name, features, labels, **({"root": True} if root else {}), **fit.options)


def _features(
    descriptors: FaceDescriptors, images: ImageSet, stage: Stage, *, flip: bool
) -> list[Shaped[np.ndarray, "n dim"]]:
    """Return the features of all images by descriptor, followed by those of the mirrored images."""
    features: list[np.ndarray] = []
    done, count = 0, len(images)
    with stage("describing", count) as progress:
        for views in described_batches(descriptors, images, flip=flip):
            if not features:
                features = [np.empty((len(views) * count, part.shape[1]), part.dtype) for part in views[0]]
            size = len(views[0][0])
            for index, view in enumerate(views):
                start = index * count + done
                for array, part in zip(features, view, strict=True):
                    array[start : start + size] = part
            done += size
            progress(done)
    return features
