"""The lists of an evaluation protocol: which pairs are judged, which people may train.

LFW's own formats are read and written (Huang et al., "Labeled Faces in the Wild", UMass Amherst TR 07-49, section 3).
Data that comes without lists gets generated ones.
"""

import hashlib
from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np

from lfw_jax.data.pair_list import Images, Key, PairList, image_numbers
from lfw_jax.data.protocols import pair_sampling
from lfw_jax.data.protocols.list_format import Line, malformed, parse_number, read_lines, split_fields, wrong_count
from lfw_jax.errors import UserError


def read_pairs(path: str | Path) -> PairList:
    """Read a pair list: LFW's View 1 (first line `N`) or View 2 (first line `F N`).

    After the first line, each fold has N lines `name i j` (same person) and N lines `name1 i name2 j`. Fields are
    separated by tabs or spaces; empty lines are skipped. The list is named for the file. Raises UserError, with the
    line, for anything else.
    """
    path = Path(path)
    header, *lines = read_lines(path)
    counts = [count for field in header[1].split() if (count := parse_number(field))]
    if len(counts) not in (1, 2) or len(counts) != len(header[1].split()):
        raise malformed(path, header, "the number of pairs `N`, or of folds and of pairs a fold `F N`")
    folds, size = (1, counts[0]) if len(counts) == 1 else counts
    if len(lines) != 2 * folds * size:
        announced = f"{folds} × ({size} same + {size} different) = {2 * folds * size}"
        raise wrong_count(path, header, f"{len(lines)} pairs", announced)
    same = np.arange(len(lines)) % (2 * size) < size
    first, second = zip(*(_read_pair(path, *item) for item in zip(lines, same.tolist(), strict=True)), strict=True)
    fold_of_pair = np.arange(len(lines)) // (2 * size) if len(counts) == 2 else None
    return PairList(first, second, same, path.stem, fold_of_pair)


def write_pairs(path: str | Path, pairs: PairList) -> None:
    """Write a pair list in LFW's format: View 1, or View 2 where the list has folds.

    In every fold the same pairs come first; otherwise the order is kept. The format names a same pair's person once
    and announces one number for both kinds, so a list it cannot express raises ValueError.
    """
    labels = [0] * len(pairs) if pairs.folds is None else pairs.folds.tolist()
    blocks: dict[int, tuple[list[str], list[str]]] = {label: ([], []) for label in sorted(set(labels))}
    for label, (name, i), (other, j), same in zip(labels, pairs.first, pairs.second, pairs.same.tolist(), strict=True):
        line = f"{name}\t{i}\t{j}" if same else f"{name}\t{i}\t{other}\t{j}"
        if _parse_pair(line, same) != ((name, i), (other, j)):
            kind = "same" if same else "different"
            raise ValueError(f"{pairs.name}: LFW's format cannot hold {(name, i)} and {(other, j)} as a {kind} pair")
        blocks[label][0 if same else 1].append(line)
    sizes = {len(side) for block in blocks.values() for side in block}
    if len(sizes) != 1:
        raise ValueError(f"{pairs.name}: LFW's format wants as many same as different pairs a fold, found {sizes}")
    header = f"{sizes.pop()}" if pairs.folds is None else f"{len(blocks)}\t{sizes.pop()}"
    lines = [header, *(line for block in blocks.values() for side in block for line in side)]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def read_people(path: str | Path) -> dict[str, int]:
    """Read View 1's list of people: the first line counts them, each other line is `name images`.

    Returns the number of images by name, in the file's order. Raises UserError, with the line, for anything else.
    """
    path = Path(path)
    lines = read_lines(path)
    people, end = _read_people_block(path, lines, 0)
    if end != len(lines):
        raise malformed(path, lines[end], f"the end of the list: line {lines[0][0]} announces {len(people)} people")
    return people


def read_people_folds(path: str | Path) -> list[dict[str, int]]:
    """Read View 2's list of people: the number of folds, then for each fold a list as in View 1.

    Returns the number of images by name for each fold. Raises UserError, with the line, for anything else, and when
    one person is in two folds.
    """
    path = Path(path)
    lines = read_lines(path)
    count = parse_number(lines[0][1])
    if count is None:
        raise malformed(path, lines[0], "the number of folds")
    folds: list[dict[str, int]] = []
    end = 1
    for _ in range(count):
        if end == len(lines):
            raise wrong_count(path, lines[0], f"{len(folds)} folds", f"{count} folds")
        fold, end = _read_people_block(path, lines, end)
        for earlier in folds:
            if shared := sorted(fold.keys() & earlier.keys()):
                raise UserError(f"{path}: found {shared[0]} in two folds, expected folds that share nobody.")
        folds.append(fold)
    if end != len(lines):
        raise malformed(path, lines[end], f"the end of the list: line {lines[0][0]} announces {count} folds")
    return folds


