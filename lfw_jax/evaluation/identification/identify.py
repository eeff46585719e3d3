"""Identification of probes in a gallery, by a protocol or within the images of one list."""

import dataclasses

import numpy as np

from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.identification.cmc import cmc
from lfw_jax.evaluation.identification.open_set import open_set
from lfw_jax.evaluation.identification.protocol import Templates
from lfw_jax.evaluation.identification.results import IdentificationResult
from lfw_jax.evaluation.identification.retrieval import retrieve
from lfw_jax.evaluation.identification.search import search


def identify(probes: Templates, gallery: Templates, *, name: str) -> IdentificationResult:
    """Identify probes in a gallery: closed-set rates over the mated probes, open-set rates over all.

    Args:
      probes: the probes.
      gallery: the gallery, perhaps with distractors.
      name: name of the result.

    Raises:
      UserError: no probe, or an empty gallery.
    """
    found = search(probes, gallery, best=0)
    return IdentificationResult(
        name=name,
        gallery=int(gallery.known.sum()),
        identities=len(np.unique(gallery.subjects[gallery.known])),
        distractors=int(np.sum(~gallery.known)),
        closed_set=cmc(found, probes.subjects, len(gallery)) if found.mated.any() else None,
        open_set=open_set(found),
    )


def identify_images(images: EmbeddedImages) -> IdentificationResult | None:
    """Identify the images of one list in a gallery made of the list itself, and retrieve each among all.

    The gallery has the first image, by number, of every identity with two images or more. The other images of these identities
    are the mated probes, and the images of all other identities the non-mated ones.

    Args:
      images: the images; their identities must be known.

    Returns:
      The results; None if fewer than two identities have two images.
    """
    every = Templates(images.name, images.embeddings, images.identities)
    labels = images.labels()
    order = np.lexsort((images.numbers, labels))
    first = np.zeros(len(images), bool)
    first[order] = np.diff(labels[order], prepend=-1) > 0
    entries = first & (np.bincount(labels) > 1)[labels]
    if entries.sum() < 2:
        return None
    gallery, probes = every.where(entries, images.name), every.where(~entries, images.name)
    result = identify(probes, gallery, name=images.name)
    return dataclasses.replace(result, retrieval=retrieve(every))
