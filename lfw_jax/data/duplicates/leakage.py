"""Leakage between training and test sets: identities by name, images by perceptual hashes."""

import csv
import dataclasses
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.duplicates.near_duplicates import find_near_duplicates, perceptual_hashes
from lfw_jax.data.formats.spreadsheet_cells import from_cell, to_cell
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import NamedImages
from lfw_jax.errors import UserError

_ACUTE = "\xb4"  # which NFKC decomposes into a blank and a combining accent
# Blanks, "_", hyphens, apostrophes and their substitutes (with the modifier letters U+02B9 to U+02BF, U+02C8, U+02CA and U+02CB).
_SEPARATORS = re.compile(rf"[\s_\-‐-―−'`{_ACUTE}‘-‛′‵ʹ-ʿˈˊˋꞋꞌ]+")
# The code points that Unicode calls default ignorable: soft hyphen, zero-width characters, direction marks, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_DOTS_OF_I = re.compile("i\u0307+|\u0131")  # the lower case of the Turkish dotted capital, and the dotless letter
_EXAMPLES = 3
_COLUMNS = ("training_identity", "training_number", "training_image", "list", "test_identity", "test_number", "test_image",
            "distance")  # fmt: skip
_NUMBERS = ("training_number", "test_number", "distance")
# The names of the same columns in the files of earlier runs.
_FORMER_COLUMNS = ("training_person", "training_number", "training_image", "list", "judged_person", "judged_number",
                   "judged_image", "distance")  # fmt: skip


def comparable_name(name: str) -> str:
    """Normalise a name, so that the spellings of an identity in several lists become equal.

    Differences in case (of the Turkish i, too), Unicode form (NFKC), blanks, "_", hyphens, apostrophes and invisible characters
    are removed.

    Args:
      name: any text.

    Example:
      >>> comparable_name("Sinéad_O’Connor") == comparable_name("sinéad o'connor") == "sinéadoconnor"
      True
    """
    if name.isascii():
        return _SEPARATORS.sub("", name.lower())
    while (folded := _folded(name)) != name:  # removing a character can let its neighbours combine
        name = folded
    return name


def _folded(name: str) -> str:
    visible = _INVISIBLE.sub("", _SEPARATORS.sub("", unicodedata.normalize("NFC", name)))
    return _SEPARATORS.sub("", _DOTS_OF_I.sub("i", unicodedata.normalize("NFKC", visible).casefold()))


def shared_identities(training: Iterable[str], test: Iterable[str]) -> dict[str, str]:
    """Find the training identities that are also in a test list, regardless of spelling.

    Args:
      training: the names of the training identities.
      test: the names in the test list.

    Returns:
      The training name → the spelling of the list.
    """
    exact = frozenset(test)
    spelling = {comparable_name(name): name for name in sorted(exact)}
    return {
        name: name if name in exact else spelling[comparable]
        for name in training
        if (comparable := comparable_name(name)) in spelling
    }


def exclusion_note(removed: Mapping[str, str], where: str) -> str:
    """Return the note on identities that were excluded from training because a test list contains them.

    Args:
      removed: the training name → the spelling of the list, as from `shared_identities`.
      where: the name of the list.
    """
    identities = "1 identity named" if len(removed) == 1 else f"{len(removed)} identities named"
    note = f"{identities} in {where} {'was' if len(removed) == 1 else 'were'} excluded from training"
    differing = [f"{name} ({other})" for name, other in sorted(removed.items()) if name != other]
    if differing:
        more = f" and {len(differing) - _EXAMPLES} more" if len(differing) > _EXAMPLES else ""
        note += f", {len(differing)} of them spelt differently there: {', '.join(differing[:_EXAMPLES])}{more}"
    return f"{note}."