def generate_pairs(counts: Mapping[str, Images], *, pairs: int, seed: int, name: str = "generated") -> PairList:
    """Draw a balanced pair list from people, no pair twice: a function of its arguments alone.

    People count alike, however many images they have, as in LFW's own lists: same pairs are shared out evenly,
    different pairs come from two people drawn uniformly. `pairs` is the number of same pairs and also of different
    pairs, fewer where fewer exist. Same pairs come first, each kind sorted. Raises UserError if no such pair exists.
    """
    people = {person: numbers for person in sorted(counts) if (numbers := image_numbers(counts[person]))}
    keys = [(person, number) for person, numbers in people.items() for number in numbers]
    sizes = np.asarray([len(numbers) for numbers in people.values()], dtype=np.int64)
    same_exist, different_exist = pair_sampling.count_pairs(sizes)
    size = min(pairs, same_exist, different_exist)
    if size < 1:
        raise UserError(
            f"{name}: found {same_exist} pairs of one person's images and {different_exist} of two people's among "
            f"{len(sizes)} people, and {pairs} asked for. Expected at least one of each: bring more images of more "
            "people, or ask for more pairs."
        )
    rng = np.random.default_rng(seed)
    drawn = [pair_sampling.sample_same(sizes, size, rng), pair_sampling.sample_different(sizes, size, rng)]
    first, second = (tuple(keys[index] for index in np.concatenate(side)) for side in zip(*drawn, strict=True))
    return PairList(first, second, np.arange(2 * size) < size, name)


def split_people(counts: Mapping[str, Images], *, share: float, seed: int) -> tuple[list[str], list[str]]:
    """Hold people out for validation: `(training names, validation names)`, both sorted.

    A person's side depends on the seed and their name alone, so that people who join or leave move nobody else; the
    share is met on average. Raises UserError unless someone is left to train on and two people with two images each
    are held out.
    """
    if not 0 < share < 1:
        raise UserError(f"The share of people held out is {share}; expected a number between 0 and 1, such as 0.1.")
    training: list[str] = []
    validation: list[str] = []
    for name in sorted(counts):
        digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
        side = validation if int.from_bytes(digest[:8]) < share * 2**64 else training
        side.append(name)
    several = sum(len(image_numbers(counts[name])) >= 2 for name in validation)
    if several < 2 or not training:
        raise UserError(
            f"Holding out a share of {share} of {len(counts)} people (seed {seed}) leaves {len(training)} to train on "
            f"and holds out {several} who have two images or more; at least 1 and 2 are needed. Change the share or "
            "the seed, or bring more people."
        )
    return training, validation


def check_against(pairs: PairList, available: Container[Key] | Mapping[str, Images]) -> None:
    """Raise UserError if the list names images that the data does not have.

    `available` holds keys, or maps each person's name to their images.
    """
    if isinstance(available, Mapping) and isinstance(next(iter(available), None), str):
        wanted = pairs.people() & available.keys()
        available = {(name, number) for name in wanted for number in image_numbers(available[name])}
    keys = pairs.keys()
    missing = [key for key in keys if key not in available]
    if missing:
        shown = ", ".join(f"{name}_{number:04d}" for name, number in missing[:3]) + (", …" if len(missing) > 3 else "")
        raise UserError(
            f"{pairs.name}: {len(missing)} of the {len(keys)} images it names are missing from the data ({shown}). "
            "Point --config.data.dir at the folder that the list was made for, or --config.data.lists_dir at lists "
            "made for this folder."
        )


def _parse_pair(line: str, same: bool) -> tuple[Key, Key] | None:
    fields = split_fields(line, 3 if same else 4)
    if len(fields) != (3 if same else 4):
        return None
    name, other = fields[0], fields[0 if same else 2]
    i, j = parse_number(fields[1]), parse_number(fields[-1])
    if i is None or j is None or (same and i == j) or (not same and name == other):
        return None
    return (name, i), (other, j)


def _read_pair(path: Path, line: Line, same: bool) -> tuple[Key, Key]:
    pair = _parse_pair(line[1], same)
    if pair is None:
        expected = "`name i j`, two images of one person" if same else "`name1 i name2 j`, two different people"
        raise malformed(path, line, f"{expected}, separated by tabs, with image numbers from 1")
    return pair


def _read_people_block(path: Path, lines: list[Line], start: int) -> tuple[dict[str, int], int]:
    """The people announced by `lines[start]`, and where the lines after them start."""
    header, block = lines[start], lines[start + 1 :]
    count = parse_number(header[1])
    if count is None:
        raise malformed(path, header, "a number of people")
    if len(block) < count:
        raise wrong_count(path, header, f"{len(block)} lines", f"{count} people")
    people: dict[str, int] = {}
    for line in block[:count]:
        fields = split_fields(line[1], 2)
        images = parse_number(fields[-1])
        if len(fields) != 2 or images is None or fields[0] in people:
            raise malformed(path, line, "`name images` of a person not named before, separated by a tab")
        people[fields[0]] = images
    return people, start + 1 + count
