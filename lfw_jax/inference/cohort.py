"""The cohort of score normalisation: embedded images of some training identities."""

import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.inference.run_embedder import RunEmbedder

IMAGES_PER_IDENTITY = 2
"""Largest number of images of an identity that are embedded for its mean."""


def embed_cohort(embedder: RunEmbedder, training: ImageSet, *, identities: int, seed: int) -> EmbeddedImages:
    """Return the embedded images of random training identities, at most two of each.

    Args:
      embedder: what embeds the images.
      training: the training images.
      identities: number of identities; a smaller training set is used entirely.
      seed: seed of the choice.

    Raises:
      UserError: an image cannot be read, or an embedding is not finite.
    """
    images = cohort_images(training, identities=identities, seed=seed)
    names = np.asarray(images.names, np.str_)[images.labels]
    return EmbeddedImages("cohort", embedder.embed_source(images), names, images.numbers)


def cohort_images(training: ImageSet, *, identities: int, seed: int) -> ImageSet:
    """Return the images of random training identities, at most two of each, in their order.

    Args:
      training: the training images.
      identities: number of identities; a smaller training set is used entirely.
      seed: seed of the choice.
    """
    rng, present = np.random.default_rng(seed), np.unique(training.labels)
    chosen = rng.choice(present, min(identities, len(present)), replace=False)
    candidates = rng.permutation(np.flatnonzero(np.isin(training.labels, chosen)))
    candidates = candidates[np.argsort(training.labels[candidates], kind="stable")]
    labels = training.labels[candidates]
    rank = np.arange(len(labels)) - np.searchsorted(labels, labels)
    return training.where(np.sort(candidates[rank < IMAGES_PER_IDENTITY]))
