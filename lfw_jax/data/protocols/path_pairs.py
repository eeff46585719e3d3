"""Pairs of image files that are named by path, as in most lists other than LFW's."""

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from lfw_jax.data.formats.files import check_files
from lfw_jax.data.formats.text_lists import local_path
from lfw_jax.data.images import ImageSet, count_up
from lfw_jax.data.pair_list import PairList
from lfw_jax.errors import UserError

TENTHS = 10
_NUMBERED = re.compile(r"(.+)_\d+")
_WRONG_VERDICTS = 0.1  # of the pairs: folders that are not identities contradict far more


@dataclasses.dataclass(frozen=True, eq=False)
class PathPairs:
    """A list of pairs of files.

    Attributes:
      name: the name of the list in reports.
      first: the first path of each pair, as written in the list.
      second: the second path of each pair.
      same: `[pairs]`, true if both images show the same identity.
      folds: `[pairs]`, the fold of each pair, from 0; None for a list without folds.
      development: `[pairs]`, true for pairs on which thresholds are chosen; None if all pairs are test pairs.
      identities: the identity on each path, if the list has it; if empty, identities are derived from the paths.
    """

    name: str
    first: Sequence[str]
    second: Sequence[str]
    same: Bool[np.ndarray, "pairs"]
    folds: Int[np.ndarray, "pairs"] | None = None
    development: Bool[np.ndarray, "pairs"] | None = None
    identities: dict[str, str] = dataclasses.field(default_factory=dict)


def tenths(pairs: int, folds: int = TENTHS) -> Int[np.ndarray, "pairs"]:
    """Return consecutive, unshuffled folds of a list, as even as possible, with the longer ones first.

    Args:
      pairs: the length of the list.
      folds: the number of folds.

    Returns:
      The fold of each pair.
    """
    sizes = [len(part) for part in np.array_split(np.arange(pairs), folds)]
    return np.repeat(np.arange(folds), sizes)


def tenths_of_each_kind(same: Bool[np.ndarray, "pairs"]) -> Int[np.ndarray, "pairs"]:
    """Return ten folds, each of consecutive tenths of the same and of the different pairs."""
    folds = np.zeros(len(same), np.int64)
    for kind in (same, ~same):
        folds[kind] = tenths(int(kind.sum()))
    return folds


def find_files(listed: PathPairs, roots: Sequence[Path], path: Path) -> tuple[dict[str, Path], Path]:
    """Find the files of a list under the first root that has the first of them.

    Args:
      listed: the list.
      roots: the folders that paths may be relative to.
      path: the path of the list, for messages.

    Returns:
      The file of each distinct path, in the order of first appearance; and the root.

    Raises:
      UserError: a file is missing or is not a readable image. No pair is dropped, as that would change the benchmark.
    """
    paths = list(dict.fromkeys(name for pair in zip(listed.first, listed.second, strict=True) for name in pair))
    root = next((root for root in roots if (root / local_path(root, paths[0])).is_file()), roots[0])
    files = {name: root / local_path(root, name) for name in paths}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        searched = root if len(missing) < len(files) else ", ".join(map(str, roots))
        raise UserError(
            f"{path}: {len(missing)} of the {len(files)} images it names are missing in {searched}, the first {missing[0]}. "
            f"Correct the paths, or append the folder of the images: {path}@FOLDER."
        )
    _, faulty = check_files(list(files.values()))
    if faulty:
        raise UserError(
            f"{path}: it names {faulty[0].path}, which is {faulty[0].reason}. Repair the file, or remove its pairs from the "
            "list."
        )
    return files, root


def images_of(
    listed: PathPairs, files: dict[str, Path], root: Path
) -> tuple[ImageSet, PairList, frozenset[str], int]:  # fmt: skip
    """Build the image set and the pair list of a list of files.

    The identity on an image is taken from the list, or from the name of its folder, or, for files directly in `root`, from
    `<Name>_0001.jpg`. If names from the paths contradict pairs, the images get names of their own; the names are still returned
    if they contradict few pairs, whose verdicts are probably wrong.

    Args:
      listed: the list.
      files: the file of each path.
      root: the folder that the paths are relative to.

    Returns:
      The images, the pairs, the names of the known identities, and the number of pairs that they contradict.
    """
    known = listed.identities or {name: person for name, file in files.items() if (person := _identity(file, root))}
    both = [(known.get(one), known.get(other)) for one, other in zip(listed.first, listed.second, strict=True)]
    contradicting = sum(
        one is not None and other is not None and (one == other) != same
        for (one, other), same in zip(both, listed.same.tolist(), strict=True)
    )
    named = frozenset(known.values() if contradicting <= _WRONG_VERDICTS * len(both) else ())
    if contradicting and not listed.identities:
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
        named=all(name in known for name in files),
    )
    return images, pairs, named, contradicting


def _identity(file: Path, root: Path) -> str | None:
    file, root = (Path(os.path.normpath(path)) for path in (file, root))
    if file.parent != root:
        return file.parent.name
    match = _NUMBERED.fullmatch(file.stem)
    return match[1] if match else None
