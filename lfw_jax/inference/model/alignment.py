"""The alignment of a saved system: its card, and its detector if it was learned."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.faces.aligned_folder import SETTINGS
from lfw_jax.faces.congealing.model import ARRAYS, AlignmentModel
from lfw_jax.faces.crops import CropSettings
from lfw_jax.faces.detection import Detect
from lfw_jax.faces.engines import learned_engine
from lfw_jax.inference.model.card import AlignmentCard, SystemCard
from lfw_jax.inference.model.directory import part
from lfw_jax.inference.model.stored_systems import MEMBERS

_ALIGNMENT = "alignment"


def alignment_card(images: ImageSet, learned: AlignmentModel | None) -> AlignmentCard | None:
    """Return the alignment of images, from the settings beside them.

    Args:
      images: the images; all of one folder.
      learned: the learned alignment; None for a detector.

    Returns:
      The alignment; None if this project did not align them.

    Raises:
      UserError: the settings are damaged.
    """
    if images.storage != "files" or not len(images):
        return None
    path = Path(str(images.images[0])).parent.parent / SETTINGS
    if not path.is_file():
        return None
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        file_format, detector = settings.pop("file_format"), settings.pop("detector")
        return AlignmentCard(detector, CropSettings(**settings), file_format, learned.settings if learned else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: not the settings of an alignment ({error}). Remove the folder and align again."
        ) from error


def alignment_arrays(learned: AlignmentModel | None) -> dict[str, np.ndarray]:
    """Return the arrays of a learned alignment; none for None.

    Args:
      learned: the learned alignment.
    """
    return {f"{_ALIGNMENT}/{name}": np.asarray(getattr(learned, name)) for name in ARRAYS} if learned else {}


def learned_detector(system: SystemCard, arrays: Mapping[str, np.ndarray]) -> Detect | None:
    """Return the detector of a learned alignment; None if faces are found by a detector of faces.

    All members of a fused system have the learned alignment of the whole.

    Args:
      system: the card of the system.
      arrays: its arrays.

    Raises:
      UserError: the arrays lack the learned alignment of the card.
    """
    if system.members:
        name, member = next(iter(system.members.items()))
        return learned_detector(member, part(arrays, f"{MEMBERS}/{name}"))
    if system.alignment is None or system.alignment.learned is None:
        return None
    found = part(arrays, _ALIGNMENT)
    if missing := [name for name in ARRAYS if name not in found]:
        raise UserError(
            f"model: found no array {_ALIGNMENT}/{missing[0]}. The card belongs to other arrays: copy both again."
        )
    centres, weights, offsets = (found[name] for name in ARRAYS)
    return learned_engine(AlignmentModel(centres, weights, offsets, system.alignment.learned)).make()


def alignment_of(system: SystemCard) -> AlignmentCard | None:
    """Return the alignment of a system.

    The members of a fused system have one alignment; their crops may differ in size.

    Args:
      system: the card of the system.
    """
    members = map(alignment_of, system.members.values())
    return system.alignment or next((member for member in members if member is not None), None)
