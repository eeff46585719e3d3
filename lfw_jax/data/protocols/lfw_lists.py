"""LFW's lists of pairs and identities: read, written, or generated for data without lists.

The formats are those of Huang et al., "Labeled Faces in the Wild", UMass Amherst TR 07-49, section 3.
"""

from collections.abc import Container, Mapping
from pathlib import Path

import numpy as np

from lfw_jax.data.pair_list import Images, Key, PairList, image_numbers
from lfw_jax.data.protocols import pair_sampling
from lfw_jax.data.protocols.lfw_pair_lines import announced_counts, lacks_first_line, parse_pair, read_pair
from lfw_jax.data.protocols.list_format import Line, malformed, parse_number, read_lines, split_fields, wrong_count
from lfw_jax.errors import UserError


def read_pairs(path: str | Path) -> PairList:
    """Read a pair list: LFW's View 1 (first line `N`) or View 2 (first line `F N`).

    After the first line, each fold has 2N lines: N lines `name i j` (same identity) and N lines `name1 i name2 j` in LFW's own
    lists, and any number of either, in any order, in lists that others made. A first line may also be the numbers of same and of
    different pairs, if they differ, or be missing; such lists have no folds. Fields are separated by tabs or spaces; empty lines
    are skipped.

    Returns:
      The pairs, named after the file.

    Raises:
      UserError: the file has another format; the message has the line.
    """
    path = Path(path)
    lines = read_lines(path)
    if lacks_first_line(lines):
        header, counts = None, []
    else:
        header, *lines = lines
        counts = announced_counts(header[1])
        if counts is None:
            raise malformed(
                path, header, "the number of pairs `N`, or the numbers of folds and of pairs per fold `F N`"
            )
        _check_count(path, header, counts, len(lines))
    parsed = [read_pair(path, line) for line in lines]
    first, second, same = zip(*parsed, strict=True)
    if len(set(same)) == 1:
        kind = "one identity" if same[0] else "two identities"
        raise UserError(f"{path}: found only pairs of {kind}, expected both kinds. Add pairs of the other kind.")
    folds = None
    if header and len(counts) == 2:
        if len(lines) == 2 * counts[0] * counts[1]:
            folds = np.arange(len(lines)) // (2 * counts[1])
        elif (found := sum(same)) != counts[0]:
            announced = f"{counts[0]} same and {counts[1]} different pairs"
            raise wrong_count(path, header, f"{found} same and {len(same) - found} different pairs", announced)
    return PairList(first, second, np.array(same, bool), path.stem, folds)


def _check_count(path: Path, header: Line, counts: list[int], lines: int) -> None:
    """Check the number of lines after a first line `N`, `F N`, or of the numbers of same and of different pairs."""
    folds, size = (1, counts[0]) if len(counts) == 1 else counts
    # Two equal numbers could be those of folds and of pairs in a list that is cut off.
    of_each_kind = len(counts) == 2 and folds != size and lines == folds + size
    if lines != 2 * folds * size and not of_each_kind:
        announced = f"{folds} × ({size} same + {size} different) = {2 * folds * size}"
        raise wrong_count(path, header, f"{lines} pairs", announced)


def write_pairs(path: str | Path, pairs: PairList) -> None:
    """Write a pair list in LFW's format: View 1, or View 2 if the list has folds.

    In every fold the same pairs come first; otherwise the order is kept. The format names the identity of a same pair once and
    has one number for the pairs of both kinds.

    Args:
      path: the file.
      pairs: the list.

    Raises:
      ValueError: the format cannot express the list.
    """
    labels = [0] * len(pairs) if pairs.folds is None else pairs.folds.tolist()
    blocks: dict[int, tuple[list[str], list[str]]] = {label: ([], []) for label in sorted(set(labels))}
    for label, (name, i), (other, j), same in zip(labels, pairs.first, pairs.second, pairs.same.tolist(), strict=True):
        line = f"{name}\t{i}\t{j}" if same else f"{name}\t{i}\t{other}\t{j}"
        if parse_pair(line) != ((name, i), (other, j), same):
            kind = "same" if same else "different"
            raise ValueError(f"{pairs.name}: LFW's format cannot hold {(name, i)} and {(other, j)} as a {kind} pair")
        blocks[label][0 if same else 1].append(line)
    sizes = {len(side) for block in blocks.values() for side in block}
    if len(sizes) != 1:
        raise ValueError(
            f"{pairs.name}: LFW's format needs as many same as different pairs in every fold, found {sizes}"
        )
    header = f"{sizes.pop()}" if pairs.folds is None else f"{len(blocks)}\t{sizes.pop()}"
    lines = [header, *(line for block in blocks.values() for side in block for line in side)]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def read_people(path: str | Path) -> dict[str, int]:
    """Read View 1's list of identities: the first line is their number, each other line is `name images`.

    Returns:
      The number of images by name, in the order of the file.

    Raises:
      UserError: the file has another format; the message has the line.
    """
    path = Path(path)
    lines = read_lines(path)
    people, end = _read_people_block(path, lines, 0)
    if end != len(lines):
        raise malformed(path, lines[end], f"the end of the list: line {lines[0][0]} announces {len(people)} identities")
    return people


