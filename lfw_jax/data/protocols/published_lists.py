"""The lists that published verification sets come with, beside LFW's: CALFW, CPLFW, CFP, and lists of path, path, verdict.

Where each format was found is said with its reader. AgeDB-30's own list is a MATLAB file and is not read: the set is judged
from its `.bin`, from a list of path, path, verdict, or from a CSV.
"""

from pathlib import Path

import numpy as np

from lfw_jax.data.protocols.list_format import Line, malformed, parse_number, read_lines, split_fields
from lfw_jax.data.protocols.path_pairs import PathPairs, tenths, tenths_of_each_kind
from lfw_jax.errors import UserError

_VERDICTS = {"1": True, "0": False, "-1": False}


def is_lfw_list(path: Path) -> bool:
    """Whether a list is in LFW's own format: its first line holds one or two numbers, and nothing else."""
    fields = read_lines(path)[0][1].split()
    return len(fields) in (1, 2) and all(parse_number(field) for field in fields)


def read_path_list(path: Path) -> PathPairs:
    """Read a list of paths: two lines a pair, as CALFW and CPLFW have it, or one.

    Two lines: `file number`, the number alike in both, 0 for different people (`pairs_CALFW.txt` of Zheng et al. 2017 numbers
    the same pairs by fold, `pairs_CPLFW.txt` of Zheng & Deng 2018 by 1). Each fold is a tenth of the same and a tenth of the
    different pairs, in order, as FaceX-Zoo's `pairs_parser.py` has it.
    One line: `path path verdict`, separated by tabs or blanks, 1 for the same person, 0 or -1 for two (as Face_Pytorch's
    `agedb_30_pair.txt` and `cfp_fp_pair.txt`), in ten folds one after another.

    Raises:
      UserError: neither of these, with the line.
    """
    lines = read_lines(path)
    if len(lines[0][1].rsplit(maxsplit=1)) == 2 and len(split_fields(lines[0][1], 3)) < 3:
        return _two_lines_a_pair(path, lines)
    first, second, same = [], [], []
    for line in lines:
        fields = split_fields(line[1], 3)
        if len(fields) != 3 or fields[2] not in _VERDICTS or fields[0] == fields[1]:
            expected = "`path path verdict` with 1, 0 or -1 as the verdict, or two lines `file number` a pair"
            raise malformed(path, line, f"{expected}, or a first line `N` or `F N` as LFW's lists have")
        first.append(fields[0])
        second.append(fields[1])
        same.append(_VERDICTS[fields[2]])
    return PathPairs(path.stem, first, second, np.array(same, bool), folds=tenths(len(same)))


def _two_lines_a_pair(path: Path, lines: list[Line]) -> PathPairs:
    entries: list[tuple[str, int]] = []
    for line in lines:
        name, _, number = (part.strip() for part in line[1].rpartition(" "))
        if not name or not (number.isascii() and number.isdigit()):
            raise malformed(path, line, "`file number`, with 0 where the pair shows two people")
        entries.append((name, int(number)))
    if len(lines) % 2:
        raise malformed(path, lines[-1], "another line after it: a pair takes two")
    for line, (_, number), (_, other) in zip(lines[1::2], entries[::2], entries[1::2], strict=True):
        if number != other:
            raise malformed(path, line, f"the number {number} of the line before: both lines of a pair have the same")
    same = np.array([number != 0 for _, number in entries[::2]])
    names = [name for name, _ in entries]
    return PathPairs(path.stem, names[::2], names[1::2], same, folds=tenths_of_each_kind(same))


def is_cfp_split(folder: Path) -> bool:
    """Whether a folder is CFP's `Protocol/Split/FF` or `Protocol/Split/FP`."""
    return folder.name in ("FF", "FP") and (folder.parent.parent / "Pair_list_F.txt").is_file()


def read_cfp(folder: Path) -> PathPairs:
    """Read CFP's frontal-frontal or frontal-profile protocol (Sengupta et al., WACV 2016) from its `Protocol` folder.

    `Pair_list_F.txt` and `Pair_list_P.txt` number the frontal and the profile images: `number path`, relative to `Protocol`.
    Each of ten folders of `Split/FF` or `Split/FP` is a fold, whose `same.txt` and `diff.txt` have a line `a,b` a pair: image a
    of the frontal list, image b of the frontal or the profile one. Layout as several public readers of the set agree.

    Args:
      folder: `…/Protocol/Split/FP` or `…/Protocol/Split/FF`.

    Raises:
      UserError: a missing file or a line of another form.
    """
    protocol = folder.parent.parent
    frontal = _cfp_images(protocol / "Pair_list_F.txt")
    others = _cfp_images(protocol / "Pair_list_P.txt") if folder.name == "FP" else frontal
    first, second, same, folds = [], [], [], []
    parts = sorted(part for part in folder.iterdir() if part.is_dir())
    for fold, part in enumerate(parts):
        for name, verdict in (("same.txt", True), ("diff.txt", False)):
            for line in read_lines(part / name):
                one, _, other = (number.strip() for number in line[1].partition(","))
                if one not in frontal or other not in others:
                    raise malformed(part / name, line, "`a,b`, two numbers of the lists of images")
                first.append(frontal[one])
                second.append(others[other])
                same.append(verdict)
                folds.append(fold)
    if len(parts) < 2:
        raise UserError(
            f"{folder}: found {len(parts)} folders in it, expected ten folds 01 to 10. Unpack the set again."
        )
    people = {path: Path(path).parts[-3] for path in (*first, *second)}
    return PathPairs(f"CFP-{folder.name}", first, second, np.array(same, bool), np.array(folds), people=people)


def _cfp_images(path: Path) -> dict[str, str]:
    images = {}
    for line in read_lines(path):
        number, _, image = line[1].partition(" ")
        if parse_number(number) is None or len(Path(image.strip()).parts) < 3:
            raise malformed(path, line, "`number path`, the path as <person>/<frontal or profile>/<image>")
        images[number] = image.strip()
    return images
