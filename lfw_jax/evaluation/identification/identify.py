"""Identification of probes in a gallery, by a protocol or within the images of one list."""

import dataclasses

import numpy as np

from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.identification.cmc import cmc
from lfw_jax.evaluation.identification.open_set import open_set
from lfw_jax.evaluation.identification.protocol import Templates
from lfw_jax.evaluation.identification.results import IdentificationResult
from lfw_jax.evaluation.identification.retrieval import retrieve
from lfw_jax.evaluation.identification.search import search


def identify(probes: Templates, gallery: Templates, *, name: str, closed: bool = False) -> IdentificationResult:
    """Identify probes in a gallery: closed-set rates over the mated probes, open-set rates over all.

    Args:
      probes: the probes.
      gallery: the gallery, perhaps with distractors.
      name: name of the result.
      closed: the protocol promises a mate for each probe, and a probe without one is refused.

    Raises:
      UserError: no probe, an empty gallery, or a probe without mate in a closed protocol.
    """
    found = search(probes, gallery, best=0)
    without = np.flatnonzero(~found.mated)
    if closed and len(without):
        raise UserError(
            f"{name}: {len(without)} of {len(probes)} probes have no mate in the gallery, the first of "
            f"{probes.subjects[without[0]] or 'an unknown identity'}; expected a mate for each, as the protocol is closed. "
            "Correct the lists, or remove the line closed."
        )
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
