"""Identities that are excluded or held out of training."""

from collections.abc import Collection, Mapping

from lfw_jax.data.duplicates.leakage import exclusion_note, shared_identities
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.lfw_lists import generate_pairs, split_identities
from lfw_jax.errors import UserError

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


def hold_out(images: ImageSet, share: float, pairs: int, name: str, *, seed: int) -> tuple[list[str], PairList]:
    """Hold out identities and generate pairs of them.

    Args:
      images: the images of the identities.
      share: the share of held-out identities, between 0 and 1.
      pairs: the number of same pairs, and of different pairs.
      name: the name of the list of pairs.
      seed: the seed of the choice and of the pairs.

    Returns:
      The remaining identities, without other spellings of the held-out ones, and the pairs.

    Raises:
      UserError: the share is out of range, or too few identities remain or are held out.
    """
    numbers = images.numbers_by_identity()
    remaining, held_out = split_identities(numbers, share=share, seed=seed)
    both = shared_identities(remaining, held_out)
    return [name for name in remaining if name not in both], generate_pairs(
        {identity: numbers[identity] for identity in held_out}, pairs=pairs, seed=seed, name=name
    )
