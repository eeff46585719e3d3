"""Identities that are held out of training, for validation or for the test."""

import hashlib
from collections.abc import Mapping

from lfw_jax.data.duplicates.leakage import people_in_both
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import Images, PairList, image_numbers
from lfw_jax.data.protocols.lfw_lists import generate_pairs
from lfw_jax.errors import UserError


def split_people(counts: Mapping[str, Images], *, share: float, seed: int) -> tuple[list[str], list[str]]:
    """Split identities into training and held-out ones.

    The side of an identity depends only on the seed and its name, so that adding or removing identities does not move any other.
    The share is met on average.

    Args:
      counts: the images of each identity.
      share: the share of held-out identities, between 0 and 1.
      seed: the seed of the split.

    Returns:
      The names of the training identities and of the held-out identities, both sorted.

    Raises:
      UserError: no identity is left for training, or fewer than two identities with two images are held out.
    """
    if not 0 < share < 1:
        raise UserError(f"The share of held-out identities is {share}; expected a number between 0 and 1, such as 0.1.")
    training: list[str] = []
    validation: list[str] = []
    for name in sorted(counts):
        digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
        side = validation if int.from_bytes(digest[:8]) < share * 2**64 else training
        side.append(name)
    several = sum(len(image_numbers(counts[name])) >= 2 for name in validation)
    if several < 2 or not training:
        raise UserError(
            f"Holding out a share of {share} of {len(counts)} identities (seed {seed}) leaves {len(training)} for training "
            f"and holds out {several} with two images or more; expected at least 1 and 2. Change the share or the seed, or "
            "add identities."
        )
    return training, validation


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
    numbers = images.numbers_of_people()
    remaining, held_out = split_people(numbers, share=share, seed=seed)
    both = people_in_both(remaining, held_out)
    return [name for name in remaining if name not in both], generate_pairs(
        {identity: numbers[identity] for identity in held_out}, pairs=pairs, seed=seed, name=name
    )
