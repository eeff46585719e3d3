"""Identities excluded or held out of training."""

from collections.abc import Collection, Mapping

from lfw_jax.data.duplicates.leakage import exclusion_note, people_in_both
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.lfw_lists import generate_pairs, split_people
from lfw_jax.errors import UserError

Exclusions = Mapping[str, Collection[str]]
"""The identities excluded from training, by the name of the list that names them."""


def exclude_identities(identities: Collection[str], lists: Exclusions) -> tuple[set[str], dict[str, str], list[str]]:
    """Return the identities that no list names, the others with their list, and notes on them."""
    remaining, excluded, notes = set(identities), {}, []
    for where, names in lists.items():
        if removed := people_in_both(remaining, names):
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
    """Return the remaining identities, without spellings of held-out ones, and pairs of the latter."""
    numbers = images.numbers_of_people()
    remaining, held_out = split_people(numbers, share=share, seed=seed)
    both = people_in_both(remaining, held_out)
    return [name for name in remaining if name not in both], generate_pairs(
        {identity: numbers[identity] for identity in held_out}, pairs=pairs, seed=seed, name=name
    )
