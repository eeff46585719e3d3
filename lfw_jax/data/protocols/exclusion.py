"""Identities that are excluded from training."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import TypeVar

import numpy as np

from lfw_jax.data.duplicates.leakage import exclusion_note, shared_identities
from lfw_jax.data.duplicates.same_images import MOST_ENCODED, compares, same_images
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.identification_sets import IdentificationSet
from lfw_jax.errors import UserError

Evaluated = TypeVar("Evaluated", EvaluationSet, IdentificationSet)

Exclusions = Mapping[str, Collection[str]]
"""The identities excluded from training, by the name of the list that names them."""


def exclude_identities(identities: Collection[str], lists: Exclusions) -> tuple[set[str], dict[str, str], list[str]]:
    """Exclude the identities that lists name, in any spelling.

    Args:
      identities: the names of the identities that could be used for training.
      lists: the names to exclude, by the list that contains them.

    Returns:
      The remaining identities, the excluded ones with the list that names them, and remarks on the exclusions.

    Raises:
      UserError: no identity remains.
    """
    remaining, excluded, notes = set(identities), {}, []
    for where, names in lists.items():
        if removed := shared_identities(remaining, names):
            notes.append(exclusion_note(removed, where))
            remaining -= removed.keys()
            excluded |= dict.fromkeys(removed, where)
    if not remaining:
        raise UserError(
            f"--config.data.protocol: {', '.join(lists)} name every identity of the data, so none is left for training. "
            "Train on other identities, or evaluate on other pairs."
        )
    return remaining, excluded, notes


def add_identities_of_same_images(item: Evaluated, images: ImageSet) -> Evaluated:
    """Return the set with the identities of the data that have an image in it.

    An image is recognised by its content, whatever the set calls its identity and wherever it lies.

    Args:
      item: the set.
      images: the images of the data, as they were read: aligned crops equal no original.

    Returns:
      The set; `people` has the data's names of the identities that it did not have in any spelling, and a note counts them.
    """
    if not compares(images):
        note = (
            f"the {len(images):,} images of the data are too many to be compared with {item.name} by content (more than "
            f"{MOST_ENCODED:,}): near duplicates are the only check of identities that it does not name "
            "(--config.data.near_duplicates=list)."
        )
        return dataclasses.replace(item, notes=(*item.notes, note))
    found = same_images(images, item.images)
    names = {images.names[label] for label in np.unique(images.labels[found]).tolist()}
    unnamed = names - shared_identities(names, item.identities).keys()
    if not unnamed:
        return item
    count = "1 identity" if len(unnamed) == 1 else f"{len(unnamed)} identities"
    note = f"{count} of the data {'has' if len(unnamed) == 1 else 'have'} images in {item.name} that it does not name as theirs."
    return dataclasses.replace(item, identities=item.identities | unnamed, notes=(*item.notes, note))
