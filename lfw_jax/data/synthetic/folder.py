"""Writing a set of synthetic faces as an LFW folder with View 1 lists, atomically."""

import itertools
import json
import math
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from lfw_jax.data.protocols import lfw_lists
from lfw_jax.data.synthetic.portrait import draw, jpeg_quality
from lfw_jax.errors import UserError

VERSION = 1
"""The version of pixels, names and lists, incremented with every change to them."""

MANIFEST = "synthetic.json"
_SMALLEST_SIDE = 16
_MOST_IMAGES = 9999  # the file name has four digits
_TRAIN_PAIRS, _TEST_PAIRS = 1100, 500  # the numbers of pairs of each kind in LFW's View 1

# Parts of pronounceable, invented first and last names.
_FIRST_STARTS = ("Mi", "Ta", "Lo", "Ke", "Su", "Ve", "Da", "Ni", "Ro", "Fe", "Ja", "Bel", "Car", "Hel", "Or", "Il")
_FIRST_ENDS = ("ra", "lio", "nen", "vik", "sha", "mo", "dan", "le", "tis", "bor", "ya", "reth")
_LAST_STARTS = ("Tol", "Bran", "Ces", "Dur", "Fal", "Grel", "Hol", "Kar", "Lun", "Mar", "Ost", "Pel", "Rav", "Sil")
_LAST_MIDDLES = ("", "a", "e", "i", "o")
_LAST_ENDS = ("ven", "dor", "kin", "ster", "mund", "berg", "lund", "quist")

FIRST_NAMES = ["".join(parts) for parts in itertools.product(_FIRST_STARTS, _FIRST_ENDS)]
LAST_NAMES = ["".join(parts) for parts in itertools.product(_LAST_STARTS, _LAST_MIDDLES, _LAST_ENDS)]
NAME_COUNT = len(FIRST_NAMES) * len(LAST_NAMES)
"""The number of distinct names."""


def write_folder(
    directory: Path,
    *,
    people: int,
    images_per_person: int,
    side: int = 250,
    seed: int = 0,
    test_share: float = 0.3,
) -> Path:
    """Write synthetic faces as an LFW folder: `<Name>/<Name>_NNNN.jpg` and the four lists of View 1.

    The folder appears atomically, when it is complete. A folder written with the same arguments is not written again.

    Args:
      directory: the folder.
      people: the number of identities.
      images_per_person: the number of images per identity.
      side: the side of the images in pixels.
      seed: the seed of the set.
      test_share: the share of identities in the test lists; the others are in the training lists.

    Returns:
      `directory`.

    Raises:
      UserError: a number is out of range, or the folder has any other content.
    """
    directory = Path(directory)
    arguments = {
        "version": VERSION,
        "people": people,
        "images_per_person": images_per_person,
        "side": side,
        "seed": seed,
        "test_share": test_share,
    }
    testing = _check(people, images_per_person, side, seed, test_share)
    if _already_written(directory, arguments):
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = directory.parent / f".{directory.name}.{secrets.token_hex(8)}"
    draft.mkdir()
    try:
        for person in range(people):
            _write_person(draft, seed, person, images_per_person, side)
        _write_lists(draft, [name_of(seed, person) for person in range(people)], testing, images_per_person, seed)
        (draft / MANIFEST).write_text(json.dumps(arguments, indent=2) + "\n", encoding="utf-8")
        _publish(draft, directory, arguments)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return directory


def name_of(seed: int, person: int) -> str:
    """Return the name of an identity, `First_Last`, which is unique within a seed.

    Args:
      seed: the seed of the set.
      person: the index of the identity, from 0 and below `NAME_COUNT`.
    """
    # Steps coprime to the number of names visit each name once.
    rng = np.random.default_rng(np.random.SeedSequence((seed, 0)))
    start, step = rng.integers(NAME_COUNT, size=2).tolist()
    while math.gcd(step, NAME_COUNT) != 1:
        step += 1
    first, last = divmod((start + person * step) % NAME_COUNT, len(LAST_NAMES))
    return f"{FIRST_NAMES[first]}_{LAST_NAMES[last]}"


def _check(people: int, images: int, side: int, seed: int, test_share: float) -> list[bool]:
    """Return a mask of the test identities. Raises UserError for numbers that give no lists of pairs."""
    for key, value, low, high in (
        ("images_per_person", images, 2, _MOST_IMAGES),
        ("side", side, _SMALLEST_SIDE, 4096),
        ("people", people, 4, NAME_COUNT),
        ("seed", seed, 0, 2**63),
    ):
        if not low <= value <= high:
            raise UserError(f"Synthetic faces: {key} is {value}; expected a whole number from {low} to {high}.")
    # Where a rounded-down line steps up, so that a larger set keeps the sides of a smaller one.
    testing = [int((person + 1) * test_share + 1e-9) > int(person * test_share + 1e-9) for person in range(people)]
    if not 0 < test_share < 1 or min(sum(testing), people - sum(testing)) < 2:
        raise UserError(
            f"Synthetic faces: a test_share of {test_share} splits {people} identities into {people - sum(testing)} for "
            f"training and {sum(testing)} for testing; expected at least two of each. Increase people or change test_share."
        )
    return testing


def _already_written(directory: Path, arguments: Mapping[str, float]) -> bool:
    """Return True for the same set, False for an empty or missing folder; else raise UserError."""
    if not os.path.lexists(directory):
        return False
    if directory.is_dir() and not any(directory.iterdir()):
        return False
    advice = "Choose another folder, or delete this one to have it written again."
    try:
        found = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{directory}: found something other than a set of synthetic faces ({MANIFEST} is missing or broken), "
            f"expected an empty folder or a set written before. {advice}"
        ) from error
    if found != arguments:
        raise UserError(f"{directory}: found synthetic faces written with {found}, expected {arguments}. {advice}")
    return True


def _write_person(folder: Path, seed: int, person: int, images: int, side: int) -> None:
    name = name_of(seed, person)
    (folder / name).mkdir()
    for number in range(1, images + 1):
        picture = Image.fromarray(draw(seed, person, number, side))
        picture.save(folder / name / f"{name}_{number:04d}.jpg", quality=jpeg_quality(seed, person, number))


def _write_lists(folder: Path, names: list[str], testing: list[bool], images: int, seed: int) -> None:
    for half, tested, most in (("Train", False, _TRAIN_PAIRS), ("Test", True, _TEST_PAIRS)):
        counts = {name: images for name, test in sorted(zip(names, testing, strict=True)) if test is tested}
        lines = [str(len(counts)), *(f"{name}\t{count}" for name, count in counts.items())]
        (folder / f"peopleDev{half}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        pairs = lfw_lists.generate_pairs(counts, pairs=most, seed=seed, name=f"pairsDev{half}")
        lfw_lists.write_pairs(folder / f"pairsDev{half}.txt", pairs)


def _publish(draft: Path, directory: Path, arguments: Mapping[str, float]) -> None:
    """Rename the complete draft atomically, unless another process has written the same set meanwhile."""
    try:
        draft.rename(directory)
    except OSError:
        if not _already_written(directory, arguments):
            raise
