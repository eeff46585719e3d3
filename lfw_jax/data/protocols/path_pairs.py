"""Pairs of image files, as lists other than LFW's name them: by path."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from lfw_jax.data.formats.files import check_files
from lfw_jax.data.images import ImageSet, count_up
from lfw_jax.data.pair_list import PairList
from lfw_jax.errors import UserError

TENTHS = 10
_NUMBERED = re.compile(r"(.+)_\d+")


@dataclasses.dataclass(frozen=True, eq=False)
class PathPairs:
    """A list of pairs of files.

    Attributes:
      name: what reports call the list.
      first: the first path of each pair, as the list has it.
      second: the second path of each pair.
      same: `[pairs]`, true where both show one person.
      folds: `[pairs]`, the fold of each pair from 0; None where the list has no folds.
      development: `[pairs]`, true for pairs on which thresholds are chosen; None where all pairs are judged.
      people: the person on each path, where the list says so; otherwise taken from the paths.
    """

    name: str
    first: Sequence[str]
    second: Sequence[str]
    same: Bool[np.ndarray, "pairs"]
    folds: Int[np.ndarray, "pairs"] | None = None
    development: Bool[np.ndarray, "pairs"] | None = None
    people: dict[str, str] = dataclasses.field(default_factory=dict)


def tenths(pairs: int, folds: int = TENTHS) -> Int[np.ndarray, "pairs"]:
    """Ten parts of a list, one after another, as even as possible, the first ones longer: unshuffled folds."""
    sizes = [len(part) for part in np.array_split(np.arange(pairs), folds)]
    return np.repeat(np.arange(folds), sizes)


def tenths_of_each_kind(same: Bool[np.ndarray, "pairs"]) -> Int[np.ndarray, "pairs"]:
    """Ten parts in order that each hold a tenth of the same and a tenth of the different pairs."""
    folds = np.zeros(len(same), np.int64)
    for kind in (same, ~same):
        folds[kind] = tenths(int(kind.sum()))
    return folds


def find_files(listed: PathPairs, roots: Sequence[Path], path: Path) -> tuple[dict[str, Path], Path]:
    """Where the files of a list are: under the first root that has its first file.

    Args:
      listed: the list.
      roots: the folders that relative paths may start from.
      path: of the list, for messages.

    Returns:
      The file of each path of the list, each once, in the order of their first appearance; and the root.

    Raises:
      UserError: a file that is missing or no readable image. Nothing is left out: a list with fewer pairs would be another.
    """
    paths = list(dict.fromkeys(name for pair in zip(listed.first, listed.second, strict=True) for name in pair))
    root = next((root for root in roots if (root / paths[0]).is_file()), roots[0])
    files = {name: root / name for name in paths}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        searched = root if len(missing) < len(files) else ", ".join(map(str, roots))
        raise UserError(
            f"{path}: {len(missing)} of the {len(files)} images it names are missing in {searched}, the first {missing[0]}. "
            f"Correct the paths, or name the folder of the images after the list: {path}@FOLDER."
        )
    _, faulty = check_files(list(files.values()))
    if faulty:
        raise UserError(
            f"{path}: it names {faulty[0].path}, which is {faulty[0].reason}. Repair the file, or leave its pairs out of the "
            "list."
        )
    return files, root


def images_of(
    listed: PathPairs, files: dict[str, Path], root: Path
) -> tuple[ImageSet, PairList, frozenset[str], bool]:  # fmt: skip
    """The files of a list as a set of images, and the list over it.

    Who is on an image is what the list says, or the name of its folder, or, of files that lie in `root` itself, what
    stands before the number in `<Name>_0001.jpg`. Where that contradicts the pairs, folders are no people, and nothing is
    taken from the paths.

    Returns:
      The images, the pairs, the names of the people that are known, and whether names were dropped as contradicting.
    """
    known = listed.people or {name: person for name, file in files.items() if (person := _person(file, root))}
    both = [(known.get(one), known.get(other)) for one, other in zip(listed.first, listed.second, strict=True)]
    contradicting = any(
        one is not None and other is not None and (one == other) != same
        for (one, other), same in zip(both, listed.same.tolist(), strict=True)
    )
    if contradicting and not listed.people:
        known = {}
    owners = [known.get(name, name) for name in files]
    label_of = {person: label for label, person in enumerate(dict.fromkeys(owners))}
    labels = np.array([label_of[person] for person in owners], np.int32)
    images = ImageSet(tuple(label_of), labels, count_up(labels), list(files.values()), "files")
    key_of = dict(zip(files, images.keys(), strict=True))
    pairs = PairList(
        first=tuple(key_of[name] for name in listed.first),
        second=tuple(key_of[name] for name in listed.second),
        same=listed.same,
        name=listed.name,
        folds=listed.folds,
    )
    return images, pairs, frozenset(known.values()), contradicting


def _person(file: Path, root: Path) -> str | None:
    if file.parent != root:
        return file.parent.name
    match = _NUMBERED.fullmatch(file.stem)
    return match[1] if match else None