@dataclasses.dataclass(frozen=True)
class SharedPicture:
    """A training image that is a near duplicate of a test image.

    Attributes:
      training_identity: the identity of the training image.
      training_number: its number within the identity.
      training_image: its file, or its identity and number.
      list: the pair list that contains the test image.
      test_identity: the identity of the test image.
      test_number: its number within the identity.
      test_image: its file, or its identity and number.
      distance: the Hamming distance of their 256-bit perceptual hashes.
    """

    training_identity: str
    training_number: int
    training_image: str
    list: str
    test_identity: str
    test_number: int
    test_image: str
    distance: int


def shared_pictures(
    training: ImageSet, evaluated: Sequence[tuple[NamedImages, ImageSet, float]], *, crop: float = 1.0
) -> tuple[SharedPicture, ...]:
    """Find all near duplicates between the training images and the images of test lists.

    Args:
      training: the training images; each is decoded once, at low resolution.
      evaluated: the lists, each with the set of its images and the central fraction of the sides that is compared, which
        leaves out a margin.
      crop: this fraction for the training images.

    Returns:
      One item for each pair of a training image and a test image that are near duplicates.

    Raises:
      UserError: an image cannot be decoded.
    """
    found: list[SharedPicture] = []
    hashes = perceptual_hashes(training, crop=crop)
    for pairs, images, other_crop in evaluated:
        chosen = images.where(images.indices(pairs.keys()))
        near = find_near_duplicates(training, chosen, hashes=hashes, crop=crop, other_crop=other_crop)
        for (ours, theirs), distance in zip(near.pairs.tolist(), near.distances.tolist(), strict=True):
            (name, number), (other, other_number) = _key(training, ours), _key(chosen, theirs)
            ours, theirs = training.describe(ours), chosen.describe(theirs)
            found.append(SharedPicture(name, number, ours, pairs.name, other, other_number, theirs, distance))
    return tuple(found)


def without(training: ImageSet, shared: Collection[SharedPicture]) -> ImageSet:
    """Return the training images without near duplicates of test images.

    Args:
      training: the training images.
      shared: the near duplicates to remove.

    Raises:
      UserError: a near duplicate is not among the training images.
    """
    keys = list(dict.fromkeys((item.training_identity, item.training_number) for item in shared))
    try:
        indices = training.indices(keys)
    except KeyError as error:
        name, number = error.args[0]
        raise UserError(
            f"near_duplicates.csv names image {number} of {name}, which is not among the training images. Use the data "
            "with which the run was started, or train again in another folder."
        ) from error
    keep = np.ones(len(training), bool)
    keep[indices] = False
    return training.where(np.flatnonzero(keep))


def write_shared_pictures(path: str | Path, shared: Sequence[SharedPicture]) -> None:
    """Write near duplicates to a CSV file, atomically.

    Args:
      path: the file; an existing one is replaced.
      shared: the near duplicates.

    Raises:
      UserError: the file cannot be written.
    """
    with (
        written_atomically(Path(path), replace=True) as (unfinished,),
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for item in shared:
            writer.writerow(
                [to_cell(value) if isinstance(value, str) else value for value in dataclasses.astuple(item)]
            )


def read_shared_pictures(path: str | Path) -> tuple[SharedPicture, ...]:
    """Read a file written by `write_shared_pictures`.

    Raises:
      UserError: the file is missing or has other content.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) not in (_COLUMNS, _FORMER_COLUMNS):
                raise ValueError(f"expected the columns {', '.join(_COLUMNS)}")
            reader.fieldnames = _COLUMNS
            rows = list(reader)
        return tuple(
            SharedPicture(**{name: int(cell) if name in _NUMBERS else from_cell(cell) for name, cell in row.items()})  # pyright: ignore[reportArgumentType, reportCallIssue]
            for row in rows
        )
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise UserError(
            f"{path}: not the list of near duplicates that a run writes ({error}). Train again in another folder."
        ) from error


def _key(images: ImageSet, index: int) -> tuple[str, int]:
    return images.names[images.labels[index]], int(images.numbers[index])
