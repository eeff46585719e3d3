"""Who and what is both trained on and judged: people by name, pictures by their look."""

import csv
import dataclasses
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.duplicates.near_duplicates import find_near_duplicates, perceptual_hashes
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.errors import UserError

_SEPARATORS = re.compile(r"[\s_\-‐-―−]+")
_SHOWN = 3
_COLUMNS = ("training_person", "training_number", "training_image", "list", "judged_person", "judged_number",
            "judged_image", "distance")  # fmt: skip


def comparable_name(name: str) -> str:
    """A name without what differs between lists of the same people: case, Unicode form (NFKC), blanks, "_" and hyphens."""
    return unicodedata.normalize("NFKC", _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold()))


def people_in_both(training: Iterable[str], judged: Iterable[str]) -> dict[str, str]:
    """The training people whose name is in a list, however it is spelt: their name → the list's spelling."""
    exact = frozenset(judged)
    spelt = {comparable_name(name): name for name in sorted(exact)}
    return {
        name: name if name in exact else spelt[comparable]
        for name in training
        if (comparable := comparable_name(name)) in spelt
    }


def kept_out_note(removed: Mapping[str, str], where: str) -> str:
    """How many people were kept out of training because a list names them, and who of them is spelt differently."""
    people = "1 person named" if len(removed) == 1 else f"{len(removed)} people named"
    note = f"{people} in {where} {'was' if len(removed) == 1 else 'were'} kept out of training"
    differing = [f"{name} ({other})" for name, other in sorted(removed.items()) if name != other]
    if differing:
        more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        note += f", {len(differing)} of them spelt differently there: {', '.join(differing[:_SHOWN])}{more}"
    return f"{note}."


@dataclasses.dataclass(frozen=True)
class SharedPicture:
    """A training image that is nearly the same picture as a judged one.

    Attributes:
      training_person, training_number, training_image: who it shows, its number among theirs, and what it is called.
      list: the list of pairs that names the other.
      judged_person, judged_number, judged_image: the same of the other.
      distance: in how many of 256 bits their perceptual hashes differ.
    """

    training_person: str
    training_number: int
    training_image: str
    list: str
    judged_person: str
    judged_number: int
    judged_image: str
    distance: int


def shared_pictures(
    training: ImageSet, judged: Sequence[tuple[PairList, ImageSet, float]], *, crop: float = 1.0
) -> tuple[SharedPicture, ...]:
    """All near duplicates between the training images and those that some lists name.

    Args:
      training: the images that train; each is decoded once, small.
      judged: lists, each with the set that its images are in, and the share of their sides that is compared: what a margin
        surrounds.
      crop: that share of the training images.

    Raises:
      UserError: an image that cannot be decoded.
    """
    found: list[SharedPicture] = []
    hashes = perceptual_hashes(training, crop=crop)
    for pairs, images, other_crop in judged:
        chosen = images.where(images.places(pairs.keys()))
        near = find_near_duplicates(training, chosen, hashes=hashes, crop=crop, other_crop=other_crop)
        for (ours, theirs), distance in zip(near.pairs.tolist(), near.distances.tolist(), strict=True):
            (name, number), (other, other_number) = _key(training, ours), _key(chosen, theirs)
            ours, theirs = training.describe(ours), chosen.describe(theirs)
            found.append(SharedPicture(name, number, ours, pairs.name, other, other_number, theirs, distance))
    return tuple(found)


def without(training: ImageSet, shared: Collection[SharedPicture]) -> ImageSet:
    """The training images that are no near duplicate of a judged one."""
    keys = list(dict.fromkeys((item.training_person, item.training_number) for item in shared))
    try:
        places = training.places(keys)
    except KeyError as error:
        name, number = error.args[0]
        raise UserError(
            f"near_duplicates.csv names image {number} of {name}, which is not among the training images. Use the data "
            "that the run was begun with, or train anew in another folder."
        ) from error
    keep = np.ones(len(training), bool)
    keep[places] = False
    return training.where(np.flatnonzero(keep))


def write_shared_pictures(path: str | Path, shared: Sequence[SharedPicture]) -> None:
    """Write near duplicates as a CSV file, whole or not at all. Raises UserError where it cannot be written."""
    with (
        written_atomically(Path(path), replace=True) as (unfinished,),
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(dataclasses.astuple(item) for item in shared)


def read_shared_pictures(path: str | Path) -> tuple[SharedPicture, ...]:
    """Read what `write_shared_pictures` wrote. Raises UserError for another file."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != _COLUMNS:
                raise ValueError(f"expected the columns {', '.join(_COLUMNS)}")
            rows = list(reader)
        numbers = ("training_number", "judged_number", "distance")
        return tuple(SharedPicture(**(row | {name: int(row[name]) for name in numbers})) for row in rows)  # pyright: ignore[reportArgumentType, reportCallIssue]
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise UserError(
            f"{path}: not the list of near duplicates that a run writes ({error}). Train anew in another folder."
        ) from error


def _key(images: ImageSet, place: int) -> tuple[str, int]:
    return images.names[images.labels[place]], int(images.numbers[place])