def read_people_folds(path: str | Path) -> list[dict[str, int]]:
    """Read View 2's list of identities: the number of folds, then for each fold a list as in View 1.

    Returns:
      The number of images by name, for each fold.

    Raises:
      UserError: the file has another format, or an identity is in two folds.
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
                raise UserError(f"{path}: found {shared[0]} in two folds, expected disjoint folds. Correct the list.")
        folds.append(fold)
    if end != len(lines):
        raise malformed(path, lines[end], f"the end of the list: line {lines[0][0]} announces {count} folds")
    return folds


def generate_pairs(
    counts: Mapping[str, Images], *, pairs: int, seed: int, name: str = "generated", per_identity: int = 0
) -> PairList:
    """Sample a balanced list of distinct pairs: a pure function of the arguments.

    All identities have the same weight, however many images they have, as in LFW's own lists: same pairs are distributed evenly
    over the identities, different pairs come from two identities sampled uniformly.

    Args:
      counts: the images of each identity.
      pairs: the number of same pairs and of different pairs; fewer if fewer exist.
      seed: the seed of the sample.
      name: the name of the list.
      per_identity: the largest number of same pairs of one identity; it is in at most twice as many different pairs, as each of
        these has two identities. 0 for no limit.

    Returns:
      The list: same pairs first, each kind sorted.

    Raises:
      UserError: there is no same pair or no different pair.
    """
    identities = {identity: numbers for identity in sorted(counts) if (numbers := image_numbers(counts[identity]))}
    keys = [(identity, number) for identity, numbers in identities.items() for number in numbers]
    sizes = np.asarray([len(numbers) for numbers in identities.values()], dtype=np.int64)
    same_exist, different_exist = pair_sampling.count_pairs(sizes)
    size = min(pairs, same_exist, different_exist)
    if size < 1:
        raise UserError(
            f"{name}: found {same_exist} same and {different_exist} different pairs among {len(sizes)} identities, and {pairs} "
            "requested; expected at least one of each. Add images of more identities, or request more pairs."
        )
    rng = np.random.default_rng(seed)
    if per_identity:
        size = min(size, int(np.minimum(sizes * (sizes - 1) // 2, per_identity).sum()))
        different = pair_sampling.sample_different_capped(sizes, size, rng, 2 * per_identity)
        size = len(different[0])
        sampled = [pair_sampling.sample_same(sizes, size, rng, per_identity), different]
    else:
        sampled = [pair_sampling.sample_same(sizes, size, rng), pair_sampling.sample_different(sizes, size, rng)]
    first, second = (tuple(keys[index] for index in np.concatenate(side)) for side in zip(*sampled, strict=True))
    return PairList(first, second, np.arange(2 * size) < size, name)


def check_against(pairs: PairList, available: Container[Key] | Mapping[str, Images]) -> None:
    """Check that the data has all images of a list.

    Args:
      pairs: the list.
      available: the keys of the images, or the images of each identity.

    Raises:
      UserError: images are missing from the data.
    """
    if isinstance(available, Mapping) and isinstance(next(iter(available), None), str):
        wanted = pairs.identities() & available.keys()
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


def _read_people_block(path: Path, lines: list[Line], start: int) -> tuple[dict[str, int], int]:
    """Return the identities announced by `lines[start]`, and the index of the line after them."""
    header, block = lines[start], lines[start + 1 :]
    count = parse_number(header[1])
    if count is None:
        raise malformed(path, header, "a number of identities")
    if len(block) < count:
        raise wrong_count(path, header, f"{len(block)} lines", f"{count} identities")
    people: dict[str, int] = {}
    for line in block[:count]:
        fields = split_fields(line[1], 2)
        images = parse_number(fields[-1])
        if len(fields) != 2 or images is None or fields[0] in people:
            raise malformed(path, line, "`name images` of an identity not named before, separated by a tab")
        people[fields[0]] = images
    return people, start + 1 + count
