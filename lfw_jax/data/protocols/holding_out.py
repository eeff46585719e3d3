"""Identities that are held out of training, for validation or for the test."""

import hashlib
import itertools
from collections.abc import Mapping
from typing import Any

from lfw_jax.data.duplicates.leakage import shared_identities
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import Images, PairList, image_numbers
from lfw_jax.data.protocols.lfw_lists import generate_pairs
from lfw_jax.errors import UserError

LEAST = 2
"""The least number of held-out identities with two images: fewer give no same pair, or no different one of such identities."""

_FEW = 10  # identities, with fewer of which a threshold is a matter of luck


def split_seed(config: Mapping[str, Any]) -> int:
    """Return the seed of the held-out identities and of the sampled pairs.

    Args:
      config: the whole configuration: `data.split_seed`, or `seed` if that is negative or absent.
    """
    seed = config["data"].get("split_seed", -1)
    return config["seed"] if seed < 0 else seed


def split_identities(
    counts: Mapping[str, Images], *, share: float, seed: int, key: str = "share", leave: int = 0
) -> tuple[list[str], list[str]]:
    """Split identities into training and held-out ones.

    The side of an identity depends only on the seed and its name, so that adding or removing identities does not move any other.
    The share is met on average. Only in a set so small that this would hold out fewer than two identities with two images, or
    leave too few, the next identities in the same random order change their side.

    Args:
      counts: the images of each identity.
      share: the share of held-out identities, between 0 and 1.
      seed: the seed of the split.
      key: the name of the share in messages.
      leave: the number of identities with two images that must remain besides one more, because others are held out later.

    Returns:
      The names of the training identities and of the held-out identities, both sorted.

    Raises:
      UserError: the share is out of range, or there are too few identities with two images.
    """
    if not 0 < share < 1:
        raise UserError(f"{key} is {share}; expected a number between 0 and 1, such as 0.1.")
    draws = sorted((_draw(name, seed), name) for name in counts)
    order = [name for _, name in draws]
    first = list(itertools.islice((name for name in order if _has_two(counts[name])), LEAST))
    last = [name for name in reversed(order) if name not in first]
    spared = list(itertools.islice((name for name in last if _has_two(counts[name])), leave))
    one_more = next((name for name in last if name not in spared), None)
    if len(first) < LEAST or len(spared) < leave or one_more is None:
        several = sum(_has_two(images) for images in counts.values())
        raise UserError(
            f"{key} {share} cannot be held out of {len(counts)} identities, {several} with two images or more; expected at least "
            f"{LEAST + leave + 1}, {LEAST + leave} with two images or more. Add images of more identities, or evaluate on a list "
            "of other identities (--config.data.protocol=pairs)."
        )
    held_out = {name for draw, name in draws if draw < share * 2**64}
    held_out = (held_out | set(first)) - {*spared, one_more}
    return sorted(set(order) - held_out), sorted(held_out)


def _draw(name: str, seed: int) -> int:
    """Return a number below 2⁶⁴ that depends on nothing but the seed and the name."""
    return int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8])


def _has_two(images: Images) -> bool:
    return len(image_numbers(images)) >= 2


def hold_out(
    images: ImageSet,
    config: Mapping[str, Any],
    key: str,
    name: str,
    *,
    seed: int,
    leave: int = 0,
    per_identity: int = 0,
) -> tuple[list[str], PairList]:
    """Hold out identities and generate pairs of them.

    Args:
      images: the images of the identities.
      config: the `data` part of the configuration: the share `key` of held-out identities, between 0 and 1, and `pairs`, the
        number of same pairs, and of different pairs.
      key: "validation_people" or "test_people".
      name: the name of the list of pairs.
      seed: the seed of the choice and of the pairs.
      leave: as for `split_identities`.
      per_identity: as for `generate_pairs`.

    Returns:
      The remaining identities, without other spellings of the held-out ones, and the pairs.

    Raises:
      UserError: the share is out of range, or too few identities remain or are held out.
    """
    numbers, path = images.numbers_by_identity(), f"--config.data.{key}"
    remaining, held_out = split_identities(numbers, share=config[key], seed=seed, key=path, leave=leave)
    both = shared_identities(remaining, held_out)
    if len(both) == len(remaining):
        raise UserError(
            f"{path}: all identities that are not held out are other spellings of those that are, as {min(both)} of "
            f"{both[min(both)]}; expected other identities for training. Add identities."
        )
    pairs = generate_pairs(
        {identity: numbers[identity] for identity in held_out},
        pairs=config["pairs"],
        seed=seed,
        name=name,
        per_identity=per_identity,
    )
    return [name for name in remaining if name not in both], pairs


def notes_on_few(pairs: PairList, key: str, consequence: str) -> list[str]:
    """Return a note if generated pairs are of too few identities for reliable results.

    Args:
      pairs: the pairs of held-out identities.
      key: the key of their share in `config.data`.
      consequence: what depends on them, as a clause.
    """
    several = len({name for (name, _), same in zip(pairs.first, pairs.same.tolist(), strict=True) if same})
    if several >= _FEW:
        return []
    return [
        f"only {several} identities with two images or more are in {pairs.name}, so {consequence}: raise --config.data.{key}, or "
        "add identities."
    ]
